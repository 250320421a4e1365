import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { NotebookPanel } from '@jupyterlab/notebook';
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
      [...this._told.keys()].forEach(panel => this.takeBack(panel));
    }
  }

  /** Tell it if it is so, and offer to connect; return whether the notebook is connected, or may be. */
  check(panel: NotebookPanel): boolean {
    const { connector, trans } = this._options;
    const { path } = panel.context;
    const { state } = connector.connectionOf(path);
    this.takeBack(panel);
    if (state !== 'none' && state !== 'detached') {
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
      { autoClose: false, actions: [this._action(panel, state)] }
    );
    this._told.set(panel, id);
    panel.disposed.connect(this.takeBack, this);
    return false;
  }

  /** It matters no more: nothing is to run there. */
  takeBack(panel: NotebookPanel): void {
    const id = this._told.get(panel);
    if (id !== undefined) {
      this._told.delete(panel);
      panel.disposed.disconnect(this.takeBack, this);
      Notification.dismiss(id);
    }
  }

  private _action(
    panel: NotebookPanel,
    state: Connection['state']
  ): Notification.IAction {
    const { canConnect, connect, showPanel, trans } = this._options;
    return state === 'detached' || canConnect()
      ? {
          label: trans.__('Connect'),
          caption: trans.__('Connect the kernel of this notebook to engines'),
          displayType: 'accent',
          callback: () => {
            // A notice that is being taken back can still be clicked.
            if (!panel.isDisposed) {
              connect(panel);
            }
          }
        }
      : {
          label: trans.__('Show Engines'),
          caption: trans.__('No engines are ready: start them in the panel'),
          displayType: 'accent',
          callback: () => showPanel()
        };
  }

  private _onChanged(connector: IEngineConnector): void {
    for (const panel of [...this._told.keys()]) {
      if (connector.connectionOf(panel.context.path).state === 'connected') {
        this.takeBack(panel);
      }
    }
  }

  private readonly _options: ConnectReminder.IOptions;
  /** Ids of notifications; a notebook's path changes when it is renamed. */
  private readonly _told = new Map<NotebookPanel, string>();
  private _isDisposed = false;
}

export namespace ConnectReminder {
  export interface IOptions {
    connector: IEngineConnector;
    /** Whether there are engines to connect to. */
    canConnect: () => boolean;
    connect: (panel: NotebookPanel) => void;
    showPanel: () => void;
    trans: TranslationBundle;
  }
}
