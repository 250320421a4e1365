import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { pxIcon } from '../icons';
import type { Toolbar } from './chosenCells';

export namespace CellCommandIDs {
  export const toggleCells = 'engines:toggle-cells';
  export const toggleEveryCell = 'engines:toggle-every-cell';
}

/** What the commands call. */
export interface ICellServices {
  toggleCells: (toolbar: Toolbar) => void;
  hasCells: (toolbar: Toolbar) => boolean;
  areOn: (toolbar: Toolbar) => boolean;
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
      toolbarOf(args) === undefined ? trans.__('Run Cell on Engines') : '',
    caption: args =>
      services.areOn(toolbarOf(args))
        ? trans.__('Run on engines: take the line %%%%px out')
        : trans.__('Run on engines: put the line %%%%px above the cell'),
    icon: args => (toolbarOf(args) === undefined ? undefined : pxIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          toolbar: {
            type: 'string',
            enum: ['notebook', 'console'],
            description: trans.__(
              'Whose toolbar it stands in, as an icon; if left out, it is about where the user works.'
            )
          },
          id: {
            type: 'string',
            description: trans.__(
              'The cell, or the console, that the toolbar belongs to; the one in use if left out.'
            )
          }
        }
      }
    },
    isEnabled: args => services.hasCells(toolbarOf(args)),
    isVisible: args =>
      toolbarOf(args) === undefined || services.hasCells(toolbarOf(args)),
    isToggleable: true,
    isToggled: args => services.areOn(toolbarOf(args)),
    execute: args => services.toggleCells(toolbarOf(args))
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

function toolbarOf({ id, toolbar }: ReadonlyPartialJSONObject): Toolbar {
  return toolbar === 'notebook' || toolbar === 'console'
    ? { of: toolbar, id: typeof id === 'string' ? id : null }
    : undefined;
}
