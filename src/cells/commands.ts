import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { pxIcon } from '../icons';

export namespace CellCommandIDs {
  export const toggleCells = 'engines:toggle-cells';
  export const toggleEveryCell = 'engines:toggle-every-cell';
}

/** What the commands call. */
export interface ICellServices {
  toggleCells: () => void;
  hasCells: () => boolean;
  areOn: () => boolean;
  toggleEveryCell: (path?: string) => Promise<void>;
  hasNotebook: () => boolean;
  isEveryCellOn: (path?: string) => boolean;
}

/** Add the commands that say where cells run. */
export function addCellCommands(
  commands: CommandRegistry,
  services: ICellServices,
  trans: TranslationBundle
): void {
  commands.addCommand(CellCommandIDs.toggleCells, {
    label: args =>
      args.isToolbar === true ? '' : trans.__('Run Cell on Engines'),
    caption: () =>
      services.areOn()
        ? trans.__('Run on engines: take the line %%%%px out')
        : trans.__('Run on engines: put the line %%%%px above the cell'),
    icon: args => (args.isToolbar === true ? pxIcon : undefined),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          isToolbar: {
            type: 'boolean',
            description: trans.__('Whether it is shown as an icon only.')
          }
        }
      }
    },
    isEnabled: () => services.hasCells(),
    isVisible: args => args.isToolbar !== true || services.hasCells(),
    isToggleable: true,
    isToggled: () => services.areOn(),
    execute: () => services.toggleCells()
  });

  commands.addCommand(CellCommandIDs.toggleEveryCell, {
    label: trans.__('Run Every Cell on Engines'),
    caption: trans.__(
      'Send each cell of this notebook to its engines, without a line in it, by %autopx'
    ),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          path: {
            type: 'string',
            description: trans.__(
              'Path of the notebook; the current one if left out.'
            )
          }
        }
      }
    },
    isEnabled: () => services.hasNotebook(),
    isToggleable: true,
    isToggled: ({ path }) =>
      services.isEveryCellOn(typeof path === 'string' ? path : undefined),
    execute: ({ path }) =>
      services.toggleEveryCell(typeof path === 'string' ? path : undefined)
  });
}
