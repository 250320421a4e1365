/** Sorts, filters and groups jobs into the rows of a table. Pure: no clock, no document. */
import type { Job } from '../api/generated';
import { elapsedSeconds } from './words';

export type Column =
  | 'state'
  | 'id'
  | 'name'
  | 'owner'
  | 'queue'
  | 'nodes'
  | 'cores'
  | 'memory'
  | 'elapsed'
  | 'walltime'
  | 'remark';

/** What the user wants to see, and in which order. */
export interface IView {
  /** Words that must all be in a row. */
  text: string;
  showsFinished: boolean;
  column: Column;
  isDescending: boolean;
  /** Ids of the arrays whose subjobs are shown. */
  open: ReadonlySet<string>;
}

/** How many subjobs of an array are in each state. */
export type SubjobCounts = Partial<Record<Job['state'], number>>;

/** A row: a job, an array with its summary, or a subjob under its array. */
export interface IRow {
  job: Job;
  /** 1 for a subjob under its array. */
  depth: 0 | 1;
  /** Null unless it is an array with subjobs. */
  subjobs: SubjobCounts | null;
  isOpen: boolean;
}

/** What people write in the filter box that is not a field of a job. */
export type Haystack = (job: Job) => string;

/**
 * Return the rows that show these jobs.
 *
 * @param haystack - All text of a job that the filter looks in, in lower case.
 * @param now - The server's clock, in seconds, to sort by elapsed time.
 */
export function arrange(
  jobs: ReadonlyMap<string, Job>,
  view: IView,
  haystack: Haystack,
  now: number
): IRow[] {
  const matches = matcher(view, haystack);
  const isVisible = (job: Job) => isWanted(job, view);

  const subjobs = new Map<string, Job[]>();
  const top: Job[] = [];
  for (const job of jobs.values()) {
    if (job.array_id !== null && jobs.has(job.array_id)) {
      const known = subjobs.get(job.array_id);
      if (known === undefined) {
        subjobs.set(job.array_id, [job]);
      } else {
        known.push(job);
      }
    } else {
      top.push(job);
    }
  }

  const sort = sorter(view, now);
  const rows: IRow[] = [];
  const shown = top.filter(
    job =>
      isVisible(job) &&
      (matches(job) || (subjobs.get(job.job_id) ?? []).some(matches))
  );
  for (const job of sort(shown)) {
    const parts = subjobs.get(job.job_id);
    if (parts === undefined) {
      rows.push({ job, depth: 0, subjobs: null, isOpen: false });
      continue;
    }
    // An array that only has a subjob of that text is shown with it.
    const isFound = matches(job);
    const isOpen = view.open.has(job.job_id) || !isFound;
    rows.push({ job, depth: 0, subjobs: count(parts), isOpen });
    if (isOpen) {
      const found = parts.filter(
        part => isVisible(part) && (isFound || matches(part))
      );
      for (const part of sort(found)) {
        rows.push({ job: part, depth: 1, subjobs: null, isOpen: false });
      }
    }
  }
  return rows;
}

/** Tell whether a job is of those the user wants, whatever the text. */
export function isWanted(job: Job, view: IView): boolean {
  return view.showsFinished || job.state !== 'finished';
}

/** Return what tells whether a job has all the words of the view. */
export function matcher(
  view: IView,
  haystack: Haystack
): (job: Job) => boolean {
  const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return () => true;
  }
  return job => {
    const hay = haystack(job);
    return words.every(word => hay.includes(word));
  };
}

function count(parts: readonly Job[]): SubjobCounts {
  const counts: SubjobCounts = {};
  for (const { state } of parts) {
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

type Key = number | string | null;

/** What a job is sorted by: its column, then its id. */
export interface ISortKey {
  key: Key;
  order: number;
}

/** Return what a job is sorted by in this view. */
export function sortKey(job: Job, view: IView, now: number): ISortKey {
  return { key: KEYS[view.column](job, now), order: orderOf(job) };
}

/** Return which of two jobs comes first; what is not known comes last. */
export function compare(
  a: ISortKey & { job: Job },
  b: ISortKey & { job: Job },
  sign: 1 | -1
): number {
  if (a.key !== b.key) {
    if (a.key === null) {
      return 1;
    }
    if (b.key === null) {
      return -1;
    }
    return a.key < b.key ? -sign : sign;
  }
  return (
    sign * (a.order - b.order) || sign * (a.job.job_id < b.job.job_id ? -1 : 1)
  );
}

/** Return what sorts jobs as this view has them. */
function sorter(view: IView, now: number): (jobs: readonly Job[]) => Job[] {
  const sign = view.isDescending ? -1 : 1;
  return jobs => {
    const keyed = jobs.map(job => ({ job, ...sortKey(job, view, now) }));
    keyed.sort((a, b) => compare(a, b, sign));
    return keyed.map(({ job }) => job);
  };
}

const KEYS: Record<Column, (job: Job, now: number) => Key> = {
  state: job => STATES.indexOf(job.state),
  id: () => 0,
  name: job => job.name.toLowerCase(),
  owner: job => job.owner,
  queue: job => job.queue.toLowerCase(),
  nodes: job => job.nodes,
  cores: job => job.cores,
  memory: job => job.memory_bytes,
  elapsed: elapsedSeconds,
  walltime: job => job.walltime_seconds,
  remark: job => job.hosts[0]?.name ?? job.comment
};

/** What concerns people first. */
const STATES: readonly Job['state'][] = [
  'running',
  'exiting',
  'array',
  'suspended',
  'queued',
  'waiting',
  'held',
  'unknown',
  'finished'
];

/** Subjobs of one array, at most; no scheduler allows more by far. */
const MOST_SUBJOBS = 2 ** 22;

const orders = new WeakMap<Job, number>();

/** Return where a job stands by its id; read once a job, for thousands are sorted in a frame. */
function orderOf(job: Job): number {
  let order = orders.get(job);
  if (order === undefined) {
    order = idOrder(job.job_id);
    orders.set(job, order);
  }
  return order;
}

/** Return where `16.server`, `18[].server` and `18[2].server` stand among each other. */
export function idOrder(jobId: string): number {
  const match = /^(\d+)(?:\[(\d*)\])?/.exec(jobId);
  if (match === null) {
    return Number.MAX_SAFE_INTEGER;
  }
  const [, job, part] = match;
  return Number(job) * MOST_SUBJOBS + (part ? Number(part) + 1 : 0);
}
