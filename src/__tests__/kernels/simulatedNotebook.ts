/**
 * A real notebook widget over JupyterLab's simulated session, with a kernel behind it that
 * knows nothing but `%engines connect` and which cluster it is connected to.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import {
  createSimpleSessionContext,
  updateKernelStatus
} from '@jupyterlab/docregistry/lib/testutils';
import type {
  INotebookTracker,
  Notebook,
  NotebookPanel
} from '@jupyterlab/notebook';
import { NotebookModel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { MockShellFuture } from '@jupyterlab/services/lib/testutils';
import { Signal } from '@lumino/signaling';
import { AUTOPX, PROBE } from '../../kernels/code';

export class SimulatedNotebook {
  constructor(
    readonly path: string,
    language = 'python'
  ) {
    this.notebook = NBTestUtils.createNotebook();
    this.notebook.model = new NotebookModel();
    const { kernel } = this;
    Object.assign(kernel, {
      info: Promise.resolve({ language_info: { name: language } }),
      requestExecute: (
        content: KernelMessage.IExecuteRequestMsg['content']
      ) => {
        this.requests.push(content);
        return new MockShellFuture({
          content: this._reply(content)
        } as KernelMessage.IExecuteReplyMsg);
      }
    });
    this.panel = panelOf(this.notebook, {
      path,
      model: this.notebook.model,
      sessionContext: this.session,
      pathChanged: new Signal<object, string>({})
    });
  }

  readonly notebook: Notebook;
  readonly panel: NotebookPanel;
  readonly session: ISessionContext = createSimpleSessionContext();
  readonly requests: KernelMessage.IExecuteRequestMsg['content'][] = [];
  /** What `pxengines.connected_key()` would say in this kernel. */
  connectedKey: string | null = null;
  /** Whether `%autopx` is on. */
  hasAutopx = false;
  /** Why connecting fails; null: it does not. */
  failure: string | null = null;

  get kernel(): Kernel.IKernelConnection {
    const kernel = this.session.session?.kernel;
    if (!kernel) {
      throw new Error('The simulated session has no kernel');
    }
    return kernel;
  }

  /** Sources of all cells. */
  get cells(): string[] {
    return this.notebook.widgets.map(({ model }) =>
      model.sharedModel.getSource()
    );
  }

  /** Requests other than those that ask which cluster it is. */
  get runs(): string[] {
    return this.requests.map(({ code }) => code).filter(code => code !== '');
  }

  get probes(): number {
    return this.requests.filter(({ code }) => code === '').length;
  }

  /** Open another view, which shares all but the widget. */
  anotherView(): { panel: NotebookPanel } {
    const content = NBTestUtils.createNotebook();
    content.model = this.notebook.model;
    return { panel: panelOf(content, this.panel.context) };
  }

  rename(path: string): void {
    Object.assign(this.panel.context, { path });
    const { pathChanged } = this.panel.context as unknown as {
      pathChanged: Signal<object, string>;
    };
    pathChanged.emit(path);
  }

  /** The session has got a kernel, as after a reload of the page. */
  attach(): void {
    const { kernelChanged } = this.session as unknown as {
      kernelChanged: Signal<object, object>;
    };
    kernelChanged.emit({ oldValue: null, newValue: this.kernel });
  }

  /** The panel is closed; the kernel goes on. */
  close(): void {
    Object.assign(this.panel, { isDisposed: true });
    const { disposed } = this.panel as unknown as {
      disposed: Signal<object, void>;
    };
    disposed.emit();
  }

  /** The kernel's process is replaced. */
  restart(): void {
    this.connectedKey = null;
    this.hasAutopx = false;
    updateKernelStatus(this.session, 'restarting');
    updateKernelStatus(this.session, 'idle');
  }

  setStatus(status: KernelMessage.Status): void {
    updateKernelStatus(this.session, status);
  }

  private _reply(content: KernelMessage.IExecuteRequestMsg['content']): object {
    const key = /%engines connect (\S+)/.exec(content.code)?.[1];
    if (key !== undefined && this.failure !== null) {
      return {
        status: 'error',
        ename: 'EnginesError',
        evalue: this.failure,
        traceback: []
      };
    }
    this.connectedKey = key ?? this.connectedKey;
    if (content.code === '%autopx') {
      if (this.connectedKey === null) {
        return {
          status: 'error',
          ename: 'UsageError',
          evalue: 'Line magic function `%autopx` not found.',
          traceback: []
        };
      }
      this.hasAutopx = !this.hasAutopx;
    }
    const text = this.connectedKey === null ? 'None' : `'${this.connectedKey}'`;
    return {
      status: 'ok',
      execution_count: 1,
      user_expressions:
        content.user_expressions === undefined
          ? {}
          : {
              [PROBE]: {
                status: 'ok',
                data: { 'text/plain': text },
                metadata: {}
              },
              [AUTOPX]: {
                status: 'ok',
                data: { 'text/plain': this.hasAutopx ? 'True' : 'False' },
                metadata: {}
              }
            }
    };
  }
}

/** Return all of a panel that the connector looks at. */
function panelOf(
  content: Notebook,
  context: {
    path: string;
    model: unknown;
    sessionContext: ISessionContext;
    pathChanged: unknown;
  }
): NotebookPanel {
  const { sessionContext } = context;
  const panel = {
    content,
    context,
    sessionContext,
    isDisposed: false,
    disposed: new Signal<object, void>({})
  };
  panel.disposed = new Signal<object, void>(panel);
  return panel as unknown as NotebookPanel;
}

/** The open notebooks, the first being the current one. */
export function trackerOf(
  ...notebooks: Pick<SimulatedNotebook, 'panel'>[]
): INotebookTracker {
  const tracker = {
    currentWidget: notebooks[0]?.panel ?? null,
    forEach: (visit: (panel: NotebookPanel) => void) =>
      notebooks.forEach(({ panel }) => visit(panel)),
    find: (test: (panel: NotebookPanel) => boolean) =>
      notebooks
        .map(({ panel }) => panel)
        .find(panel => !panel.isDisposed && test(panel)),
    widgetAdded: new Signal<object, NotebookPanel>({}),
    currentChanged: new Signal<object, NotebookPanel | null>({}),
    activeCellChanged: new Signal<object, unknown>({}),
    selectionChanged: new Signal<object, void>({})
  };
  return tracker as unknown as INotebookTracker;
}
