import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification
} from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandToolbarButton } from '@jupyterlab/ui-components';
import { AllBadges } from '../cells/badges';
import { ChosenCells } from '../cells/chosenCells';
import type { Toolbar } from '../cells/chosenCells';
import { consoleOf } from '../cells/codeConsole';
import { addCellCommands, CellCommandIDs } from '../cells/commands';
import { remindConsole } from '../cells/consoleReminder';
import { ConnectReminder } from '../cells/reminder';
import { PxToggle } from '../cells/toggle';
import { refusedWords } from '../cells/words';
import { CommandIDs } from '../commands';
import { IClusterManager, IEngineConnector } from '../tokens';

const TOOLBARS: readonly Toolbar[] = [
  undefined,
  { of: 'notebook', id: null },
  { of: 'console', id: null }
];

/** Says of cells that they run on engines, and shows where they ran. */
export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:cells',
  description: 'Has cells run on engines, and shows in the gutter which did.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    IEngineConnector,
    IClusterManager,
    IToolbarWidgetRegistry,
    ICommandPalette,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    connector: IEngineConnector | null,
    manager: IClusterManager | null,
    registry: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    const { commands, shell } = app;
    const chosen = new ChosenCells({
      tracker,
      currentWidget: () => shell.currentWidget,
      widgetOf: id =>
        [...shell.widgets('main')].find(widget => widget.id === id) ?? null,
      currentChanged: shell.currentChanged
    });
    const toggle = new PxToggle();
    const showPanel = () => {
      void commands.execute(CommandIDs.openPanel);
    };
    const reminder =
      connector === null
        ? null
        : new ConnectReminder({
            connector,
            canConnect: () => commands.isEnabled(CommandIDs.connectNotebook),
            connect: panel => {
              const { path } = panel.context;
              // Show where a cell is about to run.
              shell.activateById(panel.id);
              void commands.execute(
                connector.connectionOf(path).state === 'detached'
                  ? CommandIDs.reattachNotebook
                  : CommandIDs.connectNotebook,
                { path }
              );
            },
            showPanel,
            trans
          });

    addCellCommands(
      commands,
      {
        toggleCells: toolbar => {
          const { isOn, changed, refused } = toggle.toggle(
            chosen.cellsOf(toolbar)
          );
          if (refused.length > 0) {
            Notification.warning(refusedWords(refused, trans));
          }
          const place = chosen.placeOf(toolbar);
          if (place === null || changed === 0) {
            return;
          }
          if ('notebook' in place) {
            if (isOn) {
              reminder?.check(place.notebook);
            } else {
              reminder?.takeBack(place.notebook);
            }
          } else if (isOn && manager !== null) {
            const usable = manager.clusters.filter(
              ({ state }) => state === 'ready' || state === 'degraded'
            );
            const keys = usable.map(({ key }) => key);
            void remindConsole(place.console, keys, showPanel, trans);
          }
        },
        hasCells: toolbar => chosen.cellsOf(toolbar).length > 0,
        areOn: toolbar => toggle.isOn(chosen.cellsOf(toolbar)),
        toggleEveryCell: async asked => {
          const panel =
            asked === undefined
              ? tracker.currentWidget
              : tracker.find(({ context }) => context.path === asked);
          if (connector === null || !panel) {
            return;
          }
          const { path } = panel.context;
          const isOn = !connector.hasAutopx(path);
          if (!isOn || reminder?.check(panel) === true) {
            await connector.setAutopx(isOn, path);
          }
        },
        hasNotebook: () => connector !== null && tracker.currentWidget !== null,
        isEveryCellOn: path => connector?.hasAutopx(path) ?? false
      },
      trans
    );
    const category = trans.__('Engines');
    Object.values(CellCommandIDs).forEach(command => {
      palette?.addItem({ command, category });
    });

    // Where they stand is in schema/cells.json. Several notebooks may be in sight: each has its own.
    const button = (toolbar: 'notebook' | 'console', id: string) =>
      new CommandToolbarButton({
        commands,
        id: CellCommandIDs.toggleCells,
        args: { toolbar, id },
        label: ''
      });
    registry?.addFactory<Cell>('Cell', 'run-on-engines', cell =>
      button('notebook', cell.model.id)
    );
    registry?.addFactory('ConsolePanel', 'run-on-engines', panel =>
      button('console', panel.id)
    );

    // Toolbars and menus ask again only when told to, and each key that is typed may be one.
    let known = '';
    chosen.changed.connect(() => {
      const now = TOOLBARS.map(toolbar => {
        const cells = chosen.cellsOf(toolbar);
        return cells.length > 0 ? String(toggle.isOn(cells)) : '';
      }).join();
      if (now !== known) {
        known = now;
        commands.notifyCommandChanged(CellCommandIDs.toggleCells);
      }
    });
    const notifyEveryCell = () => {
      commands.notifyCommandChanged(CellCommandIDs.toggleEveryCell);
    };
    connector?.changed.connect(notifyEveryCell);
    tracker.currentChanged.connect(notifyEveryCell);

    const badges = new AllBadges(trans);
    const follow = (panel: NotebookPanel) => {
      badges.followNotebook(panel.content);
    };
    tracker.forEach(follow);
    tracker.widgetAdded.connect((_, panel) => follow(panel));
    const followConsole = () => {
      const console = consoleOf(shell.currentWidget);
      if (console !== null) {
        badges.followConsole(console);
      }
    };
    shell.currentChanged?.connect(followConsole);
    followConsole();
  }
};
