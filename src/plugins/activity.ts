import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ActivityStore } from '../clusters/activityStore';
import { IServerConnection } from '../connection';
import { IActivityStore } from '../tokens';

/** Follows what engines do; has no user interface. */
export const activityPlugin: JupyterFrontEndPlugin<IActivityStore> = {
  id: 'jupyterlab-engines:activity',
  description: 'Follows what engines do, and what they use.',
  autoStart: true,
  provides: IActivityStore,
  requires: [IServerConnection],
  activate: (
    _: JupyterFrontEnd,
    connection: IServerConnection
  ): IActivityStore => new ActivityStore({ stream: connection.stream })
};
