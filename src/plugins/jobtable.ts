import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { enginesIcon } from '../icons';
import { JobActions } from '../jobs/actions';
import {
  ACTION_COMMANDS,
  addJobCommands,
  JobCommandIDs
} from '../jobs/commands';
import { openJobMenu } from '../jobs/menu';
import { JobTableModel } from '../jobs/tableModel';
import { JobsWidget } from '../jobs/widget';
import { IClusterManager, IJobStore } from '../tokens';

const WIDGET_ID = 'jupyterlab-engines-jobs';

/** The job table, in the main area or below the notebook in Notebook 7, and its commands. */
export const jobTablePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-engines:jobtable',
  description:
    'Shows the queue of the batch system, and what can be done to jobs.',
  autoStart: true,
  requires: [IJobStore, IClusterManager],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    store: IJobStore,
    manager: IClusterManager,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_engines');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<JobsWidget>>({
      namespace: 'jupyterlab-engines-jobs'
    });

    const create = (): MainAreaWidget<JobsWidget> => {
      const content = new JobsWidget(
        new JobTableModel({ store, manager, trans }),
        {
          onDelete: job => {
            void commands.execute(JobCommandIDs.deleteJob, { job });
          },
          onMenu: (jobId, actions, { x, y }, anchor) => {
            openJobMenu({
              commands,
              ids: ACTION_COMMANDS,
              jobId,
              actions,
              x,
              y,
              anchor
            });
          }
        }
      );
      const widget = new MainAreaWidget({ content });
      widget.id = WIDGET_ID;
      widget.title.label = trans.__('Jobs');
      widget.title.icon = enginesIcon;
      widget.title.closable = true;
      widget.toolbar.hide();
      return widget;
    };

    const openJobs = (filter?: string) => {
      let widget = tracker.currentWidget;
      if (widget === null || widget.isDisposed) {
        widget = create();
        void tracker.add(widget);
      }
      if (!widget.isAttached) {
        // Notebook 7 has room for one widget only in `main`.
        shell.add(widget, labShell === null ? 'down' : 'main', {
          type: 'Jobs'
        });
      }
      if (filter !== undefined) {
        widget.content.model.setText(filter);
      }
      shell.activateById(widget.id);
    };

    addJobCommands(
      commands,
      {
        actions: new JobActions({ store, manager, trans }),
        openJobs,
        hasScheduler: () =>
          store.scheduler !== null && store.scheduler.dialect !== null
      },
      trans
    );
    const category = trans.__('Engines');
    Object.values(JobCommandIDs).forEach(command => {
      palette?.addItem({ command, category });
    });
    // Menus and palette ask `isEnabled` again only when told to.
    let dialect = store.scheduler?.dialect;
    store.changed.connect(() => {
      if (store.scheduler?.dialect !== dialect) {
        dialect = store.scheduler?.dialect;
        Object.values(JobCommandIDs).forEach(id =>
          commands.notifyCommandChanged(id)
        );
      }
    });
    if (restorer !== null) {
      void restorer.restore(tracker, {
        command: JobCommandIDs.openJobs,
        name: () => 'jobs'
      });
    }
  }
};
