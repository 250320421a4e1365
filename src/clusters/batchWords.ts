/** Says in words what the jobs of a cluster are doing. Pure: no clock, no document. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Batch, Cluster, ClusterJob, Stage } from '../api/generated';
import { spanWords, timeOfDay } from '../times';
import { engineCounts, isUsable, sentenceOf } from './words';

/** From here on a walltime that ends is worth a warning, in seconds. */
const ENDS_SOON = 15 * 60;

/** Whether its card tells how much walltime is left. */
export function hasEnd(cluster: Cluster): boolean {
  return isUsable(cluster) && typeof cluster.batch?.ends_at === 'number';
}

/** Seconds until the walltime ends; null where that is not known or over. */
export function secondsLeft(cluster: Cluster, now: number): number | null {
  const endsAt = cluster.batch?.ends_at ?? null;
  return endsAt === null || !isUsable(cluster)
    ? null
    : Math.max(0, endsAt - now);
}

/** Whether the walltime ends so soon that results should be saved. */
export function endsSoon(cluster: Cluster, now: number): boolean {
  const left = secondsLeft(cluster, now);
  const whole = cluster.batch?.resources.walltime_seconds ?? Infinity;
  // A job that asked for no more than that would be marked from its start.
  return left !== null && left <= ENDS_SOON && whole > ENDS_SOON;
}

/** How much of the walltime is used, from 0 to 1; null where it is not known. */
export function usedShare(cluster: Cluster, now: number): number | null {
  const left = secondsLeft(cluster, now);
  const whole = cluster.batch?.resources.walltime_seconds ?? null;
  return left === null || whole === null || whole <= 0
    ? null
    : Math.min(1, Math.max(0, 1 - left / whole));
}

/** Say how much walltime is left: `53 min left`, never more than there is. */
export function leftLabel(seconds: number, trans: TranslationBundle): string {
  return trans.__('%1 left', spanWords(seconds, trans));
}

/** Return a job id without the server's name: `18[]` of `18[].pbshead`. */
export function shortJobId(jobId: string): string {
  return jobId.split('.')[0] ?? jobId;
}

/** The jobs that have an id: `job 16`, `jobs 16, 17`; empty if none has. */
export function jobsLabel(
  jobs: readonly ClusterJob[],
  trans: TranslationBundle
): string {
  const ids = jobs.flatMap(({ job_id }) =>
    job_id === null ? [] : [shortJobId(job_id)]
  );
  return ids.length === 0
    ? ''
    : trans._n('job %2', 'jobs %2', ids.length, ids.join(', '));
}

/** One line on what a cluster under a batch system is doing: its state first. */
export function batchSentence(
  cluster: Cluster,
  batch: Batch,
  now: number,
  trans: TranslationBundle
): string {
  return [headOf(cluster, now, trans), ...detailsOf(cluster, batch, now, trans)]
    .filter(part => part !== '')
    .join(' · ');
}

function headOf(
  cluster: Cluster,
  now: number,
  trans: TranslationBundle
): string {
  switch (cluster.state) {
    case 'submitting':
      return trans.__('Submitting · qsub has not answered yet');
    case 'queued': {
      const held = heldJob(cluster);
      return held === null
        ? trans.__(
            'Queued %1',
            spanWords(Math.max(0, now - cluster.state_since), trans)
          )
        : trans.__('Held %1', spanWords(Math.max(0, now - held.since), trans));
    }
    case 'stopping':
      return trans.__('Stopping · waiting for its jobs to leave the queue');
    case 'stopped':
      return trans.__('Stopped · its jobs have left the queue');
    case 'ready':
      return trans.__('Ready');
    default:
      return sentenceOf(cluster, trans);
  }
}

/** The job of a queued cluster that somebody holds; null if none is held. */
export function heldJob(cluster: Cluster): ClusterJob | null {
  return cluster.state === 'queued'
    ? (cluster.batch?.jobs.find(({ state }) => state === 'held') ?? null)
    : null;
}

