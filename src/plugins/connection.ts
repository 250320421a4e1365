import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ApiClient } from '../api/client';
import { EventStream } from '../api/stream';
import { fetchSnapshot } from '../clusters/model';
import { IServerConnection } from '../connection';

/** The one line to the server half; opened by who manages the clusters. */
export const connectionPlugin: JupyterFrontEndPlugin<IServerConnection> = {
  id: 'jupyterlab-engines:connection',
  description: 'Speaks with the server half of the engines extension.',
  autoStart: true,
  provides: IServerConnection,
  activate: (app: JupyterFrontEnd): IServerConnection => {
    const { serverSettings } = app.serviceManager;
    const client = new ApiClient({ serverSettings });
    const stream = new EventStream({
      serverSettings,
      snapshot: () => fetchSnapshot(client)
    });
    return { client, stream };
  }
};
