/**
 * Stand-ins for what lies outside the browser: the network's sockets and requests, the page.
 * Nothing of ours is replaced.
 */
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { ApiClient } from '../api/client';
import type {
  Cluster,
  Delta,
  Profile,
  ServerMessage,
  Snapshot
} from '../api/generated';
import { EventStream } from '../api/stream';
import { ClusterModel, fetchSnapshot } from '../clusters/model';
import type { IProfileService } from '../tokens';
import { noScheduler } from './examples';

export const trans = nullTranslator.load('jupyterlab_engines');

/** The sockets that were opened, newest last. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  /** Answers a request, or throws as `fetch` does when nobody is there. */
  answer: (request: IAnswered) => IAnswer = () => ({ status: 404, body: {} });
  readonly requests: IAnswered[] = [];

  get settings(): ServerConnection.ISettings {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const network = this;
    return ServerConnection.makeSettings({
      baseUrl: 'http://host/user/some%20one/',
      wsUrl: 'ws://host/user/some%20one/',
      token: 'a token',
      appendToken: true,
      // Only what the stream uses is there.
      WebSocket: class extends FakeSocket {
        constructor(url: string) {
          super(url);
          network.sockets.push(this);
        }
      } as unknown as typeof WebSocket,
      fetch: async (input: RequestInfo) => {
        const request = input as Request;
        const text = await request.text();
        const asked: IAnswered = {
          method: request.method,
          // Without what keeps browsers from answering from their caches.
          url: request.url.replace(/[?&]\d{13}$/, ''),
          body: text === '' ? null : JSON.parse(text)
        };
        this.requests.push(asked);
        const { status, body, text: raw } = this.answer(asked);
        return new Response(
          status === 204 ? null : (raw ?? JSON.stringify(body)),
          { status }
        );
      }
    });
  }

  get last(): FakeSocket {
    const socket = this.sockets[this.sockets.length - 1];
    if (socket === undefined) {
      throw new Error('No socket was opened');
    }
    return socket;
  }
}

export interface IAnswered {
  method: string;
  url: string;
  body: unknown;
}

export interface IAnswer {
  status: number;
  body?: unknown;
  /** Sent instead of `body`, as it is. */
  text?: string;
}

export class FakeSocket {
  constructor(readonly url: string) {}

  readyState = 0;
  readonly sent: unknown[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.readyState = 3;
  }

  /** The server sends a message. */
  receive(message: ServerMessage | string): void {
    this.readyState = 1;
    this.onmessage?.({
      data: typeof message === 'string' ? message : JSON.stringify(message)
    });
  }

  /** The network or the server ends the connection. */
  drop(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

/** A page that can be hidden. */
export class FakePage implements EventStream.IPage {
  hidden = false;

  addEventListener(_: 'visibilitychange', listener: () => void): void {
    this._listeners.add(listener);
  }

  removeEventListener(_: 'visibilitychange', listener: () => void): void {
    this._listeners.delete(listener);
  }

  show(isShown: boolean): void {
    this.hidden = !isShown;
    this._listeners.forEach(listener => listener());
  }

  get listeners(): number {
    return this._listeners.size;
  }

  private readonly _listeners = new Set<() => void>();
}

export const HELLO: ServerMessage = {
  type: 'hello',
  api_version: 1,
  server: { version: '0.1.0', api_version: 1, host: 'h' },
  now: 5000
};

/** The model on a network that answers as told, and what it knows at first. */
export class Bench {
  readonly network = new FakeNetwork();
  readonly model: ClusterModel;
  readonly stream: EventStream;
  /** Asks the same network. */
  readonly service: IProfileService;
  private _revision = 0;

  constructor() {
    const client = new ApiClient({ serverSettings: this.network.settings });
    this.service = client;
    this.stream = new EventStream({
      serverSettings: this.network.settings,
      snapshot: () => fetchSnapshot(client),
      page: new FakePage()
    });
    this.model = new ClusterModel({ client, stream: this.stream });
  }

  /** Connect; the server knows these. */
  async connect(
    clusters: Cluster[],
    profiles: Profile[],
    batch: Pick<Snapshot, 'scheduler' | 'jobs'> = {
      scheduler: noScheduler(),
      jobs: []
    }
  ): Promise<void> {
    this.network.answer = () => ({
      status: 200,
      body: { version: '0.1.0', api_version: 1, host: 'h' }
    });
    await this.model.connect();
    this.network.last.receive(HELLO);
    this.network.last.receive({
      type: 'snapshot',
      revision: this._revision,
      profiles,
      clusters,
      activity: [],
      ...batch
    });
    this.network.requests.length = 0;
    this.network.answer = () => ({ status: 500, text: 'not expected' });
  }

  /** The server tells that clusters have changed or are gone. */
  tell(
    changed: Cluster[],
    removed: string[] = [],
    rest: Partial<Delta> = {}
  ): void {
    this.network.last.receive({
      type: 'delta',
      base: this._revision,
      revision: (this._revision += 1),
      changed,
      removed,
      profiles: null,
      scheduler: null,
      jobs_changed: [],
      jobs_removed: [],
      activity: [],
      ...rest
    });
  }
}

/** Let everything that is only waiting for promises happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
}

/** Resolve when `condition` is true; Jest's time limit is the limit. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise(resolve => {
      setTimeout(resolve, 1);
    });
  }
}

/** Resolve when the open dialog says that: its parts are drawn one after another. */
export async function dialogSays(pattern: RegExp): Promise<void> {
  await waitUntil(() =>
    pattern.test(
      document.querySelector('.jp-Dialog-content')?.textContent ?? ''
    )
  );
}
