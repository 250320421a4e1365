import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import {
  IRenderMimeRegistry,
  RenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { JSONObject, Token } from '@lumino/coreutils';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import plugins from '../..';
import { CommandIDs } from '../../commands';
import { IServerConnection } from '../../connection';
import type { EditorWidget } from '../../profiles/editor';
import type { ILogViewer, IProfileEditor } from '../../tokens';
import {
  IClusterManager,
  IEngineConnector,
  IEngineSettings,
  IJobStore,
  IProfileService
} from '../../tokens';
import {
  batchProfile,
  cluster,
  failed,
  noScheduler,
  preview,
  profile,
  profileDetail
} from '../examples';
import { Bench, FakeNetwork, settle, waitUntil } from '../fakes';
import { SimulatedNotebook, trackerOf } from '../kernels/simulatedNotebook';

/** An application with a shell that only keeps what is added to it. */
class App {
  readonly commands = new CommandRegistry();
  readonly network = new FakeNetwork();
  readonly added: { widget: Widget; area: string }[] = [];
  readonly activated: string[] = [];
  readonly serviceManager = { serverSettings: this.network.settings };
  readonly shell = {
    currentWidget: null as Widget | null,
    add: (widget: Widget, area: string) => {
      this.added.push({ widget, area });
      Widget.attach(widget, document.body);
    },
    activateById: (id: string) => {
      this.activated.push(id);
    },
    widgets: (area: string) =>
      this.added.filter(a => a.area === area).map(a => a.widget)
  };

  /** There is nothing of others, such as ipywidgets. */
  hasPlugin(): boolean {
    return false;
  }

  /** Activate a plugin with what is given, and null for all else that is optional. */
  activate<T>(
    plugin: JupyterFrontEndPlugin<T>,
    given = new Map<Token<unknown>, unknown>()
  ): T {
    const required = (plugin.requires ?? []).map(token => {
      if (!given.has(token)) {
        throw new Error(`${plugin.id} requires ${token.name}`);
      }
      return given.get(token);
    });
    const optional = (plugin.optional ?? []).map(
      token => given.get(token) ?? null
    );
    return plugin.activate(
      this as unknown as JupyterFrontEnd,
      ...required,
      ...optional
    ) as T;
  }
}

function plugin(name: string): JupyterFrontEndPlugin<unknown> {
  const found = plugins.find(({ id }) => id === `jupyterlab-engines:${name}`);
  if (found === undefined) {
    throw new Error(`There is no plugin ${name}`);
  }
  return found;
}

describe('plugins', () => {
  let app: App;
  let bench: Bench;
  let notebook: SimulatedNotebook;
  let other: SimulatedNotebook;
  let services: Map<Token<unknown>, unknown>;
  let disposables: { dispose(): void }[];

  beforeEach(async () => {
    app = new App();
    bench = new Bench();
    await bench.connect(
      [cluster(), failed({}, { key: 'broken' })],
      [profile()]
    );
    notebook = new SimulatedNotebook('a.ipynb');
    other = new SimulatedNotebook('b.ipynb');
    const required = plugin('kernels').requires ?? [];
    services = new Map<Token<unknown>, unknown>([
      [IClusterManager, bench.model],
      [IRenderMimeRegistry, new RenderMimeRegistry()],
      [IServerConnection, app.activate(plugin('connection'))]
    ]);
    services.set(IJobStore, app.activate(plugin('jobs'), services));
    services.set(IProfileService, app.activate(plugin('profiles'), services));
    const tracker = required.find(token => token !== IClusterManager);
    if (tracker === undefined) {
      throw new Error('The connector needs no notebooks');
    }
    services.set(tracker, trackerOf(notebook, other));
    const connector = app.activate(plugin('kernels'), services);
    services.set(IEngineConnector, connector);
    disposables = [connector as IEngineConnector, bench.model];
  });

  afterEach(() => {
    app.added.forEach(({ widget }) => widget.dispose());
    disposables.forEach(disposable => disposable.dispose());
  });

  it('have ids of this package, descriptions, and start by themselves', () => {
    expect(plugins).toHaveLength(20);
    for (const { id, description, autoStart } of plugins) {
      expect(id).toMatch(/^jupyterlab-engines:[a-z]+$/);
      expect(description).toMatch(/\.$/);
      expect(autoStart).toBe(true);
    }
  });

  it.each(plugins.map(({ id }) => id.split(':')[1] ?? ''))(
    '%s activates without anything optional',
    name => {
      expect(() => {
        const service = app.activate(plugin(name), services);
        if (name === 'clusters' || name === 'kernels') {
          disposables.push(service as IClusterManager);
        }
      }).not.toThrow();
    }
  );

  it('clusters asks who answers, but does not wait for it', async () => {
    const manager = app.activate(
      plugin('clusters'),
      services
    ) as IClusterManager;
    disposables.push(manager);
    expect(manager.link.state).toBe('connecting');
    await settle();
    expect(app.network.requests[0]?.url).toMatch(
      /\/user\/some%20one\/jupyterlab-engines\/server$/
    );
  });

  describe('settings', () => {
    class Loaded {
      composite: JSONObject = {};
      readonly changed = new Signal<this, void>(this);
    }

    it('are the defaults without a registry', () => {
      expect(app.activate(plugin('settings'))).toMatchObject({
        connectMode: 'cell',
        reattach: 'ask',
        showStatusBar: true,
        showNotices: true
      });
    });

    it('are read, checked, and followed', async () => {
      const loaded = new Loaded();
      loaded.composite = { connectMode: 'silent', reattach: 'nonsense' };
      const registry = { load: () => Promise.resolve(loaded) };
      const [token] = plugin('settings').optional ?? [];
      const settings = app.activate(
        plugin('settings'),
        new Map([[token as Token<unknown>, registry]])
      ) as IEngineSettings;
      const changed = jest.fn();
      settings.changed.connect(changed);
      await settle();
      expect(settings).toMatchObject({
        connectMode: 'silent',
        reattach: 'ask'
      });
      loaded.composite = { reattach: 'auto', showStatusBar: false };
      loaded.changed.emit();
      expect(settings).toMatchObject({
        connectMode: 'cell',
        reattach: 'auto',
        showStatusBar: false
      });
      expect(changed).toHaveBeenCalledTimes(2);
    });

    it('are the defaults when they cannot be read', async () => {
      const error = jest.spyOn(console, 'error').mockImplementation();
      const registry: Partial<ISettingRegistry> = {
        load: () => Promise.reject(new Error('no schema'))
      };
      const [token] = plugin('settings').optional ?? [];
      const settings = app.activate(
        plugin('settings'),
        new Map([[token as Token<unknown>, registry]])
      ) as IEngineSettings;
      await settle();
      expect(settings.connectMode).toBe('cell');
      expect(error).toHaveBeenCalled();
      error.mockRestore();
    });
  });

  describe('panel', () => {
    it('stands in the left sidebar and shows the clusters', async () => {
      app.activate(plugin('panel'), services);
      const [{ widget, area }] = app.added as [(typeof app.added)[0]];
      expect(area).toBe('left');
      expect(widget.id).toBe('jupyterlab-engines-panel');
      await settle();
      Widget.detach(widget);
      Widget.attach(widget, document.body);
      expect(widget.node.getAttribute('aria-label')).toBe('Engines');
    });

    it('chooses the profile that was made in the editor', async () => {
      app.activate(plugin('panel'), services);
      const editor = app.activate(plugin('editor'), services) as IProfileEditor;
      const [{ widget: panel }] = app.added as [(typeof app.added)[0]];
      const chosen = () =>
        panel.node.querySelector<HTMLSelectElement>('select')?.value;
      await waitUntil(() => chosen() === 'local');
      app.network.answer = ({ url }) => ({
        status: 200,
        body: url.endsWith('/preview')
          ? preview()
          : url.endsWith('/scheduler')
            ? { status: noScheduler(), queues: [], nodes: [] }
            : profileDetail({ profile: batchProfile({ name: 'mine' }) })
      });
      editor.create();
      const form = app.added[1]?.widget as EditorWidget;
      form.content.model.setName('local');
      expect(form.content.model.obstacle).toMatch(/choose another/);
      form.content.model.setName('mine');
      expect(await form.content.model.save()).toBe(true);
      bench.tell([], [], {
        profiles: [profile(), batchProfile({ name: 'mine' })]
      });
      await waitUntil(() => chosen() === 'mine');
      expect(app.commands.label('engines:choose-profile')).not.toBe('');
    });
  });

  describe('commands', () => {
    beforeEach(() => {
      app.activate(plugin('commands'), services);
    });

    it('have labels, captions and argument schemas', async () => {
      for (const id of Object.values(CommandIDs)) {
        expect(app.commands.label(id)).not.toBe('');
        expect(app.commands.caption(id)).not.toBe('');
        const { args } = await app.commands.describedBy(id);
        expect(args).toMatchObject({ type: 'object' });
      }
    });

    it('are enabled for what can be done', () => {
      const enabled = () =>
        Object.values(CommandIDs).filter(id => app.commands.isEnabled(id));
      expect(enabled()).toEqual([
        CommandIDs.startCluster,
        CommandIDs.stopCluster,
        CommandIDs.restartCluster,
        CommandIDs.interruptEngines,
        CommandIDs.restartEngines,
        CommandIDs.dismissCluster,
        CommandIDs.connectNotebook,
        CommandIDs.doctor
      ]);
      bench.tell([], ['local']);
      expect(enabled()).toEqual([
        CommandIDs.startCluster,
        CommandIDs.restartCluster,
        CommandIDs.dismissCluster,
        CommandIDs.doctor
      ]);
    });

    it('connect and reattach the current notebook', async () => {
      await app.commands.execute(CommandIDs.connectNotebook);
      expect(notebook.runs).toHaveLength(1);
      expect(
        app.commands.label(CommandIDs.connectNotebook, { key: 'local' })
      ).toBe('Connect to local');
      notebook.restart();
      expect(app.commands.isEnabled(CommandIDs.reattachNotebook)).toBe(true);
      await app.commands.execute(CommandIDs.reattachNotebook);
      expect(notebook.runs).toHaveLength(2);
    });

    it('connect the notebook with a path', async () => {
      await app.commands.execute(CommandIDs.connectNotebook, {
        path: 'b.ipynb'
      });
      expect([notebook.runs.length, other.runs.length]).toEqual([0, 1]);
    });

    it('start with arguments', async () => {
      bench.network.answer = () => ({ status: 202, body: cluster() });
      await app.commands.execute(CommandIDs.startCluster, {
        profile: 'local',
        engines: 2
      });
      expect(bench.network.requests[0]?.body).toMatchObject({ engines: 2 });
    });

    it('show the panel once there is one', async () => {
      expect(app.commands.isEnabled(CommandIDs.openPanel)).toBe(false);
      app.activate(plugin('panel'), services);
      expect(app.commands.isEnabled(CommandIDs.openPanel)).toBe(true);
      await app.commands.execute(CommandIDs.openPanel);
      expect(app.activated).toEqual(['jupyterlab-engines-panel']);
    });
  });

  it.each([
    [false, 'down'],
    [true, 'main']
  ])(
    'log opens once a cluster, below in Notebook 7 (lab: %s)',
    (isLab, area) => {
      bench.network.answer = () => ({
        status: 200,
        body: { source: 'engines', text: 'x', truncated: false }
      });
      const [labShell] = plugin('log').optional ?? [];
      if (isLab) {
        services.set(labShell as Token<unknown>, {});
      }
      const logs = app.activate(plugin('log'), services) as ILogViewer;
      logs.open('local');
      logs.open('local');
      expect(app.added.map(added => added.area)).toEqual([area]);
      expect(app.added[0]?.widget.title.label).toBe('Log of local');
      expect(app.activated).toHaveLength(2);
    }
  );

  it('toolbar makes an item for each notebook', () => {
    let factory: ((panel: unknown) => Widget) | null = null;
    const registry: Partial<IToolbarWidgetRegistry> = {
      addFactory: (where: string, name: string, made: unknown) => {
        expect([where, name]).toEqual(['Notebook', 'engines']);
        factory = made as (panel: unknown) => Widget;
        return undefined;
      }
    };
    const [token] = plugin('toolbar').optional ?? [];
    services.set(token as Token<unknown>, registry);
    app.activate(plugin('toolbar'), services);
    const make = factory as ((panel: unknown) => Widget) | null;
    const item = make?.(notebook.panel);
    expect(item).toBeInstanceOf(Widget);
    item?.dispose();
  });

  it('status bar shows engines while there are some, if that is wanted', () => {
    let options: IStatusBar.IItem | null = null;
    const bar: Partial<IStatusBar> = {
      registerStatusItem: (_, item) => {
        options = item;
        return { dispose: () => undefined, isDisposed: false };
      }
    };
    const [token] = plugin('statusbar').optional ?? [];
    services.set(token as Token<unknown>, bar);
    const settings = {
      showStatusBar: true,
      changed: new Signal<object, void>({})
    };
    services.set(IEngineSettings, settings);
    app.activate(plugin('statusbar'), services);
    const item = options as IStatusBar.IItem | null;
    expect(item?.isActive?.()).toBe(true);
    settings.showStatusBar = false;
    expect(item?.isActive?.()).toBe(false);
    settings.showStatusBar = true;
    bench.tell([], ['local']);
    expect(item?.isActive?.()).toBe(false);
    item?.item.dispose();
  });
});
