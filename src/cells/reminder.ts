import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { Connection, IEngineConnector } from '../tokens';

/** Tells of a notebook that is to run cells on engines and is not connected to any. */
export class ConnectReminder implements IDisposable {
  constructor(options: ConnectReminder.IOptions) {
    this._options = options;
    options.connector.changed.connect(this._onChanged, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._options.connector.changed.disconnect(this._onChanged, this);
      [...this._told.keys()].forEach(path => this.takeBack(path));
    }
  }

  /** Tell it if it is so, and offer to connect; return whether the notebook is connected. */
  check(path: string): boolean {
    const { connector, trans } = this._options;
    const { state } = connector.connectionOf(path);
    this.takeBack(path);
    if (state === 'connected' || state === 'connecting') {
      return true;
    }
    const id = Notification.warning(
      state === 'detached'
        ? trans.__(
            '%1 lost its connection to the engines when its kernel restarted. Cells cannot run there until it is connected again.',
            PathExt.basename(path)
          )
        : trans.__(
            '%1 is not connected to engines. Cells cannot run there until it is.',
            PathExt.basename(path)
          ),
      { autoClose: false, actions: [this._action(path, state)] }
    );
    this._told.set(path, id);
    return false;
  }

  /** It matters no more: nothing is to run there. */
  takeBack(path: string): void {
    const id = this._told.get(path);
    if (id !== undefined) {
      this._told.delete(path);
      Notification.dismiss(id);
    }
  }

  private _action(
    path: string,
    state: Connection['state']
  ): Notification.IAction {
    const { canConnect, connect, showPanel, trans } = this._options;
    return state === 'detached' || canConnect()
      ? {
          label: trans.__('Connect'),
          caption: trans.__('Connect the kernel of this notebook to engines'),
          displayType: 'accent',
          callback: () => connect(path, state === 'detached')
        }
      : {
          label: trans.__('Show Engines'),
          caption: trans.__('No engines are ready: start them in the panel'),
          displayType: 'accent',
          callback: () => showPanel()
        };
  }

  private _onChanged(_: IEngineConnector, path: string): void {
    if (
      this._told.has(path) &&
      this._options.connector.connectionOf(path).state === 'connected'
    ) {
      this.takeBack(path);
    }
  }

  private readonly _options: ConnectReminder.IOptions;
  /** Ids of notifications, by path. */
  private readonly _told = new Map<string, string>();
  private _isDisposed = false;
}

export namespace ConnectReminder {
  export interface IOptions {
    connector: IEngineConnector;
    /** Whether there are engines to connect to. */
    canConnect: () => boolean;
    connect: (path: string, again: boolean) => void;
    showPanel: () => void;
    trans: TranslationBundle;
  }
}
