import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';
import type { JobAction } from './allowed';

/** Open the menu of a job: what can be done to it. */
export function openJobMenu(options: {
  commands: CommandRegistry;
  /** The command of each action; called with the argument `job`. */
  ids: Record<JobAction, string>;
  jobId: string;
  actions: readonly JobAction[];
  x: number;
  y: number;
  /** Gets the focus back. */
  anchor: HTMLElement;
}): Menu {
  const { actions, anchor, commands, ids, jobId } = options;
  const menu = new Menu({ commands });
  menu.addClass('jp-Engines-Menu');
  for (const action of ORDER.filter(known => actions.includes(known))) {
    if (action === 'delete' && menu.items.length > 0) {
      menu.addItem({ type: 'separator' });
    }
    menu.addItem({ command: ids[action], args: { job: jobId } });
  }
  menu.aboutToClose.connect(() => {
    // The item's command runs after this signal.
    requestAnimationFrame(() => menu.dispose());
    anchor.focus();
  });
  menu.open(options.x, options.y);
  return menu;
}

/** What destroys comes last. */
const ORDER: readonly JobAction[] = [
  'hold',
  'release',
  'alter_walltime',
  'delete'
];
