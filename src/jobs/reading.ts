import type { TranslationBundle } from '@jupyterlab/translation';
import type { Job, RawJobs } from '../api/generated';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';
import type { IJobStore } from '../tokens';

/** What a view of the jobs asks the server for, beyond what the stream tells. */
export class Reading {
  /** @param onChange - Called when a request begins, and when it has ended. */
  constructor(options: {
    store: IJobStore;
    trans: TranslationBundle;
    onChange: () => void;
  }) {
    this._store = options.store;
    this._trans = options.trans;
    this._onChange = options.onChange;
  }

  /** The table in the scheduler's own words, as last read. */
  get raw(): RawJobs | null {
    return this._raw;
  }

  /** The jobs of all users, as last read. */
  get all(): ReadonlyMap<string, Job> | null {
    return this._all;
  }

  /** Why the last request did not work. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Whether a request is not answered yet. */
  get isBusy(): boolean {
    return this._busy > 0;
  }

  /** Say no more why the last request did not work. */
  forgetProblem(): void {
    this._problem = null;
  }

  async readRaw(): Promise<void> {
    await this._try(async () => {
      this._raw = await this._store.readRaw();
    });
  }

  async readAll(): Promise<void> {
    await this._try(async () => {
      const { jobs } = await this._store.readAll();
      this._all = new Map(jobs.map(job => [job.job_id, job]));
    });
  }

  /** Have the queue read again soon; the stream tells what came of it. */
  async refresh(): Promise<void> {
    await this._try(() => this._store.refresh());
  }

  private async _try(action: () => Promise<void>): Promise<void> {
    this._busy += 1;
    this._onChange();
    try {
      await action();
      this._problem = null;
    } catch (error) {
      this._problem = problemOf(error, this._trans);
    } finally {
      this._busy -= 1;
      this._onChange();
    }
  }

  private readonly _store: IJobStore;
  private readonly _trans: TranslationBundle;
  private readonly _onChange: () => void;
  private _raw: RawJobs | null = null;
  private _all: ReadonlyMap<string, Job> | null = null;
  private _problem: IProblem | null = null;
  private _busy = 0;
}
