import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { SchedulerStatus } from '../api/generated';
import type {
  IClusterChange,
  IClusterManager,
  IEngineConnector,
  IJobStore
} from '../tokens';
import { plainText } from '../plainText';
import { problemLine, problemOf } from '../problem';
import { hasEnd } from './batchWords';
import { StartModel } from './startModel';
import { isMoving, sentenceOf } from './words';

/** How often what is left of a walltime is drawn, in milliseconds. */
const WALLTIME_TICK = 10_000;

/**
 * What the panel shows: the clusters, the form, the time that ticks, and the words for
 * who cannot see the cards change.
 */
export class PanelModel extends VDomModel {
  constructor(options: PanelModel.IOptions) {
    super();
    this.manager = options.manager;
    this.trans = options.trans;
    this.start = new StartModel(options);
    this._connector = options.connector;
    this._jobs = options.jobs;
    this._jobs?.changed.connect(this._onJobs, this);
    this.manager.changed.connect(this._onChanged, this);
    this.manager.clusterChanged.connect(this._onClusterChanged, this);
    this.start.stateChanged.connect(this._onChanged, this);
    this._connector?.changed.connect(this._onChanged, this);
  }

  readonly manager: IClusterManager;
  readonly trans: TranslationBundle;
  /** The form; disposed with this. */
  readonly start: StartModel;

  /** The last change of a cluster's state in words, for a live region. */
  get announcement(): string {
    return this._announcement;
  }

  /** The batch system; null until the server has told of one. */
  get scheduler(): SchedulerStatus | null {
    return this._jobs?.scheduler ?? null;
  }

  /** The scheduler is being asked because the user wants it. */
  get isRefreshing(): boolean {
    return this._isRefreshing;
  }

  /** Whether anybody can see the panel: time ticks only then. */
  set isVisible(value: boolean) {
    this._isVisible = value;
    this._updateTicking();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearInterval(this._ticker);
    this.manager.changed.disconnect(this._onChanged, this);
    this.manager.clusterChanged.disconnect(this._onClusterChanged, this);
    this.start.stateChanged.disconnect(this._onChanged, this);
    this._connector?.changed.disconnect(this._onChanged, this);
    this._jobs?.changed.disconnect(this._onJobs, this);
    this.start.dispose();
    super.dispose();
  }

  /** Return the names of the notebooks that are connected to a cluster. */
  notebooksOf(key: string): string[] {
    return (this._connector?.notebooks ?? [])
      .filter(
        ({ connection }) =>
          connection.state === 'connected' && connection.key === key
      )
      .map(({ path }) => PathExt.basename(path));
  }

  /** Have the scheduler asked now. */
  async refresh(): Promise<void> {
    this._isRefreshing = true;
    this.stateChanged.emit();
    try {
      await this._jobs?.refresh();
    } catch (error) {
      const { trans } = this;
      Notification.error(
        plainText(problemLine(problemOf(error, trans), trans))
      );
    } finally {
      this._isRefreshing = false;
      this.stateChanged.emit();
    }
  }

  /** Jobs come and go by the thousand; only the scheduler's line is this panel's. */
  private _onJobs(): void {
    if (this.scheduler !== this._shownScheduler) {
      this._shownScheduler = this.scheduler;
      this.stateChanged.emit();
    }
  }

  private _onChanged(): void {
    this._updateTicking();
    this.stateChanged.emit();
  }

  private _onClusterChanged(
    _: IClusterManager,
    { key, previous, current }: IClusterChange
  ): void {
    // Counting engines up to eight is for the eye; eight announcements would bury all else.
    if (current !== null && current.state !== previous?.state) {
      this._announcement = this.trans.__(
        '%1: %2',
        key,
        sentenceOf(current, this.trans)
      );
      this.stateChanged.emit();
    }
  }

  private _updateTicking(): void {
    const { clusters } = this.manager;
    const period = !this._isVisible
      ? null
      : clusters.some(isMoving)
        ? 1000
        : clusters.some(hasEnd)
          ? WALLTIME_TICK
          : null;
    if (period !== this._period) {
      this._period = period;
      clearInterval(this._ticker);
      this._ticker =
        period === null
          ? undefined
          : setInterval(() => this.stateChanged.emit(), period);
    }
  }

  private readonly _connector: IEngineConnector | null;
  private readonly _jobs: IJobStore | null;
  private _shownScheduler: SchedulerStatus | null = null;
  private _isRefreshing = false;
  /** How often time is drawn, in milliseconds; null: not at all. */
  private _period: number | null = null;
  private _ticker: ReturnType<typeof setInterval> | undefined;
  private _isVisible = false;
  private _announcement = '';
}

export namespace PanelModel {
  export interface IOptions extends StartModel.IOptions {
    /** Knows which notebooks are connected; null where there are none. */
    connector: IEngineConnector | null;
    /** Knows the scheduler; null where nothing follows it. */
    jobs: IJobStore | null;
  }
}
