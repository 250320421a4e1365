import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type {
  IClusterChange,
  IClusterManager,
  IEngineConnector
} from '../tokens';
import { StartModel } from './startModel';
import { isMoving, sentenceOf } from './words';

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
    const ticks = this._isVisible && this.manager.clusters.some(isMoving);
    if (ticks && this._ticker === undefined) {
      this._ticker = setInterval(() => this.stateChanged.emit(), 1000);
    } else if (!ticks) {
      clearInterval(this._ticker);
      this._ticker = undefined;
    }
  }

  private readonly _connector: IEngineConnector | null;
  private _ticker: ReturnType<typeof setInterval> | undefined;
  private _isVisible = false;
  private _announcement = '';
}

export namespace PanelModel {
  export interface IOptions extends StartModel.IOptions {
    /** Knows which notebooks are connected; null where there are none. */
    connector: IEngineConnector | null;
  }
}
