import { Notification } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { EngineConnector } from '../../kernels/connector';
import { cluster } from '../examples';
import { Bench } from '../fakes';
import { SimulatedNotebook, trackerOf } from './simulatedNotebook';

describe('a notebook that names another profile', () => {
  let bench: Bench;
  let notebook: SimulatedNotebook;
  let connector: EngineConnector;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect(
      [
        cluster(),
        cluster({ key: 'pbs', profile: 'pbs' }),
        cluster({ key: 'pbs:two', profile: 'pbs', cluster_id: 'two' })
      ],
      []
    );
    notebook = new SimulatedNotebook('a.ipynb');
    connector = new EngineConnector({
      tracker: trackerOf(notebook),
      manager: bench.model,
      settings: null,
      sessionDialogs: null,
      createNotebook: null,
      translator: nullTranslator
    });
    write("profile = 'local'  # here");
    NotebookActions.insertBelow(notebook.notebook);
    write('client = Client(profile=profile)');
  });

  afterEach(() => {
    connector.dispose();
    bench.model.dispose();
    Notification.dismiss();
  });

  /** Fill the active cell. */
  function write(source: string): void {
    notebook.notebook.activeCell?.model.sharedModel.setSource(source);
  }

  const notices = () =>
    Notification.manager.notifications.map(({ message }) => message);
  const actions = () =>
    Notification.manager.notifications[0]?.options.actions ?? [];
  const change = () => actions()[0]?.callback(new MouseEvent('click'));

  it('is told of, and not changed', async () => {
    await connector.connect('pbs');
    expect(notices()).toEqual([
      "This notebook says profile = 'local' in cell 2, and would connect to that cluster."
    ]);
    expect(actions().map(({ label }) => label)).toEqual(["Change to 'pbs'"]);
    expect(notebook.cells[1]).toBe("profile = 'local'  # here");
  });

  it('is changed in its literal only if the user wants it, and back by Undo', async () => {
    await connector.connect('pbs');
    // Edits that follow each other at once are one to Undo.
    notebook.notebook.widgets[1]?.model.sharedModel.clearUndoHistory();
    change();
    expect(notebook.cells).toEqual([
      '%load_ext pxengines\n%engines connect pbs',
      "profile = 'pbs'  # here",
      'client = Client(profile=profile)'
    ]);
    expect(notices()).toEqual([]);
    notebook.notebook.widgets[1]?.model.sharedModel.undo();
    expect(notebook.cells[1]).toBe("profile = 'local'  # here");
  });

  it('is not changed where the user has edited it since', async () => {
    await connector.connect('pbs');
    const cell = notebook.notebook.widgets[1];
    cell?.model.sharedModel.setSource("profile = 'other'");
    change();
    expect(notebook.cells[1]).toBe("profile = 'other'");
    // What it says now is another cluster still.
    expect(notices().join()).toMatch(/says profile = 'other' in cell 2/);
  });

  it('is told of one cell after the other', async () => {
    NotebookActions.insertBelow(notebook.notebook);
    write("n = 8\nprofile = 'old'");
    await connector.connect('pbs:two');
    change();
    expect(notices().join()).toMatch(/says profile = 'old' in cell 4/);
    change();
    expect(notebook.cells[3]).toBe("n = 8\nprofile = 'pbs'");
    expect(notices()).toEqual([]);
  });

  it('is no matter where the names agree, and any more once they do', async () => {
    await connector.connect('local');
    expect(notices()).toEqual([]);
    await connector.connect('pbs');
    await connector.connect('pbs');
    expect(notices()).toHaveLength(1);
    await connector.connect('local');
    expect(notices()).toEqual([]);
  });

  it('is not told of where connecting failed', async () => {
    notebook.failure = 'not ready';
    await connector.connect('pbs');
    expect(notices().join()).not.toMatch(/says profile/);
  });

  it('is told of without an offer where the cell cannot be edited', async () => {
    notebook.notebook.widgets[0]?.model.setMetadata('editable', false);
    await connector.connect('pbs');
    expect(notices()).toHaveLength(1);
    expect(actions()).toEqual([]);
  });

  it('is forgotten with its notebook', async () => {
    await connector.connect('pbs');
    connector.dispose();
    expect(notices()).toEqual([]);
  });
});
