import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISessionContextDialogs } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { EngineConnector } from '../kernels/connector';
import { IClusterManager, IEngineConnector, IEngineSettings } from '../tokens';

const CREATE_NOTEBOOK = 'notebook:create-new';

/** Binds notebooks to clusters; has no user interface but its dialogs. */
export const kernelsPlugin: JupyterFrontEndPlugin<IEngineConnector> = {
  id: 'jupyterlab-engines:kernels',
  description: 'Connects the kernels of notebooks to clusters of engines.',
  autoStart: true,
  provides: IEngineConnector,
  requires: [IClusterManager, INotebookTracker],
  optional: [IEngineSettings, ISessionContextDialogs, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    tracker: INotebookTracker,
    settings: IEngineSettings | null,
    sessionDialogs: ISessionContextDialogs | null,
    translator: ITranslator | null
  ): IEngineConnector =>
    new EngineConnector({
      manager,
      tracker,
      settings,
      sessionDialogs,
      translator: translator ?? nullTranslator,
      createNotebook: app.commands.hasCommand(CREATE_NOTEBOOK)
        ? async () => {
            await app.commands.execute(CREATE_NOTEBOOK);
          }
        : null
    })
};
