import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commands';

/** The launcher's card. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:launcher',
  description: 'Adds engines to the launcher.',
  autoStart: true,
  optional: [ILauncher, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    launcher?.add({
      command: CommandIDs.openPanel,
      category: trans.__('Other'),
      rank: 10
    });
  }
};
