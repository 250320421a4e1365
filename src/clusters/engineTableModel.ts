import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { Cluster } from '../api/generated';
import type { IActivity, IActivityStore, IClusterManager } from '../tokens';
import type { EngineColumn } from './engineRows';

/** How often the time of busy engines is drawn, in milliseconds. */
const TICK = 1000;

/**
 * What tables of engines show: clusters, what their engines do, and the time that ticks.
 *
 * #### Notes
 * Tells of changes only while somebody can see them.
 */
export class EngineTableModel extends VDomModel {
  constructor(options: EngineTableModel.IOptions) {
    super();
    this.manager = options.manager;
    this.trans = options.trans;
    this._activity = options.activity;
    this.manager.changed.connect(this._onChanged, this);
    this._activity?.changed.connect(this._onChanged, this);
  }

  readonly manager: IClusterManager;
  readonly trans: TranslationBundle;

  get column(): EngineColumn {
    return this._column;
  }

  get isDescending(): boolean {
    return this._isDescending;
  }

  /** The server's clock, in seconds; it stands still while nobody hears from the server. */
  get now(): number {
    return this._lostAt ?? this.manager.serverNow();
  }

  set isVisible(value: boolean) {
    if (value !== this._isVisible) {
      this._isVisible = value;
      this._onChanged();
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    clearInterval(this._ticker);
    this.manager.changed.disconnect(this._onChanged, this);
    this._activity?.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  /** Return what the engines of a cluster do; null if nothing was told. */
  activityOf(key: string): IActivity | null {
    return this._activity?.get(key) ?? null;
  }

  /** Sort by a column; again, the other way. */
  sortBy(column: EngineColumn): void {
    this._isDescending = column === this._column && !this._isDescending;
    this._column = column;
    this.stateChanged.emit();
  }

  private _onChanged(): void {
    const isLost = this.manager.link.state === 'lost';
    this._lostAt = isLost ? this.now : null;
    const ticks =
      this._isVisible &&
      !isLost &&
      this.manager.clusters.some(c => this._isBusy(c));
    if (ticks !== (this._ticker !== undefined)) {
      clearInterval(this._ticker);
      this._ticker = ticks
        ? setInterval(() => this.stateChanged.emit(), TICK)
        : undefined;
    }
    if (this._isVisible) {
      this.stateChanged.emit();
    }
  }

  private _isBusy({ key }: Cluster): boolean {
    for (const engine of this.activityOf(key)?.engines.values() ?? []) {
      if (engine.busy_since !== null) {
        return true;
      }
    }
    return false;
  }

  private readonly _activity: IActivityStore | null;
  private _column: EngineColumn = 'rank';
  private _isDescending = false;
  private _isVisible = false;
  private _lostAt: number | null = null;
  private _ticker: ReturnType<typeof setInterval> | undefined;
}

export namespace EngineTableModel {
  export interface IOptions {
    manager: IClusterManager;
    /** Null where nobody follows what engines do. */
    activity: IActivityStore | null;
    trans: TranslationBundle;
  }
}
