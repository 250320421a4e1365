import { ILabShell } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CHOOSE_PROFILE } from '../clusters/panelId';
import { IServerConnection } from '../connection';
import { ProfileEditor } from '../profiles/editor';
import { IClusterManager, IProfileEditor, IProfileService } from '../tokens';

/** Reads, previews and changes profiles; has no user interface. */
export const profilesPlugin: JupyterFrontEndPlugin<IProfileService> = {
  id: 'jupyterlab-engines:profiles',
  description: 'Reads, previews and changes the profiles of engines.',
  autoStart: true,
  provides: IProfileService,
  requires: [IServerConnection],
  activate: (
    _: JupyterFrontEnd,
    connection: IServerConnection
  ): IProfileService => connection.client
};

/** Opens the settings of profiles: in the main area, or below the notebook in Notebook 7. */
export const profileEditorPlugin: JupyterFrontEndPlugin<IProfileEditor> = {
  id: 'jupyterlab-engines:editor',
  description: 'Opens the settings of a profile of engines.',
  autoStart: true,
  provides: IProfileEditor,
  requires: [IProfileService],
  optional: [IClusterManager, ILabShell, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    service: IProfileService,
    manager: IClusterManager | null,
    labShell: ILabShell | null,
    translator: ITranslator | null
  ): IProfileEditor =>
    new ProfileEditor({
      shell: app.shell,
      area: labShell === null ? 'down' : 'main',
      service,
      names: () => (manager?.profiles ?? []).map(({ name }) => name),
      onCreated: name => {
        if (app.commands.hasCommand(CHOOSE_PROFILE)) {
          void app.commands.execute(CHOOSE_PROFILE, { name });
        }
      },
      trans: (translator ?? nullTranslator).load('jupyterlab_engines')
    })
};
