/** What of the clusters is worth a notice, and when. Pure: no clock, no timer. */
import type { Cluster } from '../api/generated';
import type { IClusterChange } from '../tokens';
import { isLive } from './words';

/** Before the end of the walltime, in minutes, longest first. */
export const WARNINGS: readonly number[] = [15, 5];
/** An end that moved by less is the same end, read anew; in seconds. */
const SAME_END = 300;

/** A warning that the walltime of a cluster ends. */
export interface IWarning {
  key: string;
  runId: string;
  /** Of `WARNINGS`. */
  minutes: number;
  /** The server's clock, in seconds. */
  endsAt: number;
}

/** Remembers for which end a warning was shown. */
export interface IShownWarnings {
  get: (runId: string, minutes: number) => number | null;
  set: (runId: string, minutes: number, endsAt: number) => void;
}

/** Return what a change is worth telling: engines that got ready, or a cluster that failed. */
export function noticeOf({
  previous,
  current
}: IClusterChange): 'ready' | 'failed' | null {
  if (current === null) {
    return null;
  }
  const isSameRun = previous?.run_id === current.run_id;
  const before = isSameRun ? previous.state : null;
  if (current.state === 'failed') {
    return before === 'failed' ? null : 'failed';
  }
  if (current.state === 'ready') {
    return before === 'ready' || before === 'degraded' || before === 'stopping'
      ? null
      : 'ready';
  }
  return null;
}

/**
 * Return the warnings to show now, and when to look again.
 *
 * #### Notes
 * Of several that are due for one cluster, as after a reload, only the latest is shown; the
 * others count as shown. A walltime that was prolonged is warned of again. A job that is shorter
 * than a warning's time is not warned of at its very start.
 *
 * @param now - The server's clock, in seconds.
 */
export function dueWarnings(
  clusters: readonly Cluster[],
  now: number,
  shown: IShownWarnings
): { due: IWarning[]; nextAt: number | null } {
  const due: IWarning[] = [];
  let nextAt: number | null = null;
  for (const cluster of clusters) {
    const endsAt = cluster.batch?.ends_at ?? null;
    if (endsAt === null || endsAt <= now || !isLive(cluster)) {
      continue;
    }
    const began = runsSince(cluster, endsAt);
    let latest: IWarning | null = null;
    for (const minutes of WARNINGS) {
      const at = endsAt - minutes * 60;
      if (began !== null && at <= began) {
        continue; // It never had so much time.
      }
      if (at > now) {
        nextAt = Math.min(nextAt ?? at, at);
        continue;
      }
      const last = shown.get(cluster.run_id, minutes);
      if (last === null || endsAt > last + SAME_END) {
        latest = { key: cluster.key, runId: cluster.run_id, minutes, endsAt };
        shown.set(cluster.run_id, minutes, endsAt);
      }
    }
    if (latest !== null) {
      due.push(latest);
    }
  }
  return { due, nextAt };
}

/** When the job began to run, by the server's clock in seconds; null where nobody can say. */
function runsSince(cluster: Cluster, endsAt: number): number | null {
  const queued = cluster.stages.find(({ name }) => name === 'queued');
  const walltime = cluster.batch?.resources.walltime_seconds ?? null;
  // The walltime is what was asked for: it may have been altered since.
  return queued?.ended_at ?? (walltime === null ? null : endsAt - walltime);
}
