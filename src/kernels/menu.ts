import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';
import type { IClusterManager, IEngineConnector } from '../tokens';

/** Ids of the commands that the menu offers. */
export interface IMenuCommands {
  connect: string;
  reattach: string;
  log: string;
  panel: string;
  /** Whether all cells run on engines; left out where nobody has added it. */
  everyCell: string;
}

/** Open a notebook's menu below its toolbar item: what it can connect to, and where to look. */
export function openEnginesMenu(
  commands: CommandRegistry,
  manager: IClusterManager,
  connector: IEngineConnector,
  path: string,
  anchor: HTMLElement,
  ids: IMenuCommands
): Menu {
  const menu = new Menu({ commands });
  menu.addClass('jp-Engines-Menu');
  const connection = connector.connectionOf(path);
  const current = 'key' in connection ? connection.key : null;
  const usable = manager.clusters.filter(
    ({ state }) => state === 'ready' || state === 'degraded'
  );
  for (const { key } of usable) {
    if (connection.state !== 'connected' || key !== current) {
      menu.addItem({ command: ids.connect, args: { key } });
    }
  }
  if (current !== null && usable.some(({ key }) => key === current)) {
    menu.addItem({ command: ids.reattach, args: { path } });
  }
  if (
    commands.hasCommand(ids.everyCell) &&
    (connection.state === 'connected' || connector.hasAutopx(path))
  ) {
    menu.addItem({ command: ids.everyCell, args: { path } });
  }
  if (current !== null && manager.get(current) !== undefined) {
    menu.addItem({ command: ids.log, args: { key: current } });
  }
  if (menu.items.length > 0) {
    menu.addItem({ type: 'separator' });
  }
  menu.addItem({ command: ids.panel, args: { isMenu: true } });
  menu.aboutToClose.connect(() => {
    // The item's command runs after this signal.
    requestAnimationFrame(() => menu.dispose());
    anchor.focus();
  });
  const { left, bottom } = anchor.getBoundingClientRect();
  menu.open(left, bottom);
  return menu;
}
