import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { Cluster } from '../api/generated';
import { plainText } from '../plainText';
import { spanWords } from '../times';
import type {
  IClusterChange,
  IClusterManager,
  IEngineSettings
} from '../tokens';
import { failureWords } from './failures';
import { dueWarnings, noticeOf } from './notices';
import type { IShownWarnings, IWarning } from './notices';

/** A timer's longest wait, in milliseconds: browsers fire longer ones at once. */
const LONGEST_WAIT = 3_600_000;
/** How long the good news stays, in milliseconds. */
const READY_STAYS = 15_000;

/** Notifies of engines that are ready, of clusters that failed, and of walltime that ends. */
export class Notifier implements IDisposable {
  constructor(options: Notifier.IOptions) {
    this._options = options;
    const { manager, settings } = options;
    manager.clusterChanged.connect(this._onClusterChanged, this);
    manager.changed.connect(this._warn, this);
    settings?.changed.connect(this._warn, this);
    this._warn();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    const { manager, settings } = this._options;
    manager.clusterChanged.disconnect(this._onClusterChanged, this);
    manager.changed.disconnect(this._warn, this);
    settings?.changed.disconnect(this._warn, this);
  }

  private get _isWanted(): boolean {
    return this._options.settings?.showNotices !== false;
  }

  private _onClusterChanged(_: IClusterManager, change: IClusterChange): void {
    const notice = noticeOf(change);
    if (notice === null || change.current === null || !this._isWanted) {
      return;
    }
    if (notice === 'ready') {
      this._tellReady(change.current);
    } else {
      this._tellFailed(change.current);
    }
  }

  private _tellReady(cluster: Cluster): void {
    const { trans } = this._options;
    const { key } = cluster;
    Notification.success(
      trans._n(
        '%2 is ready: %1 engine.',
        '%2 is ready: %1 engines.',
        cluster.engines_registered,
        key
      ),
      { autoClose: READY_STAYS, actions: this._actions(key, true) }
    );
  }

  private _tellFailed(cluster: Cluster): void {
    const { trans } = this._options;
    const { failure, key } = cluster;
    const words = failure === null ? null : failureWords(failure, trans);
    Notification.error(
      words === null
        ? trans.__('%1 has failed.', key)
        : plainText(
            trans.__('%1 has failed. %2 %3', key, words.cause, words.nextStep)
          ),
      { autoClose: false, actions: this._actions(key, false) }
    );
  }

  /** Show the warnings that are due, and wait for the next. */
  private _warn(): void {
    const { manager, shown } = this._options;
    clearTimeout(this._timer);
    if (!this._isWanted) {
      return;
    }
    const now = manager.serverNow();
    const { due, nextAt } = dueWarnings(manager.clusters, now, shown);
    due.forEach(warning => this._tellEnd(warning, now));
    if (nextAt !== null) {
      this._timer = setTimeout(
        () => this._warn(),
        Math.min(LONGEST_WAIT, Math.ceil((nextAt - now) * 1000))
      );
    }
  }

  private _tellEnd({ key, endsAt }: IWarning, now: number): void {
    const { trans } = this._options;
    Notification.warning(
      trans.__(
        'The walltime of %1 ends in %2: its engines end, and all variables on them are lost. Save what you need.',
        key,
        spanWords(Math.max(1, Math.round((endsAt - now) / 60)) * 60, trans)
      ),
      { autoClose: false, actions: this._actions(key, false) }
    );
  }

  private _actions(key: string, canConnect: boolean): Notification.IAction[] {
    const { onConnect, onOpenPanel, trans } = this._options;
    const actions: Notification.IAction[] = [
      { label: trans.__('Open panel'), callback: onOpenPanel }
    ];
    if (canConnect && onConnect !== null) {
      actions.unshift({
        label: trans.__('Connect'),
        caption: trans.__('Connect the current notebook to %1', key),
        displayType: 'accent',
        callback: () => onConnect(key)
      });
    }
    return actions;
  }

  private readonly _options: Notifier.IOptions;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
}

export namespace Notifier {
  export interface IOptions {
    manager: IClusterManager;
    /** Null: the defaults. */
    settings: IEngineSettings | null;
    shown: IShownWarnings;
    trans: TranslationBundle;
    onOpenPanel: () => void;
    /** Null where there are no notebooks. */
    onConnect: ((key: string) => void) | null;
  }
}

/** Remembers warnings as long as the browser's tab lives, over reloads. */
export class SessionWarnings implements IShownWarnings {
  constructor(storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this._storage = storage;
  }

  get(runId: string, minutes: number): number | null {
    const text = this._storage.getItem(keyOf(runId, minutes));
    return text === null ? null : Number(text);
  }

  set(runId: string, minutes: number, endsAt: number): void {
    this._storage.setItem(keyOf(runId, minutes), String(endsAt));
  }

  private readonly _storage: Pick<Storage, 'getItem' | 'setItem'>;
}

function keyOf(runId: string, minutes: number): string {
  return `jupyterlab-engines:warned:${runId}:${minutes}`;
}
