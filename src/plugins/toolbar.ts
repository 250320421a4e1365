import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CellCommandIDs } from '../cells/commands';
import { CommandIDs } from '../commands';
import { openEnginesMenu } from '../kernels/menu';
import { NotebookEnginesItem } from '../kernels/toolbarItem';
import { IClusterManager, IEngineConnector } from '../tokens';

/** The notebook toolbar's item; where it stands is in schema/toolbar.json. */
export const toolbarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:toolbar',
  description: 'Shows in the toolbar of a notebook which engines it uses.',
  autoStart: true,
  requires: [IClusterManager, IEngineConnector],
  optional: [IToolbarWidgetRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    connector: IEngineConnector,
    registry: IToolbarWidgetRegistry | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    registry?.addFactory<NotebookPanel>(
      'Notebook',
      'engines',
      panel =>
        new NotebookEnginesItem({
          manager,
          connector,
          path: () => panel.context.path,
          trans,
          onReattach: path => {
            void app.commands.execute(CommandIDs.reattachNotebook, { path });
          },
          onMenu: (path, anchor) => {
            // The menu's commands act on the current notebook.
            app.shell.activateById(panel.id);
            openEnginesMenu(app.commands, manager, connector, path, anchor, {
              connect: CommandIDs.connectNotebook,
              reattach: CommandIDs.reattachNotebook,
              log: CommandIDs.showLog,
              panel: CommandIDs.openPanel,
              everyCell: CellCommandIDs.toggleEveryCell
            });
          }
        })
    );
  }
};
