import { Notification } from '@jupyterlab/apputils';
import type { ISessionContextDialogs } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { NotebookActions } from '@jupyterlab/notebook';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type {
  Connection,
  IClusterManager,
  IConnectedNotebook,
  IEngineConnector,
  IEngineSettings
} from '../tokens';
import { connectLines } from './code';
import {
  explainNoKernel,
  explainNoNotebook,
  explainNotPython
} from './dialogs';
import { NotebookLink } from './notebookLink';
import { ProfileNotice } from './profileNotice';

/** A view of a notebook. */
interface IView {
  panel: NotebookPanel;
  /** All views of a notebook have the same. */
  link: NotebookLink;
  notice: ProfileNotice;
}

/** Binds the notebooks of a tracker to clusters. */
export class EngineConnector implements IEngineConnector {
  constructor(options: EngineConnector.IOptions) {
    this._options = options;
    this._trans = options.translator.load('jupyterlab_engines');
    options.tracker.forEach(panel => this._follow(panel));
    options.tracker.widgetAdded.connect(this._onWidgetAdded, this);
  }

  get changed(): ISignal<this, string> {
    return this._changed;
  }

  get notebooks(): readonly IConnectedNotebook[] {
    const links = [...this._views.values()].map(({ link }) => link);
    return [...new Set(links)].map(({ context, connection }) => ({
      path: context.path,
      connection
    }));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._options.tracker.widgetAdded.disconnect(this._onWidgetAdded, this);
    this._views.forEach(({ link, notice }) => {
      link.dispose();
      notice.dismiss();
    });
    this._views.clear();
    Signal.clearData(this);
  }

  connectionOf(path?: string): Connection {
    return this._find(path)?.link.connection ?? { state: 'none' };
  }

  hasAutopx(path?: string): boolean {
    return this._find(path)?.link.hasAutopx ?? false;
  }

  async setAutopx(isOn: boolean, path?: string): Promise<boolean> {
    const view = this._find(path);
    const kernel = view && (await this._readyKernel(view.panel));
    if (view === undefined || !kernel) {
      return false;
    }
    const failure = await view.link.setAutopx(isOn);
    if (failure !== null) {
      const name = PathExt.basename(view.panel.context.path);
      const cause = failure === '' ? this._trans.__('no answer') : failure;
      Notification.error(
        isOn
          ? this._trans.__(
              'The cells of %1 do not all run on engines: %%autopx could not be turned on (%2).',
              name,
              cause
            )
          : this._trans.__(
              'The cells of %1 still all run on engines: %%autopx could not be turned off (%2).',
              name,
              cause
            ),
        { autoClose: false }
      );
    }
    return failure === null;
  }

  async connect(key: string, path?: string): Promise<boolean> {
    const view =
      this._find(path) ??
      (path === undefined ? await this._newNotebook(key) : null);
    if (view === null) {
      if (path !== undefined) {
        Notification.error(
          this._trans.__(
            '%1 was not connected to %2: it is not open. Open it, then connect.',
            PathExt.basename(path),
            key
          )
        );
      }
      return false;
    }
    const { panel, link, notice } = view;
    const kernel = await this._readyKernel(panel);
    if (kernel === null) {
      return false;
    }
    const isConnected = await (this._options.settings?.connectMode === 'silent'
      ? this._connectSilently(link, kernel, key)
      : link.connecting(key, () => this._runCell(panel, key)));
    if (isConnected && this._views.has(panel)) {
      notice.check(this._options.manager.get(key)?.profile ?? key);
    }
    return isConnected;
  }

  async reattach(path?: string): Promise<boolean> {
    const view = this._find(path);
    if (view === undefined || !('key' in view.link.connection)) {
      return false;
    }
    const { key } = view.link.connection;
    const kernel = await this._readyKernel(view.panel);
    // The notebook has its cell already, or never wanted one.
    return kernel !== null && this._connectSilently(view.link, kernel, key);
  }

  /** Find a view of the notebook with that path, or of the current one; best that in front. */
  private _find(path?: string): IView | undefined {
    const { currentWidget } = this._options.tracker;
    const wanted = path ?? currentWidget?.context.path;
    const views = [...this._views.values()].filter(
      ({ panel }) => panel.context.path === wanted
    );
    return views.find(({ panel }) => panel === currentWidget) ?? views[0];
  }

  private async _newNotebook(key: string): Promise<IView | null> {
    const { createNotebook } = this._options;
    const wanted = await explainNoNotebook(
      key,
      createNotebook !== null,
      this._trans
    );
    if (!wanted || createNotebook === null) {
      return null;
    }
    await createNotebook();
    return this._find() ?? null;
  }

  /** Return the kernel if it can be connected; null when the user has been told why not. */
  private async _readyKernel(
    panel: NotebookPanel
  ): Promise<Kernel.IKernelConnection | null> {
    const { sessionDialogs } = this._options;
    const { sessionContext } = panel;
    const name = PathExt.basename(panel.context.path);
    await sessionContext.ready;
    let kernel = sessionContext.session?.kernel ?? null;
    if (kernel === null || kernel.status === 'dead') {
      const wanted = await explainNoKernel(
        name,
        sessionDialogs !== null,
        this._trans
      );
      if (!wanted || sessionDialogs === null) {
        return null;
      }
      await sessionDialogs.selectKernel(sessionContext);
      kernel = sessionContext.session?.kernel ?? null;
      if (kernel === null) {
        return null;
      }
    }
    const { language_info: language } = await kernel.info;
    if (language.name !== 'python') {
      const wanted = await explainNotPython(
        name,
        sessionContext.kernelDisplayName,
        sessionDialogs !== null,
        this._trans
      );
      if (wanted && sessionDialogs !== null) {
        await sessionDialogs.selectKernel(sessionContext);
      }
      return null;
    }
    return kernel;
  }

