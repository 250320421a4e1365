import type { ISessionContext } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import type { Cell } from '@jupyterlab/cells';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { Connection } from '../tokens';
import {
  AUTOPX,
  AUTOPX_EXPRESSION,
  AUTOPX_LINE,
  mayConnect,
  PROBE,
  PROBE_EXPRESSION,
  readAutopx,
  readProbe
} from './code';
import type { Probed } from './code';

/** Cells of a *run all* end close to each other: one question answers for them. */
const PROBE_DELAY_MS = 150;

/**
 * What one notebook's kernel has to do with engines, as the kernel itself tells.
 *
 * #### Notes
 * The kernel is asked after each of this notebook's cells, in whichever of its views, when it
 * has nothing else to do, so that what was typed by hand counts as well.
 */
export class NotebookLink implements IDisposable {
  constructor(options: NotebookLink.IOptions) {
    this.context = options.context;
    this._options = options;
    this._probing = new Debouncer(() => this._probe(), PROBE_DELAY_MS);
    const session = this.context.sessionContext;
    session.kernelChanged.connect(this._onKernelChanged, this);
    session.statusChanged.connect(this._onStatusChanged, this);
    this.context.pathChanged.connect(this._onPathChanged, this);
    NotebookActions.executed.connect(this._onExecuted, this);
    this._connection = { state: this._kernel === null ? 'none' : 'unknown' };
    this.probeSoon();
  }

  readonly context: NotebookPanel['context'];

