import { ILayoutRestorer } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';
import { EnginesSection } from '../clusters/engineSection';
import { EngineTableModel } from '../clusters/engineTableModel';
import { EnginesPanel } from '../clusters/panel';
import { CHOOSE_PROFILE } from '../clusters/panelId';
import { PanelModel } from '../clusters/panelModel';
import { CommandIDs } from '../commands';
import { ACTION_COMMANDS, JobCommandIDs } from '../jobs/commands';
import { openJobMenu } from '../jobs/menu';
import { JobsSection, placeSection } from '../jobs/section';
import { JobTableModel } from '../jobs/tableModel';
import {
  IActivityStore,
  IClusterManager,
  IEngineConnector,
  IEngineViewer,
  IJobStore,
  IProfileService
} from '../tokens';

/** After JupyterLab's own panels of the left sidebar. */
const RANK = 600;

/** The sidebar panel. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:panel',
  description: 'Adds the Engines panel to the sidebar.',
  autoStart: true,
  requires: [IClusterManager, IProfileService],
  optional: [
    IJobStore,
    IActivityStore,
    IEngineViewer,
    IEngineConnector,
    ILayoutRestorer,
    IStateDB,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    manager: IClusterManager,
    service: IProfileService,
    jobs: IJobStore | null,
    activity: IActivityStore | null,
    viewer: IEngineViewer | null,
    connector: IEngineConnector | null,
    restorer: ILayoutRestorer | null,
    stateDB: IStateDB | null,
    translator: ITranslator | null
  ): void => {
    const known = translator ?? nullTranslator;
    const trans = known.load('jupyterlab_engines');
    const model = new PanelModel({
      manager,
      service,
      jobs,
      connector,
      stateDB,
      trans
    });
    const run = (id: string, args: ReadonlyPartialJSONObject) => {
      void app.commands.execute(id, args);
    };
    const menu = new Menu({ commands: app.commands });
    [CommandIDs.newProfile, CommandIDs.editProfile, CommandIDs.doctor].forEach(
      command => menu.addItem({ command })
    );
    const panel = new EnginesPanel({
      model,
      engines: new EnginesSection(
        new EngineTableModel({ manager, activity, trans }),
        viewer === null ? undefined : key => viewer.open(key)
      ),
      translator: known,
      actions: {
        onStop: key => run(CommandIDs.stopCluster, { key }),
        onConnect: key => run(CommandIDs.connectNotebook, { key }),
        onLog: key => run(CommandIDs.showLog, { key }),
        onRestart: key => run(CommandIDs.restartCluster, { key }),
        onDismiss: key => run(CommandIDs.dismissCluster, { key }),
        onNewProfile: () => run(CommandIDs.newProfile, {}),
        onEditProfile: name => run(CommandIDs.editProfile, { name }),
        onMenu: (x, y) => menu.open(x, y)
      }
    });
    app.commands.addCommand(CHOOSE_PROFILE, {
      label: trans.__('Choose Profile'),
      caption: trans.__('Choose what the Engines panel starts next'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            name: {
              type: 'string',
              description: trans.__(
                'Name of the profile; it is chosen as soon as the server tells of it.'
              )
            }
          },
          required: ['name']
        }
      },
      execute: ({ name }) => {
        if (typeof name === 'string') {
          model.start.chooseNew(name);
        }
      }
    });
    if (jobs !== null) {
      const section = new JobsSection({
        model: new JobTableModel({
          store: jobs,
          manager,
          trans,
          view: { column: 'state', isDescending: false },
          // The first few: not worth sorting thousands in the frame of the table.
          calmness: 900
        }),
        onOpen: () => run(JobCommandIDs.openJobs, {}),
        onShowOrphans: () =>
          run(JobCommandIDs.openJobs, { filter: trans.__('orphan') }),
        onDelete: job => run(JobCommandIDs.deleteJob, { job }),
        onMenu: (jobId, actions, point, anchor) => {
          openJobMenu({
            commands: app.commands,
            ids: ACTION_COMMANDS,
            jobId,
            actions,
            ...point,
            anchor
          });
        }
      });
      panel.disposed.connect(() => section.dispose());
      placeSection(panel, section, jobs);
    }
    app.shell.add(panel, 'left', { rank: RANK, type: 'Engines' });
    restorer?.add(panel, panel.id);
  }
};
