import { ILabShell } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { LogViewer } from '../clusters/logViewer';
import { IClusterManager, ILogViewer } from '../tokens';

/** Opens the logs of clusters: in the main area, or below the notebook in Notebook 7. */
export const logPlugin: JupyterFrontEndPlugin<ILogViewer> = {
  id: 'jupyterlab-engines:log',
  description: 'Opens the logs of a cluster of engines.',
  autoStart: true,
  provides: ILogViewer,
  requires: [IClusterManager],
  optional: [ILabShell, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    labShell: ILabShell | null,
    translator: ITranslator | null
  ): ILogViewer =>
    new LogViewer({
      shell: app.shell,
      area: labShell === null ? 'down' : 'main',
      manager,
      trans: (translator ?? nullTranslator).load('jupyterlab_engines')
    })
};
