import type { Job } from '../api/generated';
import { arrange, compare, isWanted, matcher, sortKey } from './filter';
import type { Haystack, IRow, ISortKey, IView } from './filter';

/** A row with what it is sorted by. */
interface IKeyedRow extends IRow, ISortKey {}

/**
 * Keeps the rows of a table from one change of the queue to the next.
 *
 * #### Notes
 * A reading of the queue changes some fifty of ten thousand jobs. Their rows are taken out and
 * merged in again; all others, and their order, stay. Where more can have moved than that
 * (another view, arrays and their counts, an order that time changes), all are arranged.
 */
export class Arranger {
  /** @param haystack - All text of a job that the filter looks in, in lower case. */
  constructor(haystack: Haystack) {
    this._haystack = haystack;
  }

  /**
   * Return the rows that show these jobs.
   *
   * @param now - The server's clock, in seconds, to sort by elapsed time.
   * @param touched - Ids of all jobs that came, went or changed since the last call; null: any.
   */
  arrange(
    jobs: ReadonlyMap<string, Job>,
    view: IView,
    now: number,
    touched: ReadonlySet<string> | null
  ): readonly IRow[] {
    const isSame = jobs === this._jobs && view === this._view;
    this._rows =
      isSame && touched !== null && this._isSimple(jobs, view, touched)
        ? this._merge(jobs, view, now, touched)
        : this._arrangeAll(jobs, view, now);
    this._jobs = jobs;
    this._view = view;
    return this._rows;
  }

  private _arrangeAll(
    jobs: ReadonlyMap<string, Job>,
    view: IView,
    now: number
  ): IKeyedRow[] {
    this._arrays = new Set();
    for (const job of jobs.values()) {
      if (isOfArray(job)) {
        this._arrays.add(job.job_id);
      }
    }
    return arrange(jobs, view, this._haystack, now).map(row => ({
      ...row,
      ...sortKey(row.job, view, now)
    }));
  }

  /** Tell whether none of the jobs has to do with an array, nor their order with time. */
  private _isSimple(
    jobs: ReadonlyMap<string, Job>,
    view: IView,
    touched: ReadonlySet<string>
  ): boolean {
    if (view.column === 'elapsed') {
      return false;
    }
    for (const jobId of touched) {
      const job = jobs.get(jobId);
      if (this._arrays.has(jobId) || (job !== undefined && isOfArray(job))) {
        return false;
      }
    }
    return true;
  }

  private _merge(
    jobs: ReadonlyMap<string, Job>,
    view: IView,
    now: number,
    touched: ReadonlySet<string>
  ): IKeyedRow[] {
    const sign = view.isDescending ? -1 : 1;
    const matches = matcher(view, this._haystack);
    const fresh: IKeyedRow[] = [];
    for (const jobId of touched) {
      const job = jobs.get(jobId);
      if (job !== undefined && isWanted(job, view) && matches(job)) {
        fresh.push({
          job,
          depth: 0,
          subjobs: null,
          isOpen: false,
          ...sortKey(job, view, now)
        });
      }
    }
    fresh.sort((a, b) => compare(a, b, sign));

    const rows: IKeyedRow[] = [];
    let next = 0;
    for (const row of this._rows) {
      if (touched.has(row.job.job_id)) {
        continue;
      }
      // Subjobs stay below their array.
      while (row.depth === 0) {
        const one = fresh[next];
        if (one === undefined || compare(one, row, sign) > 0) {
          break;
        }
        rows.push(one);
        next += 1;
      }
      rows.push(row);
    }
    return rows.concat(fresh.slice(next));
  }

  private readonly _haystack: Haystack;
  private _jobs: ReadonlyMap<string, Job> | null = null;
  private _view: IView | null = null;
  private _rows: readonly IKeyedRow[] = [];
  /** Ids of arrays and of subjobs. */
  private _arrays = new Set<string>();
}

function isOfArray(job: Job): boolean {
  return job.state === 'array' || job.array_id !== null;
}
