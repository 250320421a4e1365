import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Notifier, SessionWarnings } from '../clusters/notifier';
import { CommandIDs } from '../commands';
import { IClusterManager, IEngineConnector, IEngineSettings } from '../tokens';

/** Notifies of what happens to engines while the user looks elsewhere. */
export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:notices',
  description:
    'Notifies when engines are ready, have failed or are about to end.',
  autoStart: true,
  requires: [IClusterManager],
  optional: [IEngineConnector, IEngineSettings, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    connector: IEngineConnector | null,
    settings: IEngineSettings | null,
    translator: ITranslator | null
  ): void => {
    // Lives as long as the page, like the manager that it listens to.
    new Notifier({
      manager,
      settings,
      shown: new SessionWarnings(window.sessionStorage),
      trans: (translator ?? nullTranslator).load('jupyterlab_engines'),
      onOpenPanel: () => {
        void app.commands.execute(CommandIDs.openPanel);
      },
      onConnect:
        connector === null
          ? null
          : key => {
              void app.commands.execute(CommandIDs.connectNotebook, { key });
            }
    });
  }
};
