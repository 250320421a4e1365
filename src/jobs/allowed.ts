import type { Job, SchedulerStatus } from '../api/generated';

export type JobAction = SchedulerStatus['actions'][number];

/** Return what can sensibly be done to a job now, where this batch system can do it at all. */
export function allowedActions(
  job: Job,
  status: SchedulerStatus | null
): JobAction[] {
  if (job.owner !== status?.user) {
    return [];
  }
  return status.actions.filter(action => makesSense(action, job, status));
}

function makesSense(
  action: JobAction,
  job: Job,
  { dialect }: SchedulerStatus
): boolean {
  // OpenPBS holds and alters arrays as a whole.
  const isPart = job.array_id !== null && dialect === 'openpbs';
  switch (action) {
    case 'hold':
      return !isPart && ['queued', 'waiting', 'array'].includes(job.state);
    case 'release':
      // Slurm's commands show a held job as queued.
      return (
        !isPart &&
        (job.state === 'held' ||
          (dialect === 'slurm_torque' && job.state === 'queued'))
      );
    case 'delete':
      return job.state !== 'finished';
    case 'alter_walltime':
      return !isPart && job.state !== 'finished' && job.state !== 'exiting';
    default:
      return unknownAction(action);
  }
}

function unknownAction(action: never): never {
  throw new Error(`Unknown action ${String(action)}`);
}