  get connection(): Connection {
    return this._connection;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether each cell is sent to engines, by `%autopx`; as the kernel last told. */
  get hasAutopx(): boolean {
    return this._hasAutopx;
  }

  /** The kernel came back from a restart and is not connected any more. */
  get detached(): ISignal<this, void> {
    return this._detached;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    const session = this.context.sessionContext;
    session.kernelChanged.disconnect(this._onKernelChanged, this);
    session.statusChanged.disconnect(this._onStatusChanged, this);
    this.context.pathChanged.disconnect(this._onPathChanged, this);
    NotebookActions.executed.disconnect(this._onExecuted, this);
    this._probing.dispose();
    Signal.clearData(this);
  }

  /** Run something that connects the kernel to a cluster, showing that it is on its way. */
  async connecting(key: string, run: () => Promise<boolean>): Promise<boolean> {
    const before = this._connection;
    const runId = this._options.runIdOf(key);
    this._set({ state: 'connecting', key, runId });
    let isConnected = false;
    try {
      isConnected = await run();
    } finally {
      // A kernel that restarted meanwhile has its say in `_onStatusChanged`.
      if (this._connection.state === 'connecting') {
        this._set(isConnected ? { state: 'connected', key, runId } : before);
      }
      this.probeSoon();
    }
    return isConnected;
  }

  /**
   * Have each cell sent to engines, or not.
   *
   * @returns Null if it is so; else what the kernel says, or an empty text if it says nothing.
   *
   * #### Notes
   * `%autopx` turns over what is: so the kernel is asked first how it is, since it may have been
   * typed in a cell that has just run. One wish after the other: two at once would undo each other.
   */
  async setAutopx(isOn: boolean): Promise<string | null> {
    const turned = this._turning.then(() => this._turnAutopx(isOn));
    this._turning = turned.catch(() => undefined);
    return turned;
  }

  private async _turnAutopx(isOn: boolean): Promise<string | null> {
    const kernel = this._kernel;
    if (kernel === null) {
      return '';
    }
    let content = await this._ask(kernel, '');
    if (
      content?.status === 'ok' &&
      readAutopx(content.user_expressions) !== isOn
    ) {
      content = await this._ask(kernel, AUTOPX_LINE);
    }
    if (content?.status !== 'ok') {
      return content?.status === 'error' ? content.evalue : '';
    }
    const now = readAutopx(content.user_expressions);
    if (kernel === this._kernel) {
      this._setHasAutopx(now);
    }
    return now === isOn ? null : '';
  }

  /** Ask the kernel as soon as it has nothing else to do. */
  probeSoon(): void {
    if (this._isDisposed) {
      return;
    }
    this._isProbeDue = true;
    if (this._kernel?.status === 'idle') {
      // Rejects when disposed while it waits.
      this._probing.invoke().catch(() => undefined);
    }
  }

  private get _kernel(): Kernel.IKernelConnection | null {
    return this.context.sessionContext.session?.kernel ?? null;
  }

  private async _probe(): Promise<void> {
    const kernel = this._kernel;
    if (kernel?.status !== 'idle' || !this._isProbeDue) {
      return; // Asked again when it is idle.
    }
    this._isProbeDue = false;
    const isPython = (await kernel.info).language_info.name === 'python';
    const content = isPython ? await this._ask(kernel, '') : null;
    if (kernel !== this._kernel) {
      return;
    }
    if (content?.status === 'ok') {
      this._setHasAutopx(readAutopx(content.user_expressions));
      this._onProbed(readProbe(content.user_expressions));
    }
    if (this._connection.state === 'unknown') {
      this._set({ state: 'none' });
    }
  }

  /**
   * Run a line that nobody sees, and ask what the kernel has to do with engines then.
   *
   * @returns Null if the kernel went away before it answered.
   */
  private async _ask(
    kernel: Kernel.IKernelConnection,
    code: string
  ): Promise<KernelMessage.IExecuteReplyMsg['content'] | null> {
    const { done } = kernel.requestExecute({
      code,
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false,
      user_expressions: {
        [PROBE]: PROBE_EXPRESSION,
        [AUTOPX]: AUTOPX_EXPRESSION
      }
    });
    return done.then(
      ({ content }) => content,
      () => null
    );
  }

  /** @param isOn - undefined: the kernel cannot say, having an older half of this extension. */
  private _setHasAutopx(isOn: boolean | undefined): void {
    if (isOn !== undefined && isOn !== this._hasAutopx) {
      this._hasAutopx = isOn;
      this._changed.emit();
    }
  }

  private _onProbed(key: Probed): void {
    const { _connection: now } = this;
    if (key === undefined || now.state === 'connecting') {
      return;
    }
    if (key !== null) {
      const isSame =
        now.state === 'connected' && now.key === key && !this._mayBeNewRun;
      this._mayBeNewRun = false;
      if (!isSame) {
        this._set({
          state: 'connected',
          key,
          runId: this._options.runIdOf(key)
        });
      }
    } else if (now.state === 'connected') {
      // The kernel says so of a cluster that has ended, too: then that is what to show.
      if (this._options.isAlive(now.key, now.runId)) {
        this._set({ state: 'none' });
      }
    } else if (now.state === 'detached' && this._isRestarted) {
      this._isRestarted = false;
      this._detached.emit();
    }
  }

  private _onExecuted(
    _: unknown,
    {
      notebook,
      cell,
      success
    }: { notebook: Notebook; cell: Cell; success: boolean }
  ): void {
    if (notebook.model !== this.context.model) {
      return;
    }
    if (success && mayConnect(cell.model.sharedModel.getSource())) {
      this._mayBeNewRun = true;
    }
    this.probeSoon();
  }

  private _onPathChanged(): void {
    this._changed.emit();
  }

  private _onKernelChanged(
    _: ISessionContext,
    { newValue }: { newValue: Kernel.IKernelConnection | null }
  ): void {
    this._setHasAutopx(false);
    if (newValue === null) {
      this._set({ state: 'none' });
    } else {
      this._detach();
      if (this._connection.state === 'none') {
        this._set({ state: 'unknown' });
      }
      this.probeSoon();
    }
  }

  private _onStatusChanged(_: ISessionContext, status: Kernel.Status): void {
    switch (status) {
      case 'restarting':
      case 'autorestarting':
      case 'dead':
        this._detach();
        this._setHasAutopx(false);
        this._isProbeDue = true;
        break;
      case 'idle':
        if (this._isProbeDue) {
          this.probeSoon();
        }
        break;
      default:
    }
  }

  /** The kernel's process is another one now: nothing of a connection is left. */
  private _detach(): void {
    const { _connection: was } = this;
    if (was.state === 'connected' || was.state === 'connecting') {
      this._isRestarted = true;
      this._set({ state: 'detached', key: was.key, runId: was.runId });
    } else if (was.state === 'unknown') {
      this._set({ state: 'none' });
    }
  }

  private _set(connection: Connection): void {
    this._connection = connection;
    this._changed.emit();
  }

  private readonly _options: NotebookLink.IOptions;
  private readonly _probing: Debouncer<void>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _detached = new Signal<this, void>(this);
  private _connection: Connection;
  private _turning: Promise<unknown> = Promise.resolve();
  private _hasAutopx = false;
  private _isProbeDue = false;
  private _isRestarted = false;
  private _mayBeNewRun = false;
  private _isDisposed = false;
}

export namespace NotebookLink {
  export interface IOptions {
    /** What all views of the notebook share. */
    context: NotebookPanel['context'];
    /** Returns the run that a cluster is in now; null if it is not known. */
    runIdOf: (key: string) => string | null;
    /** Tells whether that run of a cluster can still be used. */
    isAlive: (key: string, runId: string | null) => boolean;
  }
}
