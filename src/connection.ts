import { Token } from '@lumino/coreutils';
import type { ApiClient } from './api/client';
import type { EventStream } from './api/stream';

/** The one line to the server half: what asks, and what listens. */
export interface IServerConnection {
  readonly client: ApiClient;
  /** Opened and disposed by the cluster manager; all others only listen. */
  readonly stream: EventStream;
}

/** The one line to the server half. */
export const IServerConnection = new Token<IServerConnection>(
  'jupyterlab-engines:IServerConnection',
  'Requests to the server half of the engines extension, and the stream it tells on.'
);
