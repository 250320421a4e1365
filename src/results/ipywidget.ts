/**
 * The run as an ipywidget. Loaded only where ipywidgets is: what it extends comes from there.
 */
import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';
import type {
  ExportMap,
  IBackboneModelOptions,
  IWidgetManager
} from '@jupyter-widgets/base';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISignal } from '@lumino/signaling';
import { PanelLayout } from '@lumino/widgets';
import type { LiveRuns } from './liveRuns';
import { WIDGET_MODULE, WIDGET_VERSION } from './contract';
import { RunModel } from './model';
import type { IOutputTools } from './outputs';
import { RunWidget } from './runWidget';

/** Return the classes that the kernel's half names. */
export function runWidgets(runs: LiveRuns, tools: IOutputTools): ExportMap {
  class CellRunModel extends DOMWidgetModel {
    override defaults(): Record<string, unknown> {
      return {
        ...super.defaults(),
        _model_module: WIDGET_MODULE,
        _model_module_version: `^${WIDGET_VERSION}`,
        _model_name: 'CellRunModel',
        _view_module: WIDGET_MODULE,
        _view_module_version: `^${WIDGET_VERSION}`,
        _view_name: 'CellRunView'
      };
    }

    override initialize(
      attributes: Record<string, unknown>,
      options: IBackboneModelOptions
    ): void {
      super.initialize(attributes, options);
      // Later the manager may have another kernel, which knows nothing of this run.
      const kernel = kernelOf(this.widget_manager);
      this.run = new RunModel({
        send: request => this.send(request, this.callbacks()),
        interrupt: kernel === null ? null : () => kernel.interrupt(),
        rendermime: registryOf(this.widget_manager)
      });
      this.run.update(this.attributes);
      this.run.setConnected(this.comm_live);
      this.on('change', () => this.run.update(this.changedAttributes() || {}));
      this.on('msg:custom', (content: unknown) => this.run.receive(content));
      this.on('comm_live_update', () => this.run.setConnected(this.comm_live));
      const leave = (): void => {
        // Else it would stay in the page as long as the kernel's connection does.
        kernel?.disposed?.disconnect(leave);
        runs.remove(this.model_id, this.run);
        // What is shown stays, as the output of any other cell does.
        this.run.setConnected(false);
      };
      this.on('destroy', leave);
      // Of the end of a kernel, or of the page's connection to it, a model is not told.
      kernel?.disposed?.connect(leave);
      runs.add(this.model_id, this.run);
    }

    run!: RunModel;
  }

  class CellRunView extends DOMWidgetView {
    override render(): void {
      if (this.model instanceof CellRunModel) {
        const layout = new PanelLayout();
        layout.addWidget(new RunWidget(this.model.run, tools));
        this.luminoWidget.layout = layout;
      }
    }
  }

  return { CellRunModel, CellRunView };
}

/** What is used here of a kernel. */
interface IWidgetKernel {
  interrupt: () => Promise<void>;
  disposed?: ISignal<unknown, void>;
}

/** Return the kernel of a manager of widgets; null: it does not tell. */
function kernelOf(manager: IWidgetManager): IWidgetKernel | null {
  // JupyterLab's have one; the interface does not promise it.
  return 'kernel' in manager && isKernel(manager.kernel)
    ? manager.kernel
    : null;
}

/** Return what a manager of widgets draws outputs with; null: it does not tell. */
function registryOf(manager: IWidgetManager): IRenderMimeRegistry | null {
  // JupyterLab's have one; the interface does not promise it.
  return 'rendermime' in manager && isRegistry(manager.rendermime)
    ? manager.rendermime
    : null;
}

function isRegistry(value: unknown): value is IRenderMimeRegistry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'createRenderer' in value &&
    'preferredMimeType' in value
  );
}

function isKernel(value: unknown): value is IWidgetKernel {
  return (
    typeof value === 'object' &&
    value !== null &&
    'interrupt' in value &&
    typeof value.interrupt === 'function'
  );
}
