import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import { BASE_PATH } from './client';
import { isServerMessage } from './decode';
import type { Resync, ServerMessage, Snapshot } from './generated';

/** First wait before the socket is tried again; doubled at each failure. */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** So many attempts in a row without a message, and plain requests take over. */
const ATTEMPTS_BEFORE_POLLING = 2;
const POLL_INTERVAL_MS = 5_000;
/** A page that was only glanced away from keeps its socket. */
const HIDDEN_GRACE_MS = 5_000;

/**
 * What the server tells, as typed messages: over a WebSocket, or where a proxy blocks
 * those, by asking for snapshots.
 *
 * #### Notes
 * Holds no state of clusters: who receives a delta that does not fit calls `resync`.
 * Closes when the page is hidden and opens again when it is shown. Opening does not
 * wait: `stateChanged` tells what came of it.
 */
export class EventStream implements IDisposable {
  constructor(options: EventStream.IOptions) {
    this._settings = options.serverSettings;
    this._page = options.page ?? document;
    this._random = options.random ?? Math.random;
    this._poll = new Poll({
      name: 'jupyterlab-engines:EventStream#poll',
      auto: false,
      factory: () => this._ask(options.snapshot),
      frequency: {
        interval: POLL_INTERVAL_MS,
        backoff: true,
        max: LONGEST_DELAY_MS
      },
      standby: 'when-hidden'
    });
    this._page.addEventListener('visibilitychange', this._onVisibility);
  }

  /** A message of the server, in order. */
  get received(): ISignal<this, ServerMessage> {
    return this._received;
  }

  get stateChanged(): ISignal<this, EventStream.State> {
    return this._stateChanged;
  }

  get state(): EventStream.State {
    return this._state;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._page.removeEventListener('visibilitychange', this._onVisibility);
    this.close();
    this._poll.dispose();
    Signal.clearData(this);
  }

  /** Connect, and stay connected until `close`. */
  open(): void {
    if (this._isDisposed || this._wanted) {
      return;
    }
    this._wanted = true;
    this._attempts = 0;
    if (this._page.hidden) {
      this._setState('paused');
      return;
    }
    this._setState('connecting');
    this._connect();
  }

  /** Disconnect, and stay so until `open`. */
  close(): void {
    this._wanted = false;
    this._halt();
    this._setState('closed');
  }

  /** Try now, if not connected; while polling, ask now. */
  retry(): void {
    if (!this._wanted || this._page.hidden || this._state === 'live') {
      return;
    }
    if (this._polling) {
      void this._poll.refresh();
    }
    this._connect();
  }

  /** Ask for a snapshot: a delta did not fit what the receiver knows. */
  resync(): void {
    if (this._polling) {
      void this._poll.refresh();
    } else if (this._socket?.readyState === SOCKET_OPEN) {
      const message: Resync = { type: 'resync' };
      this._socket.send(JSON.stringify(message));
    }
  }

  /** While polling, ask now: a command has just changed something. */
  hurry(): void {
    if (this._polling) {
      void this._poll.refresh();
    }
  }

  private _connect(): void {
    this._dropSocket();
    const { WebSocket, wsUrl, token, appendToken } = this._settings;
    let url = URLExt.join(wsUrl, BASE_PATH, 'stream');
    if (appendToken && token !== '') {
      url += `?token=${encodeURIComponent(token)}`;
    }
    const socket = new WebSocket(url);
    this._socket = socket;
    socket.onmessage = event => this._onMessage(event.data);
    // An `error` is always followed by a `close`.
    socket.onclose = () => this._onClose();
  }

  private _onMessage(data: unknown): void {
    const message = parse(data);
    if (message === null) {
      // Not our server: a proxy that accepts any socket. The same as a refusal.
      this._dropSocket();
      this._onClose();
      return;
    }
    this._attempts = 0;
    this._stopPolling();
    this._setState('live');
    this._received.emit(message);
  }

  private _onClose(): void {
    this._dropSocket();
    if (!this._wanted) {
      return;
    }
    this._attempts += 1;
    if (!this._polling) {
      this._setState('lost');
      if (this._attempts >= ATTEMPTS_BEFORE_POLLING) {
        this._polling = true;
        void this._poll.start();
        void this._poll.refresh();
      }
    }
    const longest = Math.min(
      LONGEST_DELAY_MS,
      FIRST_DELAY_MS * 2 ** (this._attempts - 1)
    );
    // Half of it at random: all browsers lose a restarted server at the same moment.
    const delay = longest * (0.5 + this._random() / 2);
    this._retryTimer = setTimeout(() => this._connect(), delay);
  }

  /** One tick of the poll; rejects as `snapshot` does, so that the poll backs off. */
  private async _ask(snapshot: () => Promise<Snapshot>): Promise<void> {
    try {
      const message = await snapshot();
      if (this._polling) {
        this._setState('polling');
        this._received.emit(message);
      }
    } catch (error) {
      if (this._polling) {
        this._setState('lost');
      }
      throw error;
    }
  }

  private _stopPolling(): void {
    if (this._polling) {
      this._polling = false;
      void this._poll.stop();
    }
  }

  /** End everything that is going on. */
  private _halt(): void {
    this._stopPolling();
    this._dropSocket();
    clearTimeout(this._hiddenTimer);
  }

  private _dropSocket(): void {
    clearTimeout(this._retryTimer);
    const socket = this._socket;
    if (socket) {
      this._socket = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }

  private _onVisibility = (): void => {
    clearTimeout(this._hiddenTimer);
    if (!this._wanted) {
      return;
    }
    if (this._page.hidden) {
      this._hiddenTimer = setTimeout(() => {
        this._halt();
        this._setState('paused');
      }, HIDDEN_GRACE_MS);
    } else if (this._state === 'paused') {
      this._attempts = 0;
      this._setState('connecting');
      this._connect();
    }
  };

  private _setState(state: EventStream.State): void {
    if (state !== this._state) {
      this._state = state;
      this._stateChanged.emit(state);
    }
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _page: EventStream.IPage;
  private readonly _random: () => number;
  private readonly _poll: Poll;
  private readonly _received = new Signal<this, ServerMessage>(this);
  private readonly _stateChanged = new Signal<this, EventStream.State>(this);
  private _socket: WebSocket | null = null;
  private _state: EventStream.State = 'closed';
  private _wanted = false;
  private _polling = false;
  private _attempts = 0;
  private _retryTimer: ReturnType<typeof setTimeout> | undefined;
  private _hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
}

export namespace EventStream {
  export type State =
    'closed' | 'connecting' | 'live' | 'polling' | 'lost' | 'paused';

  /** The part of `document` that tells whether anybody looks. */
  export interface IPage {
    readonly hidden: boolean;
    addEventListener(type: 'visibilitychange', listener: () => void): void;
    removeEventListener(type: 'visibilitychange', listener: () => void): void;
  }

  export interface IOptions {
    serverSettings: ServerConnection.ISettings;
    /** Asks for the whole state by plain requests. */
    snapshot: () => Promise<Snapshot>;
    /** By default the document. */
    page?: IPage;
    /** By default `Math.random`. */
    random?: () => number;
  }
}

/** `WebSocket.OPEN`, without asking the browser's global for it. */
const SOCKET_OPEN = 1;

/** Return the message in `data`, or null if it is none. */
function parse(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') {
    return null;
  }
  try {
    const value: unknown = JSON.parse(data);
    return isServerMessage(value) ? value : null;
  } catch {
    return null;
  }
}