function detailsOf(
  cluster: Cluster,
  batch: Batch,
  now: number,
  trans: TranslationBundle
): string[] {
  const left = secondsLeft(cluster, now);
  const details = [jobsLabel(batch.jobs, trans)];
  const held = heldJob(cluster);
  if (held !== null) {
    details.push(
      trans.__(
        'it waits until it is released: in the job table, or with `qrls %1`. If neither works, an administrator holds it',
        shortJobId(held.job_id ?? '')
      )
    );
  }
  if (isUsable(cluster) && batch.reason !== null) {
    // Why it waits is no matter any more: this is the server's note that it cannot reach the controller.
    details.push(
      trans.__(
        'its controller does not answer, though PBS says that its job runs: its node may be lost. Stop it, or wait'
      )
    );
  }
  if (
    cluster.state === 'queued' &&
    held === null &&
    batch.estimated_start_at !== null
  ) {
    details.push(
      trans.__('est. %1', dayAndTime(batch.estimated_start_at, now))
    );
  }
  if (left !== null) {
    details.push(leftLabel(left, trans));
  }
  return details;
}

/** Say that the states are the last known ones; empty while the scheduler answers. */
export function unknownSentence(
  batch: Batch,
  trans: TranslationBundle
): string {
  return batch.unknown_since === null
    ? ''
    : trans.__(
        'Unknown since %1: PBS does not answer. Shown is what was known then.',
        timeOfDay(batch.unknown_since)
      );
}

/** Say where the engines are: `8/8 engines on 2 nodes: n1 ×4, n2 ×4`; empty if there are none. */
export function hostsSentence(
  cluster: Cluster,
  trans: TranslationBundle
): string {
  const counts = new Map<string, number>();
  for (const { alive, host } of cluster.engines) {
    if (alive && host !== null) {
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
  }
  if (counts.size === 0) {
    return '';
  }
  const [present, wanted] = engineCounts(cluster);
  const hosts = [...counts].map(([host, count]) => `${host} ×${count}`);
  return trans._n(
    '%2/%3 engines on %1 node: %4',
    '%2/%3 engines on %1 nodes: %4',
    counts.size,
    present,
    wanted ?? present,
    hosts.length > MOST_HOSTS
      ? trans.__('%1, …', hosts.slice(0, MOST_HOSTS).join(', '))
      : hosts.join(', ')
  );
}

/** As many hosts as a card has room for. */
const MOST_HOSTS = 4;

/** Say more of a stage than its name: the job and its time, or why it is queued. */
export function stageDetail(
  stage: Stage,
  cluster: Cluster,
  trans: TranslationBundle
): string {
  const { batch } = cluster;
  if (batch === null) {
    return '';
  }
  if (stage.name === 'submitted' && stage.status === 'done') {
    return [
      jobsLabel(batch.jobs, trans),
      stage.ended_at === null ? '' : clockTime(stage.ended_at)
    ]
      .filter(part => part !== '')
      .join(', ');
  }
  if (stage.name !== 'queued' || stage.status !== 'active') {
    return '';
  }
  if (batch.reason !== null) {
    return trans.__('PBS: %1', batch.reason);
  }
  return heldJob(cluster) === null ? '' : trans.__('held');
}

/** Say what happens to the jobs of a cluster that is stopped. */
export function stopJobsSentence(
  cluster: Cluster,
  batch: Batch,
  now: number,
  trans: TranslationBundle
): string {
  const jobs = batch.jobs.filter(
    ({ job_id, state }) => job_id !== null && state !== 'finished'
  );
  const names = jobsLabel(jobs, trans);
  if (names === '') {
    return trans.__('Its job is taken back as soon as it has an id.');
  }
  if (cluster.state === 'queued') {
    return trans.__(
      'This deletes %1 from the queue, where it has waited for %2. Started again, it waits from the beginning.',
      names,
      spanWords(Math.max(0, now - cluster.state_since), trans)
    );
  }
  return trans.__('This deletes %1 with what is left of its walltime.', names);
}

/** Write hours, minutes and seconds as the user's language does. */
export function clockTime(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toLocaleTimeString();
}

/** Write a time; with the day if that is not today. */
export function dayAndTime(epochSeconds: number, now: number): string {
  const at = new Date(epochSeconds * 1000);
  return at.toDateString() === new Date(now * 1000).toDateString()
    ? timeOfDay(epochSeconds)
    : at.toLocaleString(undefined, {
        weekday: 'short',
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit'
      });
}
