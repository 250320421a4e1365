import { ILabShell } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { EngineViewer } from '../clusters/engineViewer';
import { CommandIDs } from '../commands';
import { IActivityStore, IClusterManager, IEngineViewer } from '../tokens';

/** Opens the engines of a cluster: in the main area, or below the notebook in Notebook 7. */
export const engineTablePlugin: JupyterFrontEndPlugin<IEngineViewer> = {
  id: 'jupyterlab-engines:enginetable',
  description: 'Shows what each engine of a cluster does and uses.',
  autoStart: true,
  provides: IEngineViewer,
  requires: [IClusterManager],
  optional: [IActivityStore, ILabShell, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    activity: IActivityStore | null,
    labShell: ILabShell | null,
    translator: ITranslator | null
  ): IEngineViewer =>
    new EngineViewer({
      shell: app.shell,
      area: labShell === null ? 'down' : 'main',
      manager,
      activity,
      trans: (translator ?? nullTranslator).load('jupyterlab_engines'),
      onInterrupt: key => {
        void app.commands.execute(CommandIDs.interruptEngines, { key });
      },
      onRestart: key => {
        void app.commands.execute(CommandIDs.restartEngines, { key });
      }
    })
};
