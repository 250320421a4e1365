import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { Job, RawJobs, SchedulerStatus } from '../api/generated';
import type { IProblem } from '../problem';
import type { IClusterManager, IJobStore, JobsChange } from '../tokens';
import { Arranger } from './arranger';
import type { Column, IRow, IView } from './filter';
import { haystackOf } from './haystack';
import { Reading } from './reading';

/** What a view of the jobs shows: which, in which order, as of when. One render a frame. */
export class JobTableModel extends VDomModel {
  constructor(options: JobTableModel.IOptions) {
    super();
    this.store = options.store;
    this.manager = options.manager;
    this.trans = options.trans;
    this._reading = new Reading({
      store: this.store,
      trans: this.trans,
      onChange: () => this._render()
    });
    this._arranger = new Arranger(haystackOf(options.trans));
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
    return this._reading.raw;
  }

  /** Why the last reading did not work. */
  get problem(): IProblem | null {
    return this._reading.problem;
  }

  get isReading(): boolean {
    return this._reading.isBusy;
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
    const { all } = this._reading;
    return this._scope === 'all' && all !== null ? all : this.store.jobs;
  }

  get rows(): readonly IRow[] {
    if (this._rows === null || (this._areOld && this._mayArrange())) {
      this._rows = this._arranger.arrange(
        this.jobs,
        this._view,
        this.now,
        this._rows === null ? null : this._touched
      );
      this._areOld = false;
      this._touched = new Set();
      this._arrangedAt = performance.now();
    }
    return this._rows;
  }

  /** Jobs with our tag that no cluster of ours knows, and that have not ended. */
  get orphans(): readonly Job[] {
    if (this._orphans === null) {
      this._orphans = [...this.store.jobs.values()].filter(
        job => job.orphan && job.state !== 'finished'
      );
      this._orphanIds = new Set(this._orphans.map(({ job_id }) => job_id));
    }
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
    this._reading.forgetProblem();
    if (showsRaw) {
      void this._reading.readRaw();
    }
    this._render();
  }

  /** Have everything that is shown read again soon. */
  async refresh(): Promise<void> {
    if (this._showsRaw) {
      await this._reading.readRaw();
      return;
    }
    await this._reading.refresh();
    if (this._scope === 'all') {
      await this._readAll();
    }
  }

  private async _readAll(): Promise<void> {
    await this._reading.readAll();
    this._rows = null;
    this._render();
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
      this._touch(change);
    }
    this._render();
  }

  /** Note which jobs have changed since the rows were made; null: any. */
  private _touch(change: JobsChange): void {
    if (change === null) {
      this._touched = null;
      this._orphans = null;
      return;
    }
    for (const jobId of change) {
      this._touched?.add(jobId);
      if (
        this._orphanIds.has(jobId) ||
        this.store.jobs.get(jobId)?.orphan === true
      ) {
        this._orphans = null;
      }
    }
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

  private readonly _reading: Reading;
  private readonly _arranger: Arranger;
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
  /** Ids of those that have; null: any. */
  private _touched: Set<string> | null = null;
  private _arrangedAt = 0;
  private _orphans: readonly Job[] | null = null;
  private _orphanIds: ReadonlySet<string> = new Set();
  private _scope: 'mine' | 'all' = 'mine';
  private _showsRaw = false;
  private _readAt: number | null = null;
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
