import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, ToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { CodeCell } from '@jupyterlab/cells';
import { NotebookActions } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { CellCommandIDs } from '../../cells/commands';
import { PAYLOAD_SOURCE } from '../../cells/where';
import { CommandIDs } from '../../commands';
import { EngineConnector } from '../../kernels/connector';
import { cellsPlugin } from '../../plugins/cells';
import { RUN_MIME_TYPE } from '../../results/contract';
import { cluster } from '../examples';
import { Bench, waitUntil } from '../fakes';
import { SimulatedNotebook, trackerOf } from '../kernels/simulatedNotebook';

const { toggleCells, toggleEveryCell } = CellCommandIDs;
const ICON = { toolbar: 'notebook' };

describe('cells plugin', () => {
  let bench: Bench;
  let simulated: SimulatedNotebook;
  let other: SimulatedNotebook;
  let toolbars: ToolbarWidgetRegistry;
  let connector: EngineConnector;
  let commands: CommandRegistry;
  let asked: unknown[];

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect([cluster()], []);
    simulated = new SimulatedNotebook('dir/a.ipynb');
    other = new SimulatedNotebook('dir/b.ipynb');
    const tracker = trackerOf(simulated, other);
    toolbars = new ToolbarWidgetRegistry({
      defaultFactory: () => new Widget()
    });
    connector = new EngineConnector({
      tracker,
      manager: bench.model,
      settings: null,
      sessionDialogs: null,
      createNotebook: null,
      translator: nullTranslator
    });
    commands = new CommandRegistry();
    asked = [];
    for (const id of [
      CommandIDs.connectNotebook,
      CommandIDs.reattachNotebook
    ]) {
      commands.addCommand(id, {
        describedBy: { args: {} },
        execute: args => asked.push([id, args])
      });
    }
    const app = {
      commands,
      shell: {
        currentWidget: simulated.panel,
        widgets: () => [],
        currentChanged: new Signal<object, Widget | null>({}),
        activateById: () => undefined
      }
    };
    await cellsPlugin.activate(
      app as unknown as JupyterFrontEnd,
      tracker,
      connector,
      bench.model,
      toolbars,
      null,
      null
    );
    await waitUntil(() => connector.connectionOf().state === 'none');
  });

  afterEach(() => {
    connector.dispose();
    bench.model.dispose();
    Notification.dismiss();
  });

  const notices = () =>
    Notification.manager.notifications.map(({ message }) => message);
  /** Return what clicks the button of the first notice. */
  const button = () => {
    const [action] =
      Notification.manager.notifications[0]?.options.actions ?? [];
    expect(action?.label).toBe('Connect');
    return () => action?.callback(new MouseEvent('click'));
  };
  const activeCell = ({ notebook }: SimulatedNotebook) =>
    notebook.activeCell as CodeCell;
  const cell = () => simulated.notebook.widgets[0] as CodeCell;
  const badge = () =>
    cell().node.querySelector<HTMLElement>('.jp-Engines-Badge[data-engines]');

  it('has commands with labels, captions and argument schemas', async () => {
    for (const id of Object.values(CellCommandIDs)) {
      expect(commands.label(id)).not.toBe('');
      const { args } = await commands.describedBy(id);
      expect(args).toMatchObject({ type: 'object' });
      expect(commands.isToggleable(id)).toBe(true);
    }
    expect(commands.label(toggleCells, ICON)).toBe('');
    expect(commands.caption(toggleCells)).toContain('line %%px above');
    expect(commands.icon(toggleCells, ICON)).toBeDefined();
  });

  it('toggles the cell, and tells toolbars when that shows', async () => {
    const changed = jest.fn();
    commands.commandChanged.connect((_, { id }) => {
      if (id === toggleCells) {
        changed();
      }
    });
    await commands.execute(toggleCells);
    expect(changed).toHaveBeenCalled();
    expect(simulated.cells).toEqual(['%%px\n']);
    expect(commands.isToggled(toggleCells)).toBe(true);
    expect(commands.caption(toggleCells)).toContain('take the line %%px out');
  });

  it('has a button for each of two notebooks side by side', async () => {
    const pressed = async (of: SimulatedNotebook): Promise<string | null> => {
      const made = toolbars.createWidget('Cell', activeCell(of), {
        name: 'run-on-engines'
      });
      Widget.attach(made, document.body);
      await waitUntil(() => made.node.querySelector('[aria-pressed]') !== null);
      const [shown] = made.node.querySelectorAll('[aria-pressed]');
      const state = shown?.getAttribute('aria-pressed') ?? null;
      made.dispose();
      return state;
    };
    await commands.execute(toggleCells);
    expect(simulated.cells).toEqual(['%%px\n']);
    expect(await pressed(simulated)).toBe('true');
    expect(await pressed(other)).toBe('false');
    const { id } = activeCell(other).model;
    await commands.execute(toggleCells, { toolbar: 'notebook', id });
    expect(other.cells).toEqual(['%%px\n']);
    expect(simulated.cells).toEqual(['%%px\n']);
  });

  it('says that the notebook is not connected, until it is', async () => {
    await commands.execute(toggleCells);
    expect(simulated.cells).toEqual(['%%px\n']);
    expect(notices()).toEqual([
      'a.ipynb is not connected to engines. Cells cannot run there until it is.'
    ]);
    button()();
    expect(asked).toEqual([
      [CommandIDs.connectNotebook, { path: 'dir/a.ipynb' }]
    ]);
    await commands.execute(toggleCells);
    expect(notices()).toEqual([]);
    await commands.execute(toggleCells);
    expect(notices()).toHaveLength(1);
    await connector.connect('local');
    expect(notices()).toEqual([]);
    // The cell that connects is the active one now, and has to stay here.
    await commands.execute(toggleCells);
    expect(notices()).toEqual([
      expect.stringContaining('Cell 1 has %load_ext pxengines, which works')
    ]);
    Notification.dismiss();
    simulated.notebook.activeCellIndex = 1;
    await commands.execute(toggleCells);
    await commands.execute(toggleCells);
    expect(notices()).toEqual([]);
  });

  it('says nothing while it is not known whether the notebook is connected', async () => {
    simulated.setStatus('busy');
    simulated.attach();
    await commands.execute(toggleCells);
    expect(simulated.cells).toEqual(['%%px\n']);
    expect(notices()).toEqual([]);
  });

  it('says no more of a notebook that is closed, and connects no other', async () => {
    await commands.execute(toggleCells);
    const connect = button();
    simulated.close();
    expect(notices()).toEqual([]);
    connect();
    expect(asked).toEqual([]);
  });

  it('connects a notebook by the name that it has then', async () => {
    await commands.execute(toggleCells);
    const connect = button();
    simulated.rename('dir/c.ipynb');
    connect();
    expect(asked).toEqual([
      [CommandIDs.connectNotebook, { path: 'dir/c.ipynb' }]
    ]);
    await connector.connect('local', 'dir/c.ipynb');
    expect(notices()).toEqual([]);
  });

  it('offers to connect again what was connected before a restart', async () => {
    await commands.execute(toggleCells);
    await connector.connect('local');
    simulated.restart();
    simulated.notebook.activeCellIndex = 1;
    await commands.execute(toggleCells);
    await commands.execute(toggleCells);
    expect(notices()[0]).toContain('a.ipynb lost its connection');
    button()();
    expect(asked).toEqual([
      [CommandIDs.reattachNotebook, { path: 'dir/a.ipynb' }]
    ]);
  });

  it('has every cell run on engines, as the kernel says', async () => {
    await commands.execute(toggleEveryCell);
    expect(notices()[0]).toContain('is not connected');
    expect(simulated.hasAutopx).toBe(false);
    await connector.connect('local');
    await commands.execute(toggleEveryCell);
    expect(simulated.hasAutopx).toBe(true);
    expect(commands.isToggled(toggleEveryCell)).toBe(true);
    // Someone has typed %autopx: it is not turned on again by turning it over.
    simulated.hasAutopx = false;
    await commands.execute(toggleEveryCell);
    expect(simulated.hasAutopx).toBe(false);
    await commands.execute(toggleEveryCell);
    expect(simulated.hasAutopx).toBe(true);
    simulated.restart();
    expect(commands.isToggled(toggleEveryCell)).toBe(false);
  });

  it('shows where a cell ran, by its outputs or by the reply', async () => {
    await cell().ready;
    expect(badge()).toBeNull();
    const { outputs } = cell().model;
    outputs.add({
      output_type: 'display_data',
      data: { [RUN_MIME_TYPE]: { cluster: 'pbs', ranks: '0–7' } },
      metadata: {}
    });
    expect(badge()?.textContent).toBe('8');
    expect(badge()?.getAttribute('aria-label')).toBe(
      'Ran code on 8 engines of pbs, ranks 0–7'
    );
    outputs.clear();
    expect(badge()).toBeNull();

    const reply = {
      status: 'ok',
      payload: [
        { source: PAYLOAD_SOURCE, runs: [{ cluster: 'pbs', ranks: '3' }] }
      ]
    };
    Object.assign(simulated.kernel, {
      requestExecute: () => ({
        done: Promise.resolve({ content: reply }),
        dispose: () => undefined
      })
    });
    cell().model.sharedModel.setSource('%%px\nsilent = 1');
    await NotebookActions.run(simulated.notebook, simulated.session);
    await waitUntil(() => badge() !== null);
    expect(badge()?.title).toBe('Ran code on 1 engine of pbs, rank 3');
    // Another view of the notebook runs the cell here, and nothing is shown.
    outputs.clear();
    expect(badge()).toBeNull();
    await NotebookActions.run(simulated.notebook, simulated.session);
    await waitUntil(() => badge() !== null);
    // A cell without code asks the kernel nothing.
    cell().model.sharedModel.setSource(' ');
    await NotebookActions.run(simulated.notebook, simulated.session);
    expect(badge()).toBeNull();
    cell().model.sharedModel.setSource('1');
    reply.payload = [];
    await NotebookActions.run(simulated.notebook, simulated.session);
    expect(badge()).toBeNull();
  });
});
