import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { JobActions } from './actions';
import type { JobAction } from './allowed';

export namespace JobCommandIDs {
  export const openJobs = 'engines:open-jobs';
  export const refreshJobs = 'engines:refresh-jobs';
  export const holdJob = 'engines:hold-job';
  export const releaseJob = 'engines:release-job';
  export const alterWalltime = 'engines:alter-walltime';
  export const deleteJob = 'engines:delete-job';
}

/** The command of each action; its argument is `job`. */
export const ACTION_COMMANDS: Record<JobAction, string> = {
  hold: JobCommandIDs.holdJob,
  release: JobCommandIDs.releaseJob,
  alter_walltime: JobCommandIDs.alterWalltime,
  delete: JobCommandIDs.deleteJob
};

/** What the commands call that is not about one job. */
export interface IJobCommandServices {
  actions: JobActions;
  /** Open the table, with a filter if one is given. */
  openJobs: (filter?: string) => void;
  /** Whether a batch system was found. */
  hasScheduler: () => boolean;
}

/** Add the commands about jobs. */
export function addJobCommands(
  commands: CommandRegistry,
  services: IJobCommandServices,
  trans: TranslationBundle
): void {
  const { actions } = services;
  commands.addCommand(JobCommandIDs.openJobs, {
    label: trans.__('Show Jobs'),
    caption: trans.__('Show what is in the queue of the batch system'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          filter: {
            type: 'string',
            description: trans.__('Show only jobs with these words.')
          }
        }
      }
    },
    isEnabled: services.hasScheduler,
    execute: args => services.openJobs(text(args, 'filter'))
  });
  commands.addCommand(JobCommandIDs.refreshJobs, {
    label: trans.__('Refresh Jobs'),
    caption: trans.__('Ask the batch system again now'),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: services.hasScheduler,
    execute: () => actions.refresh()
  });

  const jobArgs = {
    type: 'object',
    properties: {
      job: {
        type: 'string',
        description: trans.__('The job’s id; asked for if left out.')
      }
    }
  } as const;
  commands.addCommand(JobCommandIDs.holdJob, {
    label: args => labelOf(args, trans.__('Hold'), trans.__('Hold Job…')),
    caption: trans.__('Keep a waiting job from starting'),
    describedBy: { args: jobArgs },
    isEnabled: args => actions.can('hold', text(args, 'job')),
    execute: args => actions.hold(text(args, 'job'))
  });
  commands.addCommand(JobCommandIDs.releaseJob, {
    label: args => labelOf(args, trans.__('Release'), trans.__('Release Job…')),
    caption: trans.__('Let a held job start'),
    describedBy: { args: jobArgs },
    isEnabled: args => actions.can('release', text(args, 'job')),
    execute: args => actions.release(text(args, 'job'))
  });
  commands.addCommand(JobCommandIDs.alterWalltime, {
    label: args =>
      labelOf(
        args,
        trans.__('Change Walltime…'),
        trans.__('Change Walltime of Job…')
      ),
    caption: trans.__('Change how long a job may run'),
    describedBy: { args: jobArgs },
    isEnabled: args => actions.can('alter_walltime', text(args, 'job')),
    execute: args => actions.alterWalltime(text(args, 'job'))
  });
  commands.addCommand(JobCommandIDs.deleteJob, {
    label: args => labelOf(args, trans.__('Delete…'), trans.__('Delete Job…')),
    caption: trans.__('Remove a job from the queue, and end it if it runs'),
    describedBy: { args: jobArgs },
    isEnabled: args => actions.can('delete', text(args, 'job')),
    execute: args => actions.delete(text(args, 'job'))
  });
}

/** Return the short label in the menu of a job, the long one elsewhere. */
function labelOf(
  args: ReadonlyPartialJSONObject,
  short: string,
  long: string
): string {
  return text(args, 'job') === undefined ? long : short;
}

function text(
  args: ReadonlyPartialJSONObject,
  name: string
): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}
