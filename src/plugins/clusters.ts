import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ClusterModel } from '../clusters/model';
import { IServerConnection } from '../connection';
import { IClusterManager } from '../tokens';

/** Follows the clusters; has no user interface and needs no shell. */
export const clustersPlugin: JupyterFrontEndPlugin<IClusterManager> = {
  id: 'jupyterlab-engines:clusters',
  description: 'Starts, stops and follows clusters of engines.',
  autoStart: true,
  provides: IClusterManager,
  requires: [IServerConnection],
  activate: (
    _: JupyterFrontEnd,
    connection: IServerConnection
  ): IClusterManager => {
    const model = new ClusterModel(connection);
    void model.connect();
    return model;
  }
};
