import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { Icon } from '../icon';
import { alertIcon, enginesIcon } from '../icons';
import { plainText } from '../plainText';
import { spanWords, timeOfDay } from '../times';
import type { IClusterManager, IEngineSettings } from '../tokens';
import {
  batchSentence,
  hasEnd,
  heldJob,
  secondsLeft,
  unknownSentence
} from './batchWords';
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
          : [
              unknownSentence(cluster.batch, trans),
              batchSentence(cluster, cluster.batch, now, trans)
            ]
              .filter(part => part !== '')
              .join(' ')
      )
    )
    .map(plainText)
    .join('\n');
  const isUnknown = clusters.some(cluster => unknownSince(cluster) !== null);
  return (
    <button
      className="jp-Engines-StatusItem"
      title={caption}
      aria-label={trans.__('Engines: %1', caption)}
      onClick={onClick}
    >
      {isUnknown ? (
        <Icon icon={alertIcon} tone="warning" />
      ) : (
        <Icon icon={enginesIcon} />
      )}
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
  const unknown = unknownSince(cluster);
  if (unknown !== null) {
    // Neither how many engines there are nor what is left of their time is known now.
    return trans.__('%1 unknown since %2', cluster.key, timeOfDay(unknown));
  }
  if (heldJob(cluster) !== null) {
    return trans.__('%1 held', cluster.key);
  }
  if (cluster.state === 'queued') {
    return trans.__('%1 queued', cluster.key);
  }
  const left = secondsLeft(cluster, now);
  return left === null
    ? countLabel(cluster)
    : trans.__('%1 · %2', countLabel(cluster), spanWords(left, trans));
}

/** Since when the scheduler does not say what a cluster's job does; null: it does, or there is none. */
function unknownSince(cluster: Cluster): number | null {
  return cluster.batch?.unknown_since ?? null;
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
