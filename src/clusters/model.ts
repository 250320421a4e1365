import { UUID } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import { RequestError } from '../api/client';
import type { ApiClient } from '../api/client';
import { API_VERSION } from '../api/generated';
import type {
  Cluster,
  ClusterLog,
  Delta,
  Hello,
  Profile,
  Resources,
  ServerInfo,
  ServerMessage,
  Snapshot
} from '../api/generated';
import type { EventStream } from '../api/stream';
import type { IClusterChange, IClusterManager, Link } from '../tokens';

/**
 * The clusters of this user as the server told them: the only place in the browser that
 * holds them.
 */
export class ClusterModel implements IClusterManager {
  constructor(options: ClusterModel.IOptions) {
    this._client = options.client;
    this._stream = options.stream;
    this._now = options.now ?? Date.now;
    this._stream.received.connect(this._onMessage, this);
    this._stream.stateChanged.connect(this._onStreamState, this);
  }

  get link(): Link {
    return this._link;
  }

  get isKnown(): boolean {
    return this._revision !== null;
  }

  get clusters(): readonly Cluster[] {
    return this._sorted;
  }

  get profiles(): readonly Profile[] {
    return this._profiles;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get clusterChanged(): ISignal<this, IClusterChange> {
    return this._clusterChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._stream.dispose();
    Signal.clearData(this);
  }

  /** Find out who answers, and follow it. Tells through `link`, never rejects. */
  async connect(): Promise<void> {
    this._setLink({ state: 'connecting' });
    try {
      const server = await this._client.server();
      if (this._isDisposed || !this._speaksWith(server)) {
        return;
      }
    } catch (error) {
      if (this._isDisposed) {
        return;
      }
      const link = linkOf(error);
      if (link !== null) {
        this._setLink(link);
        return;
      }
      // No answer yet: the stream tries again until there is one.
    }
    this._stream.open();
  }

  retry(): void {
    switch (this._link.state) {
      case 'missing':
      case 'mismatch':
      case 'refused':
        void this.connect();
        break;
      default:
        this._stream.retry();
    }
  }

  get(key: string): Cluster | undefined {
    return this._clusters.get(key);
  }

  serverNow(): number {
    return this._now() / 1000 + this._clockOffset;
  }

  async start(
    profile: string,
    engines: number,
    resources: Resources | null = null
  ): Promise<Cluster> {
    const name = JSON.stringify([profile, engines, resources]);
    const pending = this._starts.get(name);
    if (pending?.reply) {
      return pending.reply;
    }
    // A start whose answer got lost may have happened: asking again with the same key finds it.
    const start: IStart = pending ?? { key: UUID.uuid4(), reply: null };
    this._starts.set(name, start);
    start.reply = this._client.startCluster({
      profile,
      engines,
      ...(resources !== null && { resources }),
      idempotency_key: start.key
    });
    try {
      const cluster = await start.reply;
      this._starts.delete(name);
      this._stream.hurry();
      return cluster;
    } catch (error) {
      start.reply = null;
      if (!(error instanceof RequestError && error.kind === 'unreachable')) {
        this._starts.delete(name);
      }
      throw error;
    }
  }

  async stop(key: string): Promise<Cluster> {
    const cluster = await this._client.stopCluster(key);
    this._stream.hurry();
    return cluster;
  }

  async interrupt(key: string): Promise<void> {
    await this._client.interruptCluster(key);
  }

  async restartEngines(key: string): Promise<Cluster> {
    const cluster = await this._client.restartEngines(key);
    this._stream.hurry();
    return cluster;
  }

  async dismiss(key: string): Promise<void> {
    await this._client.forgetCluster(key);
    this._stream.hurry();
  }

  async log(
    key: string,
    source: ClusterLog['source'],
    lines: number
  ): Promise<ClusterLog> {
    return this._client.clusterLog(key, source, lines);
  }

  private _onMessage(_: EventStream, message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this._onHello(message);
        break;
      case 'snapshot':
        this._onSnapshot(message);
        break;
      case 'delta':
        this._onDelta(message);
        break;
      default:
        unknownMessage(message);
    }
  }

  private _onHello(hello: Hello): void {
    this._clockOffset = hello.now - this._now() / 1000;
    this._speaksWith(hello.server);
  }

  private _onSnapshot(snapshot: Snapshot): void {
    const isFirst = !this.isKnown;
    const previous = this._clusters;
    this._revision = snapshot.revision;
    this._profiles = snapshot.profiles;
    this._clusters = new Map(snapshot.clusters.map(c => [c.key, c]));
    this._forgetLostStarts();
    this._refreshed();
    if (isFirst) {
      return;
    }
    for (const [key, before] of previous) {
      if (!this._clusters.has(key)) {
        this._clusterChanged.emit({ key, previous: before, current: null });
      }
    }
    for (const current of snapshot.clusters) {
      const before = previous.get(current.key) ?? null;
      if (before === null || !isSame(before, current)) {
        this._clusterChanged.emit({
          key: current.key,
          previous: before,
          current
        });
      }
    }
  }

