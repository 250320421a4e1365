import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ApiClient } from '../api/client';
import { EventStream } from '../api/stream';
import { ClusterModel, fetchSnapshot } from '../clusters/model';
import { IClusterManager } from '../tokens';

/** Follows the clusters; has no user interface and needs no shell. */
export const clustersPlugin: JupyterFrontEndPlugin<IClusterManager> = {
  id: 'jupyterlab-engines:clusters',
  description: 'Starts, stops and follows clusters of engines.',
  autoStart: true,
  provides: IClusterManager,
  activate: (app: JupyterFrontEnd): IClusterManager => {
    const { serverSettings } = app.serviceManager;
    const client = new ApiClient({ serverSettings });
    const stream = new EventStream({
      serverSettings,
      snapshot: () => fetchSnapshot(client)
    });
    const model = new ClusterModel({ client, stream });
    void model.connect();
    return model;
  }
};
