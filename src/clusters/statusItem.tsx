import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { Icon } from '../icon';
import { enginesIcon } from '../icons';
import type { IClusterManager, IEngineSettings } from '../tokens';
import { countLabel, isLive, sentenceOf } from './words';

export interface IEngineCountProps {
  /** Those that have processes. */
  clusters: readonly Cluster[];
  trans: TranslationBundle;
  onClick: () => void;
}

/** How many engines run: `8/8` for each cluster. */
export function EngineCount({
  clusters,
  trans,
  onClick
}: IEngineCountProps): React.JSX.Element {
  const caption = clusters
    .map(cluster => trans.__('%1: %2', cluster.key, sentenceOf(cluster, trans)))
    .join('\n');
  return (
    <button
      className="jp-Engines-StatusItem"
      title={caption}
      aria-label={trans.__('Engines: %1', caption)}
      onClick={onClick}
    >
      <Icon icon={enginesIcon} />
      <span>{clusters.map(countLabel).join(' · ')}</span>
    </button>
  );
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
    super.dispose();
  }

  protected render(): React.JSX.Element {
    return (
      <EngineCount
        clusters={this._live}
        trans={this._options.trans}
        onClick={this._options.onClick}
      />
    );
  }

  private get _live(): readonly Cluster[] {
    return this._options.manager.clusters.filter(isLive);
  }

  private _onChanged(): void {
    this._wantedChanged.emit();
    this.update();
  }

  private readonly _options: StatusItem.IOptions;
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