  /** Run the visible cell: the one the notebook has already, or a new one. */
  private async _runCell(panel: NotebookPanel, key: string): Promise<boolean> {
    const { content: notebook, sessionContext } = panel;
    const { sessionDialogs, translator } = this._options;
    const source = connectLines(key);
    const existing = notebook.widgets.findIndex(
      ({ model }) =>
        model.type === 'code' && model.sharedModel.getSource().trim() === source
    );
    if (existing >= 0) {
      notebook.activeCellIndex = existing;
      notebook.deselectAll();
    } else {
      // Before all other code, wherever the user stands: run from top to bottom, the notebook must
      // have `cluster` and `view` before they are used.
      const first = notebook.widgets.findIndex(
        ({ model }) => model.type === 'code'
      );
      notebook.activeCellIndex =
        first >= 0 ? first : notebook.widgets.length - 1;
      if (first < 0) {
        NotebookActions.insertBelow(notebook);
        NotebookActions.changeCellType(notebook, 'code');
      } else if (
        notebook.widgets[first]?.model.sharedModel.getSource().trim() !== ''
      ) {
        NotebookActions.insertAbove(notebook);
        NotebookActions.changeCellType(notebook, 'code');
      }
      notebook.activeCell?.model.sharedModel.setSource(source);
    }
    return NotebookActions.run(
      notebook,
      sessionContext,
      sessionDialogs ?? undefined,
      translator
    );
  }

  private async _connectSilently(
    link: NotebookLink,
    kernel: Kernel.IKernelConnection,
    key: string
  ): Promise<boolean> {
    return link.connecting(key, async () => {
      const future = kernel.requestExecute({
        code: connectLines(key),
        silent: true,
        store_history: false,
        allow_stdin: false,
        stop_on_error: false
      });
      // Rejected if the kernel went away.
      const content = await future.done.then(
        reply => reply.content,
        () => null
      );
      if (content?.status === 'ok') {
        return true;
      }
      const name = PathExt.basename(link.context.path);
      Notification.error(
        content?.status === 'error'
          ? this._trans.__(
              '%1 could not be connected to %2. %3: %4',
              name,
              key,
              content.ename,
              content.evalue
            )
          : this._trans.__(
              '%1 was not connected to %2: its kernel was interrupted or restarted. Connect again.',
              name,
              key
            ),
        { autoClose: false }
      );
      return false;
    });
  }

  private _onWidgetAdded(_: INotebookTracker, panel: NotebookPanel): void {
    this._follow(panel);
  }

  private _follow(panel: NotebookPanel): void {
    const link = this._linkOf(panel) ?? this._newLink(panel);
    const notice = new ProfileNotice(panel.content, this._trans);
    this._views.set(panel, { panel, link, notice });
    panel.disposed.connect(this._onPanelDisposed, this);
  }

  private _linkOf({ context }: NotebookPanel): NotebookLink | undefined {
    return [...this._views.values()].find(
      ({ link }) => link.context === context
    )?.link;
  }

  private _newLink({ context }: NotebookPanel): NotebookLink {
    const link = new NotebookLink({
      context,
      runIdOf: key => this._options.manager.get(key)?.run_id ?? null,
      isAlive: (key, runId) => {
        const cluster = this._options.manager.get(key);
        return (
          (cluster?.state === 'ready' || cluster?.state === 'degraded') &&
          cluster.run_id === runId
        );
      }
    });
    link.changed.connect(this._onLinkChanged, this);
    link.detached.connect(this._onDetached, this);
    return link;
  }

  private _onPanelDisposed(panel: NotebookPanel): void {
    panel.disposed.disconnect(this._onPanelDisposed, this);
    const view = this._views.get(panel);
    this._views.delete(panel);
    view?.notice.dismiss();
    if (this._linkOf(panel) === undefined) {
      view?.link.dispose();
    }
    this._changed.emit('');
  }

  private _onLinkChanged({ context }: NotebookLink): void {
    this._changed.emit(context.path);
  }

  private _onDetached({ context }: NotebookLink): void {
    if (this._options.settings?.reattach === 'auto') {
      void this.reattach(context.path);
    }
  }

  private readonly _options: EngineConnector.IOptions;
  private readonly _trans: TranslationBundle;
  private readonly _views = new Map<NotebookPanel, IView>();
  private readonly _changed = new Signal<this, string>(this);
  private _isDisposed = false;
}

export namespace EngineConnector {
  export interface IOptions {
    tracker: INotebookTracker;
    manager: IClusterManager;
    /** Null: the defaults. */
    settings: IEngineSettings | null;
    /** Lets the user choose a kernel; null where the application cannot. */
    sessionDialogs: ISessionContextDialogs | null;
    /** Opens a new notebook and makes it the current one; null where the application cannot. */
    createNotebook: (() => Promise<void>) | null;
    translator: ITranslator;
  }
}