  private _onDelta(delta: Delta): void {
    if (delta.base !== this._revision) {
      // One was missed, or this one is already in the snapshot that is on its way.
      this._stream.resync();
      return;
    }
    const changes: IClusterChange[] = [];
    this._revision = delta.revision;
    this._profiles = delta.profiles ?? this._profiles;
    const clusters = new Map(this._clusters);
    for (const key of delta.removed) {
      const previous = clusters.get(key) ?? null;
      clusters.delete(key);
      changes.push({ key, previous, current: null });
    }
    for (const current of delta.changed) {
      const previous = clusters.get(current.key) ?? null;
      clusters.set(current.key, current);
      changes.push({ key: current.key, previous, current });
    }
    if (changes.length === 0 && delta.profiles === null) {
      return; // Jobs, or what engines do: that comes every second.
    }
    this._clusters = clusters;
    this._refreshed();
    changes.forEach(change => this._clusterChanged.emit(change));
  }

  /** A snapshot shows whether a start whose answer got lost has happened: the next one is a new one. */
  private _forgetLostStarts(): void {
    for (const [name, start] of this._starts) {
      if (start.reply === null) {
        this._starts.delete(name);
      }
    }
  }

  private _refreshed(): void {
    this._sorted = [...this._clusters.values()].sort(
      (a, b) => b.created_at - a.created_at || (a.key < b.key ? -1 : 1)
    );
    this._changed.emit();
  }

  private _onStreamState(_: EventStream, state: EventStream.State): void {
    switch (state) {
      case 'closed':
        break; // By `_speaksWith`, which has told why.
      case 'lost':
        if (this._link.state !== 'lost') {
          this._setLink({
            state: 'lost',
            knownAt: this.isKnown ? this._now() : null
          });
        }
        break;
      case 'connecting':
        // Nothing is gained by hiding what is known while the socket opens again.
        if (!this.isKnown) {
          this._setLink({ state });
        }
        break;
      case 'live':
      case 'polling':
      case 'paused':
        this._setLink({ state });
        break;
      default:
        unknownState(state);
    }
  }

  /** Tell whether the server's contract is this page's; if not, say so and stop listening. */
  private _speaksWith(server: ServerInfo): boolean {
    if (server.api_version === API_VERSION) {
      return true;
    }
    this._stream.close();
    this._setLink({
      state: 'mismatch',
      serverVersion: server.version,
      older: server.api_version > API_VERSION ? 'page' : 'server'
    });
    return false;
  }

  private _setLink(link: Link): void {
    this._link = link;
    this._changed.emit();
  }

  private readonly _client: ApiClient;
  private readonly _stream: EventStream;
  private readonly _now: () => number;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _clusterChanged = new Signal<this, IClusterChange>(this);
  private readonly _starts = new Map<string, IStart>();
  private _link: Link = { state: 'connecting' };
  private _revision: number | null = null;
  private _profiles: readonly Profile[] = [];
  private _clusters: ReadonlyMap<string, Cluster> = new Map<string, Cluster>();
  private _sorted: readonly Cluster[] = [];
  /** Seconds to add to this browser's clock to get the server's. */
  private _clockOffset = 0;
  private _isDisposed = false;
}

export namespace ClusterModel {
  export interface IOptions {
    client: ApiClient;
    /** Disposed with the model. */
    stream: EventStream;
    /** This browser's clock in milliseconds; by default `Date.now`. */
    now?: () => number;
  }
}

/** Ask for everything by plain requests: what the stream falls back on. */
export async function fetchSnapshot(client: ApiClient): Promise<Snapshot> {
  const [{ profiles }, { revision, clusters }, { status, jobs }] =
    await Promise.all([
      client.profiles(),
      client.clusters(),
      client.jobs('mine')
    ]);
  return {
    type: 'snapshot',
    revision,
    profiles,
    clusters,
    scheduler: status,
    jobs,
    activity: [] // Told by the stream alone.
  };
}

interface IStart {
  /** Idempotency key. */
  key: string;
  /** The request on its way, if one is. */
  reply: Promise<Cluster> | null;
}

/** Return what an answer of the route `server` means for good; null if asking again may help. */
function linkOf(error: unknown): Link | null {
  if (!(error instanceof RequestError)) {
    throw error;
  }
  if (error.kind === 'missing') {
    return { state: 'missing' };
  }
  if (error.status === 401 || error.status === 403) {
    return { state: 'refused', message: error.message };
  }
  return null;
}

function isSame(a: Cluster, b: Cluster): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function unknownMessage(message: never): never {
  throw new Error(`Unknown message ${JSON.stringify(message)}`);
}

function unknownState(state: never): never {
  throw new Error(`Unknown state ${String(state)}`);
}
