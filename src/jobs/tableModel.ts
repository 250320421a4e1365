import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { Job, RawJobs, SchedulerStatus } from '../api/generated';
import { problemOf } from '../problem';
import type { IProblem } from '../problem';
import type { IClusterManager, IJobStore, JobsChange } from '../tokens';
import { arrange } from './filter';
import type { Column, IRow, IView } from './filter';
import { conditionOf, conditionWord } from './words';

/** What a view of the jobs shows: which, in which order, as of when. One render a frame. */
export class JobTableModel extends VDomModel {
  constructor(options: JobTableModel.IOptions) {
    super();
    this.store = options.store;
    this.manager = options.manager;
    this.trans = options.trans;
    this._view = { ...this._view, ...options.view };
    this._calmness = options.calmness ?? 0;
    this.store.changed.connect(this._onJobs, this);
    this.manager.changed.connect(this._onManager, this);
  }

  readonly store: IJobStore;
  readonly manager: IClusterManager;
  readonly trans: TranslationBundle;

  get scheduler(): SchedulerStatus | null {
    return this.store.scheduler;
  }

  get view(): IView {
    return this._view;
  }

  get scope(): 'mine' | 'all' {
    return this._scope;
  }

  get showsRaw(): boolean {
    return this._showsRaw;
  }

  /** The table in the scheduler's own words, as last read. */
  get raw(): RawJobs | null {
    return this._raw;
  }

  /** Why the last reading did not work. */
  get problem(): IProblem | null {
    return this._problem;
  }

  get isReading(): boolean {
    return this._reading > 0;
  }

  /** Whether what is shown may be no longer true: nobody has told for a while. */
  get isStale(): boolean {
    return (
      this.scheduler?.answering === false || this.manager.link.state === 'lost'
    );
  }

  /** The time that the table tells, in seconds: it stands still where nobody knows how it went on. */
  get now(): number {
    const now = this.manager.serverNow();
    return this.isStale ? (this.scheduler?.read_at ?? now) : now;
  }

  /** All jobs there are to choose from. */
  get jobs(): ReadonlyMap<string, Job> {
    return this._scope === 'all' && this._all !== null
      ? this._all
      : this.store.jobs;
  }

  get rows(): readonly IRow[] {
    if (this._rows === null || (this._areOld && this._mayArrange())) {
      this._rows = arrange(this.jobs, this._view, this._haystack, this.now);
      this._areOld = false;
      this._arrangedAt = performance.now();
    }
    return this._rows;
  }

  /** Jobs with our tag that no cluster of ours knows, and that have not ended. */
  get orphans(): readonly Job[] {
    this._orphans ??= [...this.store.jobs.values()].filter(
      job => job.orphan && job.state !== 'finished'
    );
    return this._orphans;
  }

