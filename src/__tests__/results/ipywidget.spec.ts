import type {
  IClassicComm,
  IWidgetManager,
  WidgetModel,
  WidgetView
} from '@jupyter-widgets/base';
import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { runWidgets } from '../../results/ipywidget';
import { LiveRuns } from '../../results/liveRuns';
import { RunWidget } from '../../results/runWidget';
import { waitUntil } from '../fakes';
import { block, tools, traits } from './runs';

/** The kernel's end of a widget: keeps what is sent to it. */
class SimulatedComm {
  readonly sent: unknown[] = [];
  private _tell: (message: unknown) => void = () => undefined;
  private _close: (message: unknown) => void = () => undefined;

  on_msg(callback: (message: unknown) => void): void {
    this._tell = callback;
  }

  on_close(callback: (message: unknown) => void): void {
    this._close = callback;
  }

  send(data: unknown): string {
    this.sent.push(data);
    return '';
  }

  tell(data: unknown): void {
    this._tell({ content: { data } });
  }

  close(): void {
    this._close({});
  }
}

/** A widget of the kernel's. */
class Bar extends Widget {
  renderModel(): Promise<void> {
    this.node.textContent = 'the bar';
    return Promise.resolve();
  }
}

describe('the run as an ipywidget', () => {
  const given = tools();
  let runs: LiveRuns;
  let comm: SimulatedComm;
  let kernel: { interrupt: () => Promise<void> } | null;

  beforeEach(() => {
    runs = new LiveRuns();
    comm = new SimulatedComm();
    kernel = { interrupt: jest.fn().mockResolvedValue(undefined) };
  });

  afterAll(() => given.queue.dispose());

  /** Make a model as the manager of widgets does. */
  function make(
    changes: Record<string, unknown> = {},
    manager: object = {
      get kernel() {
        return kernel;
      }
    }
  ): DOMWidgetModel {
    const { CellRunModel } = runWidgets(runs, given);
    const Model = CellRunModel as typeof WidgetModel;
    Object.assign(manager, { callbacks: () => ({}) });
    const model = new Model(traits(changes), {
      model_id: 'm',
      comm: comm as unknown as IClassicComm,
      widget_manager: manager as IWidgetManager
    });
    if (!(model instanceof DOMWidgetModel)) {
      throw new Error('It is no model of a widget');
    }
    return model;
  }

  function running(): NonNullable<ReturnType<LiveRuns['get']>> {
    const run = runs.get('m');
    if (run === undefined) {
      throw new Error('There is no run');
    }
    return run;
  }

  it('can be shown from its first state on', async () => {
    const model = make();
    expect(running().run.label).toBe('psum(a)');
    expect(running().isRunning).toBe(true);
    comm.tell({
      method: 'update',
      state: { states: 'dddd', state: 'done', blocks: [block()] }
    });
    await model.state_change;
    expect(running().run.state).toBe('done');
    expect(running().blocks).toHaveLength(1);
  });

  it('is named as the kernel names it', () => {
    const model = make();
    expect(model.get('_view_module')).toBe('jupyterlab-engines');
    expect(model.get('_view_name')).toBe('CellRunView');
    expect(model.get('_model_module_version')).toBe('^0.1.0');
  });

  it('sends and takes messages', () => {
    make({ blocks: [block()], blocking: false });
    const [first] = running().blocks;
    if (first === undefined) {
      throw new Error('There is no block');
    }
    running().askWhole(first);
    void running().stop();
    expect(comm.sent).toEqual([
      { method: 'custom', content: { do: 'whole', key: 'a' } },
      { method: 'custom', content: { do: 'stop' } }
    ]);
    comm.tell({ method: 'custom', content: { whole: 'a', text: 'all' } });
    expect(running().wholeOf(first)).toMatchObject({ text: 'all' });
  });

  it('interrupts the kernel that is busy with it', async () => {
    make();
    await running().stop();
    expect(kernel?.interrupt).toHaveBeenCalledTimes(1);
    // Another kernel has nothing to do with it.
    const [own, other] = [kernel, { interrupt: jest.fn() }];
    kernel = other;
    await running().stop();
    expect(own?.interrupt).toHaveBeenCalledTimes(2);
    expect(other.interrupt).not.toHaveBeenCalled();
  });

  it('goes on no more when the connection to its kernel ends', () => {
    const disposed = new Signal<object, void>({});
    make({ blocking: false }, { kernel: { interrupt: jest.fn(), disposed } });
    const run = running();
    expect(run.isRunning).toBe(true);
    disposed.emit();
    expect(run.isRunning).toBe(false);
    // A document that is opened again shows what stands in for it.
    expect(runs.get('m')).toBeUndefined();
  });

  it('leaves nothing in the page that the kernel has closed', () => {
    const disposed = { connect: jest.fn(), disconnect: jest.fn() };
    make({}, { kernel: { interrupt: jest.fn(), disposed } });
    comm.close();
    expect(runs.get('m')).toBeUndefined();
    const [[leave]] = disposed.connect.mock.calls as [[unknown]];
    expect(disposed.disconnect).toHaveBeenCalledWith(leave);
  });

  it('leaves alone the run of a connection that came later', () => {
    const disposed = new Signal<object, void>({});
    make({}, { kernel: { interrupt: jest.fn(), disposed } });
    make();
    const later = running();
    disposed.emit();
    expect(running()).toBe(later);
    expect(later.isRunning).toBe(true);
  });

  it('asks where nobody can interrupt', async () => {
    make({}, {});
    await running().stop();
    expect(comm.sent).toEqual([{ method: 'custom', content: { do: 'stop' } }]);
  });

  it('stays as it is when the kernel is gone', () => {
    const model = make();
    const run = running();
    model.comm_live = false;
    expect(run.isConnected).toBe(false);
    model.comm_live = true;
    expect(run.isConnected).toBe(true);
    comm.close();
    expect(run.isConnected).toBe(false);
    expect(run.run.label).toBe('psum(a)');
    expect(runs.get('m')).toBeUndefined();
  });

  it('draws the widgets of engines with what knows the kernel', async () => {
    const type = 'application/vnd.jupyter.widget-view+json';
    const rendermime = given.rendermime.clone();
    rendermime.addFactory({
      safe: false,
      mimeTypes: [type],
      createRenderer: () => new Bar()
    });
    const data = { [type]: { model_id: 'bar' }, 'text/plain': '0 %' };
    make({ blocks: [block({ text: '0 %', data })] }, { rendermime });
    const widget = new RunWidget(running(), given);
    Widget.attach(widget, document.body);
    await waitUntil(() => widget.node.textContent.includes('the bar'));
    widget.dispose();
  });

  it('can be shown within another widget', async () => {
    const { CellRunModel, CellRunView } = runWidgets(runs, given);
    const Model = CellRunModel as typeof WidgetModel;
    const View = CellRunView as typeof WidgetView;
    const model = new Model(traits(), {
      model_id: 'm',
      widget_manager: { callbacks: () => ({}) }
    });
    const view = new View({ model, options: {} });
    view.render();
    if (!(view instanceof DOMWidgetView)) {
      throw new Error('It is no view of a widget');
    }
    Widget.attach(view.luminoWidget, document.body);
    const { node } = view.luminoWidget;
    // Without a connection to a kernel nobody knows how it goes on.
    await waitUntil(() => node.textContent.includes('not known'));
    view.luminoWidget.dispose();
    expect(node.textContent).toBe('');
  });
});
