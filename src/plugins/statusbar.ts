import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { StatusItem } from '../clusters/statusItem';
import { CommandIDs } from '../commands';
import { IClusterManager, IEngineSettings } from '../tokens';

/** The status bar's item. */
export const statusBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:statusbar',
  description: 'Shows in the status bar how many engines run.',
  autoStart: true,
  requires: [IClusterManager],
  optional: [IStatusBar, IEngineSettings, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    statusBar: IStatusBar | null,
    settings: IEngineSettings | null,
    translator: ITranslator | null
  ): void => {
    if (statusBar === null) {
      return;
    }
    const item = new StatusItem({
      manager,
      settings,
      trans: (translator ?? nullTranslator).load('jupyterlab_engines'),
      onClick: () => {
        void app.commands.execute(CommandIDs.openPanel);
      }
    });
    statusBar.registerStatusItem(statusBarPlugin.id, {
      item,
      align: 'left',
      rank: 10,
      isActive: () => item.isWanted,
      activeStateChanged: item.wantedChanged
    });
  }
};
