import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { Icon } from '../icon';
import { enginesIcon } from '../icons';
import { spanWords } from '../times';
import type { IClusterManager, IEngineSettings } from '../tokens';
import { batchSentence, hasEnd, secondsLeft } from './batchWords';
import { countLabel, isLive, sentenceOf } from './words';

/** How often what is left of a walltime is drawn, in milliseconds. */
const TICK = 20_000;

export interface IEngineCountProps {
  /** Those that have processes. */
  clusters: readonly Cluster[];
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
  onClick: () => void;
}

/** How many engines run, and for how long they may: `8/8 · 53 min` for each cluster. */
export function EngineCount({
  clusters,
  now,
  trans,
  onClick
}: IEngineCountProps): React.JSX.Element {
  const caption = clusters
    .map(cluster =>
      trans.__(
        '%1: %2',
        cluster.key,
        cluster.batch === null
          ? sentenceOf(cluster, trans)
          : batchSentence(cluster, cluster.batch, now, trans)
      )
    )
    .join('\n');
  return (
    <button
      className="jp-Engines-StatusItem"
      title={caption}
      aria-label={trans.__('Engines: %1', caption)}
      onClick={onClick}
    >
      <Icon icon={enginesIcon} />
      <span>
        {clusters.map(cluster => shortLabel(cluster, now, trans)).join(', ')}
      </span>
    </button>
  );
}

function shortLabel(
  cluster: Cluster,
  now: number,
  trans: TranslationBundle
): string {
  if (cluster.state === 'queued') {
    return trans.__('%1 queued', cluster.key);
  }
  const left = secondsLeft(cluster, now);
  return left === null
    ? countLabel(cluster)
    : trans.__('%1 · %2', countLabel(cluster), spanWords(left, trans));
}

/** The status bar's item; there only while there are engines, and if the user wants it. */
export class StatusItem extends ReactWidget {
  constructor(options: StatusItem.IOptions) {
    super();
    this._options = options;
    this.addClass('jp-Engines-StatusItemHost');
    options.manager.changed.connect(this._onChanged, this);
    options.settings?.changed.connect(this._onChanged, this);
  }

  get isWanted(): boolean {
    return (
      this._options.settings?.showStatusBar !== false && this._live.length > 0
    );
  }

  get wantedChanged(): ISignal<this, void> {
    return this._wantedChanged;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._options.manager.changed.disconnect(this._onChanged, this);
    this._options.settings?.changed.disconnect(this._onChanged, this);
    clearInterval(this._ticker);
    super.dispose();
  }

  protected render(): React.JSX.Element {
    return (
      <EngineCount
        clusters={this._live}
        now={this._options.manager.serverNow()}
        trans={this._options.trans}
        onClick={this._options.onClick}
      />
    );
  }

  private get _live(): readonly Cluster[] {
    return this._options.manager.clusters.filter(isLive);
  }

  private _onChanged(): void {
    const ticks = this._live.some(hasEnd);
    if (ticks && this._ticker === undefined) {
      this._ticker = setInterval(() => this.update(), TICK);
    } else if (!ticks) {
      clearInterval(this._ticker);
      this._ticker = undefined;
    }
    this._wantedChanged.emit();
    this.update();
  }

  private readonly _options: StatusItem.IOptions;
  private _ticker: ReturnType<typeof setInterval> | undefined;
  private readonly _wantedChanged = new Signal<this, void>(this);
}

export namespace StatusItem {
  export interface IOptions {
    manager: IClusterManager;
    /** Null: the defaults. */
    settings: IEngineSettings | null;
    trans: TranslationBundle;
    onClick: () => void;
  }
}
