import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commands';

/** The command palette's entries. */
export const palettePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:palette',
  description: 'Adds the commands for engines to the command palette.',
  autoStart: true,
  optional: [ICommandPalette, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    const category = trans.__('Engines');
    Object.values(CommandIDs).forEach(command => {
      palette?.addItem({ command, category });
    });
  }
};
