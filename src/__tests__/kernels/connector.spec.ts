import { Dialog, Notification } from '@jupyterlab/apputils';
import type { ISessionContextDialogs } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import type {
  INotebookTracker,
  Notebook,
  NotebookPanel
} from '@jupyterlab/notebook';
import {
  acceptDialog,
  dismissDialog,
  waitForDialog
} from '@jupyterlab/testing';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { EngineConnector } from '../../kernels/connector';
import type { IEngineSettings } from '../../tokens';
import { cluster } from '../examples';
import { Bench, dialogSays, waitUntil } from '../fakes';
import { SimulatedNotebook, trackerOf } from './simulatedNotebook';

const LINES = '%load_ext pxengines\n%engines connect local';

class Settings implements IEngineSettings {
  connectMode: 'cell' | 'silent' = 'cell';
  reattach: 'ask' | 'auto' = 'ask';
  showStatusBar = true;
  showNotices = true;
  readonly changed = new Signal<this, void>(this);
}

describe('EngineConnector', () => {
  let bench: Bench;
  let notebook: SimulatedNotebook;
  let settings: Settings;
  let connector: EngineConnector;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect([cluster()], []);
    notebook = new SimulatedNotebook('dir/a.ipynb');
    settings = new Settings();
    connector = connect(notebook);
  });

  afterEach(() => {
    connector.dispose();
    bench.model.dispose();
    Notification.dismiss();
    Dialog.flush();
  });

  function connect(...notebooks: SimulatedNotebook[]): EngineConnector {
    return follow(trackerOf(...notebooks));
  }

  function follow(tracker: INotebookTracker): EngineConnector {
    return new EngineConnector({
      tracker,
      manager: bench.model,
      settings,
      sessionDialogs: null,
      createNotebook: null,
      translator: nullTranslator
    });
  }

  const state = () => connector.connectionOf().state;

  it('turns %autopx on and off, and says why it cannot', async () => {
    expect(await connector.setAutopx(true)).toBe(false);
    expect(Notification.manager.notifications[0]?.message).toBe(
      'The cells of a.ipynb do not all run on engines: %autopx could not be turned on ' +
        '(Line magic function `%autopx` not found.).'
    );
    await connector.connect('local');
    const changed = jest.fn();
    connector.changed.connect(changed);
    expect(await connector.setAutopx(true)).toBe(true);
    expect([connector.hasAutopx(), notebook.hasAutopx]).toEqual([true, true]);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(await connector.setAutopx(true)).toBe(true);
    expect(notebook.hasAutopx).toBe(true);
    expect(await connector.setAutopx(false)).toBe(true);
    expect([connector.hasAutopx(), notebook.hasAutopx]).toEqual([false, false]);
    // Typed in a cell.
    notebook.hasAutopx = true;
    await NotebookActions.run(notebook.notebook, notebook.session);
    await waitUntil(() => connector.hasAutopx());
    notebook.restart();
    expect(connector.hasAutopx()).toBe(false);
  });

  it('takes two wishes for the same as one', async () => {
    await connector.connect('local');
    const both = [connector.setAutopx(true), connector.setAutopx(true)];
    expect(await Promise.all(both)).toEqual([true, true]);
    expect([connector.hasAutopx(), notebook.hasAutopx]).toEqual([true, true]);
  });

  it.each(['setAutopx', 'connect'] as const)(
    'says so when the kernel goes away meanwhile: %s',
    async what => {
      settings.connectMode = 'silent';
      await waitUntil(() => state() === 'none');
      Object.assign(notebook.kernel, {
        requestExecute: () => ({
          done: Promise.reject(new Error('Canceled future'))
        })
      });
      expect(
        await (what === 'setAutopx'
          ? connector.setAutopx(true)
          : connector.connect('local'))
      ).toBe(false);
      expect(Notification.manager.notifications[0]?.message).toMatch(
        what === 'setAutopx' ? /\(no answer\)/ : /interrupted or restarted/
      );
    }
  );

  it('has the name of a notebook that is renamed', async () => {
    await connector.connect('local');
    const changed = jest.fn();
    connector.changed.connect(changed);
    notebook.rename('dir/c.ipynb');
    expect(changed).toHaveBeenCalledWith(connector, 'dir/c.ipynb');
    expect(connector.notebooks.map(({ path }) => path)).toEqual([
      'dir/c.ipynb'
    ]);
  });

  describe('with a cell', () => {
    it('puts the two lines before all other code, and runs them', async () => {
      notebook.notebook.activeCell?.model.sharedModel.setSource('x = 1');
      NotebookActions.insertBelow(notebook.notebook);
      notebook.notebook.activeCell?.model.sharedModel.setSource('y = 2');
      notebook.notebook.activeCellIndex = 1;
      expect(await connector.connect('local')).toBe(true);
      expect(notebook.cells).toEqual([LINES, 'x = 1', 'y = 2']);
      expect(notebook.runs).toEqual([LINES]);
      expect(connector.connectionOf()).toEqual({
        state: 'connected',
        key: 'local',
        runId: 'run-1'
      });
      expect(connector.notebooks).toEqual([
        { path: 'dir/a.ipynb', connection: connector.connectionOf() }
      ]);
    });

    it('uses an empty active cell', async () => {
      await connector.connect('local');
      expect(notebook.cells).toEqual([LINES]);
    });

    it('runs the cell again that the notebook has already', async () => {
      await connector.connect('local');
      NotebookActions.insertBelow(notebook.notebook);
      notebook.notebook.activeCell?.model.sharedModel.setSource('y = 2');
      await connector.connect('local');
      expect(notebook.cells).toEqual([LINES, 'y = 2']);
      expect(notebook.runs).toEqual([LINES, LINES]);
    });

    it('puts a code cell after a text cell', async () => {
      notebook.notebook.activeCell?.model.sharedModel.setSource('# Title');
      NotebookActions.changeCellType(notebook.notebook, 'markdown');
      await connector.connect('local');
      expect(notebook.notebook.widgets.map(({ model }) => model.type)).toEqual([
        'markdown',
        'code'
      ]);
    });

    it('is not connected when the cell failed', async () => {
      notebook.failure = 'not ready';
      expect(await connector.connect('local')).toBe(false);
      await waitUntil(() => state() === 'none');
    });
  });

  describe('without a cell', () => {
    beforeEach(() => {
      settings.connectMode = 'silent';
    });

    it('runs the same lines, out of the history', async () => {
      const before = notebook.cells;
      expect(await connector.connect('local')).toBe(true);
      expect(notebook.cells).toEqual(before);
      expect(notebook.requests.find(({ code }) => code !== '')).toMatchObject({
        code: LINES,
        silent: true,
        store_history: false
      });
      expect(state()).toBe('connected');
    });

    it('says what went wrong, naming the notebook', async () => {
      notebook.failure = 'The cluster is not ready.';
      expect(await connector.connect('local')).toBe(false);
      await waitUntil(() => state() === 'none');
      expect(
        Notification.manager.notifications.map(({ message }) => message)
      ).toEqual([
        'a.ipynb could not be connected to local. EnginesError: The cluster is not ready.'
      ]);
    });
  });

  it('notices what was connected by hand', async () => {
    notebook.notebook.activeCell?.model.sharedModel.setSource(
      '%engines connect local'
    );
    await NotebookActions.run(notebook.notebook, notebook.session);
    await waitUntil(() => state() === 'connected');
    expect(connector.connectionOf()).toMatchObject({ key: 'local' });
  });

  it('notices a kernel that was connected before the page was loaded', async () => {
    const other = new SimulatedNotebook('b.ipynb');
    other.connectedKey = 'local';
    const late = connect(other);
    await waitUntil(() => late.connectionOf().state === 'connected');
    late.dispose();
  });

  describe('does not know yet', () => {
    let busy: SimulatedNotebook;
    let late: EngineConnector;

    beforeEach(() => {
      busy = new SimulatedNotebook('b.ipynb');
      busy.connectedKey = 'local';
      busy.setStatus('busy');
      late = connect(busy);
    });

    afterEach(() => late.dispose());

    it('a kernel that was busy when the page was loaded, until it is idle', async () => {
      expect(late.connectionOf()).toEqual({ state: 'unknown' });
      expect(await late.reattach()).toBe(false);
      busy.setStatus('idle');
      await waitUntil(() => late.connectionOf().state === 'connected');
    });

    it('one that the notebook was just given', async () => {
      await waitUntil(() => state() === 'none');
      notebook.attach();
      expect(state()).toBe('unknown');
      await waitUntil(() => state() === 'none');
    });

    it('but knows one that restarts, or is not there', () => {
      busy.setStatus('restarting');
      expect(late.connectionOf().state).toBe('none');
      const without = new SimulatedNotebook('c.ipynb');
      Object.assign(without.session, { session: null });
      const other = connect(without);
      expect(other.connectionOf().state).toBe('none');
      other.dispose();
    });

    it('but knows one that is not Python’s', async () => {
      const other = connect(new SimulatedNotebook('r.ipynb', 'R'));
      await waitUntil(() => other.connectionOf().state === 'none');
      other.dispose();
    });
  });

  it('asks a busy kernel only when it is idle', async () => {
    await waitUntil(() => notebook.probes === 1);
    notebook.setStatus('busy');
    notebook.connectedKey = 'local';
    NotebookActions.insertBelow(notebook.notebook);
    await NotebookActions.run(notebook.notebook, notebook.session);
    notebook.notebook.activeCell?.model.sharedModel.setSource('1');
    await NotebookActions.run(notebook.notebook, notebook.session);
    expect(notebook.probes).toBe(1);
    notebook.setStatus('idle');
    await waitUntil(() => state() === 'connected');
    expect(notebook.probes).toBe(2);
  });

  it('does not ask because of its own question', async () => {
    await waitUntil(() => notebook.probes === 1);
    notebook.setStatus('busy');
    notebook.setStatus('idle');
    notebook.setStatus('busy');
    notebook.setStatus('idle');
    // Something it does answer, so that it is known to have had the chance.
    notebook.connectedKey = 'local';
    notebook.notebook.activeCell?.model.sharedModel.setSource('1');
    await NotebookActions.run(notebook.notebook, notebook.session);
    await waitUntil(() => state() === 'connected');
    expect(notebook.probes).toBe(2);
  });

  it('is detached when the kernel restarts, and reattaches when told to', async () => {
    await connector.connect('local');
    const changes: string[] = [];
    connector.changed.connect((_, path) => {
      changes.push(path);
    });
    const asked = notebook.probes;
    notebook.restart();
    expect(connector.connectionOf()).toEqual({
      state: 'detached',
      key: 'local',
      runId: 'run-1'
    });
    expect(changes).toEqual(['dir/a.ipynb']);
    await waitUntil(() => notebook.probes > asked);
    expect(state()).toBe('detached');

    expect(await connector.reattach()).toBe(true);
    expect(state()).toBe('connected');
    expect(notebook.cells).toEqual([LINES]);
  });

  it('reattaches by itself if the user wants that', async () => {
    settings.reattach = 'auto';
    await connector.connect('local');
    notebook.restart();
    expect(state()).toBe('detached');
    await waitUntil(() => state() === 'connected');
    expect(notebook.connectedKey).toBe('local');
  });

  it('keeps naming a cluster that has ended', async () => {
    await connector.connect('local');
    bench.tell([cluster({ state: 'stopped' })]);
    notebook.connectedKey = null;
    const asked = notebook.probes;
    NotebookActions.insertBelow(notebook.notebook);
    notebook.notebook.activeCell?.model.sharedModel.setSource('1');
    await NotebookActions.run(notebook.notebook, notebook.session);
    await waitUntil(() => notebook.probes > asked);
    expect(connector.connectionOf()).toMatchObject({
      state: 'connected',
      key: 'local'
    });
  });

  it('forgets a living cluster whose client was closed', async () => {
    await connector.connect('local');
    notebook.connectedKey = null;
    NotebookActions.insertBelow(notebook.notebook);
    notebook.notebook.activeCell?.model.sharedModel.setSource(
      'cluster.close()'
    );
    await NotebookActions.run(notebook.notebook, notebook.session);
    await waitUntil(() => state() === 'none');
  });

  it('tells runs of a cluster apart', async () => {
    await connector.connect('local');
    bench.tell([cluster({ run_id: 'run-2' })]);
    expect(connector.connectionOf()).toMatchObject({ runId: 'run-1' });
    await connector.connect('local');
    expect(connector.connectionOf()).toMatchObject({ runId: 'run-2' });
  });

  it('knows each notebook by its path', async () => {
    const other = new SimulatedNotebook('b.ipynb');
    connector.dispose();
    connector = connect(notebook, other);
    await connector.connect('local', 'b.ipynb');
    expect(connector.connectionOf('b.ipynb').state).toBe('connected');
    await waitUntil(() => state() === 'none');
    expect(connector.connectionOf('dir/a.ipynb').state).toBe('none');
  });

  describe('with two views of a notebook', () => {
    let front: NotebookPanel;

    beforeEach(() => {
      const other = notebook.anotherView();
      const tracker = trackerOf(notebook, other);
      front = other.panel;
      Object.assign(tracker, { currentWidget: front });
      connector.dispose();
      connector = follow(tracker);
    });

    /** Run a line in the view that is not in front. */
    async function run(line: string): Promise<void> {
      const { content, sessionContext } = notebook.panel;
      content.activeCell?.model.sharedModel.setSource(line);
      await NotebookActions.run(content, sessionContext);
    }

    it('learns from cells of either', async () => {
      await run('%engines connect local');
      await waitUntil(() => state() === 'connected');
      bench.tell([cluster({ run_id: 'run-2' })]);
      await run('%engines connect local');
      await waitUntil(() => {
        const connection = connector.connectionOf();
        return 'runId' in connection && connection.runId === 'run-2';
      });
      expect(connector.notebooks).toHaveLength(1);
    });

    it.each(['cell', 'silent'] as const)(
      'knows what it did in one of them, by a %s',
      async mode => {
        settings.connectMode = mode;
        await connector.connect('local');
        expect(connector.connectionOf('dir/a.ipynb').state).toBe('connected');
        await connector.setAutopx(true);
        expect(connector.hasAutopx('dir/a.ipynb')).toBe(true);
      }
    );

    it('connects in the one in front', async () => {
      const isInFront: boolean[] = [];
      const note = (_: unknown, ran: { notebook: Notebook }) => {
        isInFront.push(ran.notebook === front.content);
      };
      NotebookActions.executed.connect(note);
      await connector.connect('local', 'dir/a.ipynb');
      NotebookActions.executed.disconnect(note);
      expect(isInFront).toEqual([true]);
      expect(notebook.cells).toEqual([LINES]);
    });

    it('follows it while one of them is open', async () => {
      await connector.connect('local');
      notebook.close();
      notebook.restart();
      expect(connector.connectionOf('dir/a.ipynb').state).toBe('detached');
    });
  });

  it('connects no other notebook than the one it is told', async () => {
    expect(await connector.connect('local', 'closed.ipynb')).toBe(false);
    expect(notebook.runs).toEqual([]);
    expect(
      Notification.manager.notifications.map(({ message }) => message)
    ).toEqual([
      'closed.ipynb was not connected to local: it is not open. Open it, then connect.'
    ]);
  });

  describe('explains', () => {
    it('that no notebook is open', async () => {
      connector.dispose();
      connector = connect();
      const connected = connector.connect('local');
      await waitForDialog(document.body, 9000);
      await dialogSays(/No notebook is open/);
      await acceptDialog(document.body, 9000);
      expect(await connected).toBe(false);
    });

    it('that the notebook has no kernel', async () => {
      Object.assign(notebook.session, { session: null });
      const connected = connector.connect('local');
      await waitForDialog(document.body, 9000);
      await dialogSays(/a\.ipynb has no running kernel/);
      await acceptDialog(document.body, 9000);
      expect(await connected).toBe(false);
    });

    it('that the kernel is not Python’s, and lets the user choose another', async () => {
      const r = new SimulatedNotebook('r.ipynb', 'R');
      Object.assign(r.session, { kernelDisplayName: 'R 4' });
      const selectKernel = jest.fn(() => Promise.resolve());
      connector.dispose();
      connector = new EngineConnector({
        tracker: trackerOf(r),
        manager: bench.model,
        settings: null,
        sessionDialogs: { selectKernel } as unknown as ISessionContextDialogs,
        createNotebook: null,
        translator: nullTranslator
      });
      const refused = connector.connect('local');
      await waitForDialog(document.body, 9000);
      await dialogSays(/r\.ipynb uses the kernel R 4/);
      await dismissDialog(document.body, 9000);
      expect(await refused).toBe(false);
      expect(selectKernel).not.toHaveBeenCalled();

      const changed = connector.connect('local');
      await waitForDialog(document.body, 9000);
      await acceptDialog(document.body, 9000);
      expect(await changed).toBe(false);
      expect(selectKernel).toHaveBeenCalledWith(r.session);
      expect(r.runs).toEqual([]);
    });
  });
});
