import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IServerConnection } from '../connection';
import { JobStore } from '../jobs/store';
import { IClusterManager, IJobStore } from '../tokens';

/** Follows the scheduler's queue; has no user interface. */
export const jobsPlugin: JupyterFrontEndPlugin<IJobStore> = {
  id: 'jupyterlab-engines:jobs',
  description: 'Follows the jobs of the batch system.',
  autoStart: true,
  provides: IJobStore,
  requires: [IServerConnection, IClusterManager],
  activate: (
    _: JupyterFrontEnd,
    connection: IServerConnection,
    manager: IClusterManager
  ): IJobStore =>
    new JobStore({
      client: connection.client,
      stream: connection.stream,
      serverNow: () => manager.serverNow()
    })
};
