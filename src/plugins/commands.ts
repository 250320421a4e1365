import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ClusterActions } from '../clusters/actions';
import { PANEL_ID } from '../clusters/panelId';
import { isInOurHands, isLive, isUsable } from '../clusters/words';
import { addCommands, CommandIDs } from '../commands';
import { chooseEditable } from '../profiles/dialogs';
import { showDoctor } from '../profiles/doctor';
import {
  IClusterManager,
  IEngineConnector,
  IEngineViewer,
  ILogViewer,
  IProfileEditor,
  IProfileService
} from '../tokens';

/** What a user can do, for menus, palette, cards and other extensions. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:commands',
  description: 'Adds the commands that start, stop and connect engines.',
  autoStart: true,
  requires: [IClusterManager],
  optional: [
    IEngineConnector,
    ILogViewer,
    IEngineViewer,
    IProfileService,
    IProfileEditor,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    connector: IEngineConnector | null,
    logs: ILogViewer | null,
    engines: IEngineViewer | null,
    service: IProfileService | null,
    editor: IProfileEditor | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    const { commands, shell } = app;
    const actions = new ClusterActions({
      manager,
      connector,
      logs,
      engines,
      trans
    });
    const editable = () =>
      manager.profiles.filter(({ kind }) => kind !== 'local');
    const hasPanel = () =>
      [...shell.widgets('left'), ...shell.widgets('right')].some(
        widget => widget.id === PANEL_ID
      );
    addCommands(
      commands,
      {
        openPanel: () => shell.activateById(PANEL_ID),
        canOpenPanel: hasPanel,
        start: (profile, engines) => actions.start(profile, engines),
        canStart: () => manager.isKnown,
        stop: key => actions.stop(key),
        canStop: () => manager.clusters.some(isLive),
        restart: key => actions.restart(key),
        canRestart: () => manager.clusters.length > 0,
        interrupt: key => actions.interrupt(key),
        canInterrupt: () => manager.clusters.some(isInOurHands),
        restartEngines: key => actions.restartEngines(key),
        canRestartEngines: () => manager.clusters.some(isInOurHands),
        showEngines: key => actions.showEngines(key),
        canShowEngines: () =>
          engines !== null && manager.clusters.some(c => c.engines.length > 0),
        dismiss: key => actions.dismiss(key),
        canDismiss: () => manager.clusters.some(cluster => !isLive(cluster)),
        connect: (key, path) => actions.connect(key, path),
        canConnect: () => connector !== null && manager.clusters.some(isUsable),
        reattach: async path => {
          await connector?.reattach(path);
        },
        canReattach: path =>
          connector !== null && 'key' in connector.connectionOf(path),
        showLog: key => actions.showLog(key),
        canShowLog: () => logs !== null && manager.clusters.length > 0,
        newProfile: () => editor?.create(),
        canMakeProfile: () => editor !== null && manager.isKnown,
        editProfile: async name => {
          const chosen = name ?? (await chooseEditable(editable(), trans));
          if (chosen !== null) {
            editor?.edit(chosen);
          }
        },
        canEditProfile: () => editor !== null && editable().length > 0,
        doctor: async () => {
          if (service !== null) {
            await showDoctor(service, trans);
          }
        },
        canExamine: () => service !== null && manager.isKnown
      },
      trans
    );
    // Menus and palette ask `isEnabled` again only when told to.
    const notify = () => {
      Object.values(CommandIDs).forEach(id =>
        commands.notifyCommandChanged(id)
      );
    };
    manager.changed.connect(notify);
    connector?.changed.connect(notify);
  }
};
