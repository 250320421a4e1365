/** Says in words what a job is doing. Pure: no clock, no document. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Job, JobOutcome } from '../api/generated';
import type { Tone } from '../icon';
import {
  alertIcon,
  clockIcon,
  doneIcon,
  failedIcon,
  offIcon,
  pauseIcon,
  progressIcon,
  runningIcon,
  waitingIcon
} from '../icons';
import { clockLabel } from '../times';
import type { IJobRequest } from '../tokens';

/** What a job is doing, as far as people tell jobs apart: how it ended included. */
export type Condition =
  Job['state'] | 'deleted' | 'failed' | 'never_runs' | 'succeeded';

export function conditionOf(job: Job): Condition {
  if (job.state !== 'finished') {
    return job.never_runs ? 'never_runs' : job.state;
  }
  switch (job.outcome?.code) {
    case undefined:
    case 'unknown':
      return 'finished';
    case 'succeeded':
    case 'deleted':
      return job.outcome.code;
    default:
      return 'failed';
  }
}

/** One word for a condition; it stands beside its icon. */
export function conditionWord(
  condition: Condition,
  trans: TranslationBundle
): string {
  switch (condition) {
    case 'queued':
      return trans.__('Queued');
    case 'held':
      return trans.__('Held');
    case 'waiting':
      return trans.__('Waiting');
    case 'running':
      return trans.__('Running');
    case 'suspended':
      return trans.__('Suspended');
    case 'exiting':
      return trans.__('Ending');
    case 'array':
      return trans.__('Array');
    case 'finished':
      return trans.__('Finished');
    case 'unknown':
      return trans.__('Unknown');
    case 'deleted':
      return trans.__('Deleted');
    case 'failed':
      return trans.__('Failed');
    case 'never_runs':
      return trans.__('Never runs');
    case 'succeeded':
      return trans.__('Done');
    default:
      return unknown(condition);
  }
}

export function conditionIcon(condition: Condition): LabIcon {
  switch (condition) {
    case 'queued':
    case 'waiting':
      return clockIcon;
    case 'held':
    case 'suspended':
      return pauseIcon;
    case 'running':
    case 'array':
      return runningIcon;
    case 'exiting':
      return progressIcon;
    case 'finished':
    case 'deleted':
      return offIcon;
    case 'unknown':
      return waitingIcon;
    case 'failed':
      return failedIcon;
    case 'never_runs':
      return alertIcon;
    case 'succeeded':
      return doneIcon;
    default:
      return unknown(condition);
  }
}

export function conditionTone(condition: Condition): Tone {
  switch (condition) {
    case 'running':
    case 'array':
    case 'succeeded':
      return 'good';
    case 'exiting':
      return 'busy';
    case 'failed':
      return 'bad';
    case 'never_runs':
    case 'suspended':
      return 'warning';
    case 'queued':
    case 'waiting':
    case 'held':
    case 'finished':
    case 'deleted':
    case 'unknown':
      return 'neutral';
    default:
      return unknown(condition);
  }
}

/** Say how a job ended; empty if it just succeeded. */
export function outcomeSentence(
  outcome: JobOutcome,
  walltimeSeconds: number | null,
  trans: TranslationBundle
): string {
  switch (outcome.code) {
    case 'succeeded':
      return '';
    case 'walltime':
      return walltimeSeconds === null
        ? trans.__('killed by walltime')
        : trans.__('killed by walltime after %1', clockLabel(walltimeSeconds));
    case 'cpu_time':
      return trans.__('killed by the limit of processor time');
    case 'memory':
      return trans.__('out of memory');
    case 'signal':
      return outcome.signal === null
        ? trans.__('ended by a signal')
        : trans.__('ended by %1', outcome.signal);
    case 'deleted':
      return trans.__('deleted');
    case 'command_not_found':
      return trans.__('command not found');
    case 'shell_missing':
      return trans.__('the script’s shell was not found');
    case 'never_ran':
      return trans.__('never ran');
    case 'exit_status':
      return outcome.exit_status === null
        ? trans.__('exit status not zero')
        : trans.__('exit status %1', outcome.exit_status);
    case 'unknown':
      return outcome.exit_status === null
        ? trans.__('how it ended is not known')
        : trans.__(
            'how it ended is not known; exit status %1',
            outcome.exit_status
          );
    default:
      return unknown(outcome.code);
  }
}

/** Name the hosts of a job with the cores on each: `n2×4 n1×4`. */
export function hostsLabel(job: Job): string {
  return job.hosts
    .map(({ name, cores }) => (cores === null ? name : `${name}×${cores}`))
    .join(' ');
}

/** Say what there is to know beyond the columns: where it runs, why it waits, how it ended. */
export function remarkOf(job: Job, trans: TranslationBundle): string {
  if (job.state === 'finished') {
    const words =
      job.outcome === null
        ? ''
        : outcomeSentence(job.outcome, job.walltime_seconds, trans);
    return words === '' ? hostsLabel(job) : words;
  }
  if (job.hosts.length > 0) {
    return hostsLabel(job);
  }
  return job.comment ?? '';
}

/** Write memory in the largest unit that leaves a number people can read. */
export function memoryLabel(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 && !Number.isInteger(value) ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** How much of its walltime a job has used, 0 to 1; null where nobody can say. */
export function walltimeUsed(job: Job, now: number): number | null {
  const elapsed = elapsedSeconds(job, now);
  if (elapsed === null || !job.walltime_seconds || job.state === 'finished') {
    return null;
  }
  return Math.min(1, elapsed / job.walltime_seconds);
}

/** How long a job has run, in seconds; null before it has started or where nobody knows. */
export function elapsedSeconds(job: Job, now: number): number | null {
  if (job.elapsed_seconds !== null) {
    return job.elapsed_seconds;
  }
  if (job.started_at === null || isWaiting(job)) {
    return null;
  }
  return Math.max(0, (job.ended_at ?? now) - job.started_at);
}

/** Whether it has not started yet. */
export function isWaiting(job: Job): boolean {
  return (
    job.state === 'queued' || job.state === 'held' || job.state === 'waiting'
  );
}

/** Whether what is shown of it changes with time. */
export function isTicking(job: Job): boolean {
  return job.state !== 'finished' && job.elapsed_seconds === null;
}

/** Say what was asked for and is not answered yet. */
export function requestWord(
  action: IJobRequest['action'],
  trans: TranslationBundle
): string {
  switch (action) {
    case 'delete':
      return trans.__('delete requested');
    case 'hold':
      return trans.__('hold requested');
    case 'release':
      return trans.__('release requested');
    case 'alter_walltime':
      return trans.__('new walltime requested');
    default:
      return unknown(action);
  }
}

function unknown(value: never): never {
  throw new Error(`No words for ${String(value)}`);
}

/**
 * Return the name that a row shows.
 *
 * #### Notes
 * That of a cluster's job is a tag that nobody can read, so what it is for is told instead.
 */
export function jobName(job: Job, trans: TranslationBundle): string {
  if (job.cluster === null) {
    return job.name;
  }
  return job.role === 'controller'
    ? trans.__('controller of %1', job.cluster)
    : trans.__('engines of %1', job.cluster);
}