  /** Whether anybody can see it: time ticks, and rows are made, only then. */
  set isVisible(value: boolean) {
    this._isVisible = value;
    clearInterval(this._ticker);
    this._ticker = undefined;
    if (value) {
      this._ticker = setInterval(() => this._render(), 1000);
      this._render();
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearInterval(this._ticker);
    cancelAnimationFrame(this._frame);
    this.store.changed.disconnect(this._onJobs, this);
    this.manager.changed.disconnect(this._onManager, this);
    super.dispose();
  }

  setText(text: string): void {
    this._setView({ text });
  }

  setShowsFinished(showsFinished: boolean): void {
    this._setView({ showsFinished });
  }

  /** Sort by a column; by the same again: the other way round. */
  sortBy(column: Column): void {
    this._setView({
      column,
      isDescending: this._view.column === column && !this._view.isDescending
    });
  }

  /** Show or hide the subjobs of an array. */
  setOpen(jobId: string, isOpen: boolean): void {
    const open = new Set(this._view.open);
    if (isOpen) {
      open.add(jobId);
    } else {
      open.delete(jobId);
    }
    this._setView({ open });
  }

  /** Show what carries our tag and belongs to no cluster. */
  showOrphans(): void {
    this._showsRaw = false;
    this._setView({ text: this.trans.__('orphan') });
  }

  setScope(scope: 'mine' | 'all'): void {
    this._scope = scope;
    this._rows = null;
    if (scope === 'all') {
      void this._readAll();
    }
    this._render();
  }

  setShowsRaw(showsRaw: boolean): void {
    this._showsRaw = showsRaw;
    this._problem = null;
    if (showsRaw) {
      void this.readRaw();
    }
    this._render();
  }

  /** Read the scheduler's own table again. */
  async readRaw(): Promise<void> {
    await this._read(async () => {
      this._raw = await this.store.readRaw();
    });
  }

  /** Have everything that is shown read again soon. */
  async refresh(): Promise<void> {
    if (this._showsRaw) {
      await this.readRaw();
      return;
    }
    await this._read(() => this.store.refresh());
    if (this._scope === 'all') {
      await this._readAll();
    }
  }

  private async _readAll(): Promise<void> {
    await this._read(async () => {
      const { jobs } = await this.store.readAll();
      this._all = new Map(jobs.map(job => [job.job_id, job]));
      this._rows = null;
    });
  }

  private async _read(action: () => Promise<void>): Promise<void> {
    this._reading += 1;
    this._render();
    try {
      await action();
      this._problem = null;
    } catch (error) {
      this._problem = problemOf(error, this.trans);
    } finally {
      this._reading -= 1;
      this._render();
    }
  }

  private _setView(changes: Partial<IView>): void {
    this._view = { ...this._view, ...changes };
    this._rows = null;
    this._render();
  }

  private _onJobs(_: IJobStore, change: JobsChange): void {
    const readAt = this.scheduler?.read_at ?? null;
    if (this._scope === 'all' && this._isVisible && readAt !== this._readAt) {
      void this._readAll();
    }
    this._readAt = readAt;
    if (change === null || change.size > 0) {
      this._areOld = true;
      this._orphans = null;
    }
    this._render();
  }

  private _mayArrange(): boolean {
    return performance.now() >= this._arrangedAt + this._calmness;
  }

  private _onManager(): void {
    this._render();
  }

  /** Tell the view, once a frame; while nobody looks, not at all. */
  private _render(): void {
    if (!this._isVisible || this._frame !== 0 || this.isDisposed) {
      return;
    }
    this._frame = requestAnimationFrame(() => {
      this._frame = 0;
      this.stateChanged.emit();
    });
  }

  private readonly _haystack = (job: Job): string => {
    let text = this._haystacks.get(job);
    if (text === undefined) {
      text = [
        job.job_id,
        job.name,
        job.owner,
        job.queue,
        conditionWord(conditionOf(job), this.trans),
        job.cluster,
        job.orphan ? this.trans.__('orphan') : null,
        ...job.hosts.map(({ name }) => name),
        job.comment
      ]
        .filter(Boolean)
        .join(' ')
        .toLowerCase();
      this._haystacks.set(job, text);
    }
    return text;
  };

  private readonly _haystacks = new WeakMap<Job, string>();
  private _view: IView = {
    text: '',
    showsFinished: false,
    column: 'id',
    isDescending: true,
    open: new Set<string>()
  };
  private readonly _calmness: number;
  private _rows: readonly IRow[] | null = null;
  /** Jobs have changed since the rows were made. */
  private _areOld = false;
  private _arrangedAt = 0;
  private _orphans: readonly Job[] | null = null;
  private _all: ReadonlyMap<string, Job> | null = null;
  private _raw: RawJobs | null = null;
  private _problem: IProblem | null = null;
  private _scope: 'mine' | 'all' = 'mine';
  private _showsRaw = false;
  private _readAt: number | null = null;
  private _reading = 0;
  private _isVisible = false;
  private _frame = 0;
  private _ticker: ReturnType<typeof setInterval> | undefined;
}

export namespace JobTableModel {
  export interface IOptions {
    store: IJobStore;
    manager: IClusterManager;
    trans: TranslationBundle;
    /** Where it differs from what a table first shows. */
    view?: Partial<IView>;
    /** Rows change no sooner than after so many milliseconds; by default at once. */
    calmness?: number;
  }
}
