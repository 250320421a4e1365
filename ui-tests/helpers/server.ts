import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from '@playwright/test';
import type { Cluster, ClusterList } from '../../src/api/generated';
import { processesOfRun, processesWith } from './processes';
import { Rig } from './rig';

export const REPO = path.resolve(__dirname, '..', '..');
const BIN = path.join(REPO, '.venv', 'bin');
const CONFIG = path.join(REPO, 'ui-tests', 'jupyter_server_test_config.py');
const START_MS = 60_000;
const STOP_MS = 40_000;

/** What makes one Jupyter server of these tests different from another. */
export interface ServerOptions {
  /** `ServerApp.base_url`, as it stands in URLs. */
  baseUrl: string;
  /** Whether the server half of jupyterlab-engines is enabled. */
  hasServerHalf: boolean;
  /**
   * Whether engines are started through a copy of mpiexec in this server's home, which can be made
   * to wait or to be missing: `holdStarts`, `removeMpiexec`.
   */
  hasOwnMpiexec: boolean;
  /** Whether it runs as the job user of the rig, with a real scheduler's commands on its PATH. */
  isOnRig: boolean;
  /** More arguments of its command line, as `--EnginesApp.command_seconds=4`. */
  extraArguments: readonly string[];
}

/** A real Jupyter server in a home of its own, which is deleted with it. */
export class JupyterServer {
  static async start(options: ServerOptions): Promise<JupyterServer> {
    const rig = options.isOnRig ? Rig.up() : null;
    const server = new JupyterServer(options, rig);
    try {
      await server._untilItAnswers();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private constructor(
    options: ServerOptions,
    readonly rig: Rig | null
  ) {
    this._options = options;
    this.home =
      rig?.folder() ??
      mkdtempSync(path.join(tmpdir(), 'jupyterlab-engines-ui-'));
    this.root = path.join(this.home, 'work');
    this.ipythonDir = path.join(this.home, '.ipython');
    mkdirSync(this.root);
    this.restoreNotebooks();
    this._addKernel('echo');
    this.environment = this._environment();
    if (options.hasOwnMpiexec) {
      this.restoreMpiexec();
    }
    this._resetSettings();
    const log = openSync(this._log, 'a');
    const argv = [
      path.join(BIN, 'python'),
      ...[
        ...['-m', 'jupyterlab', `--config=${CONFIG}`],
        `--IdentityProvider.token=${this.token}`,
        `--ServerApp.base_url=${options.baseUrl}`,
        `--LabApp.workspaces_dir=${this._workspaces}`,
        `--LabApp.user_settings_dir=${this._settings}`,
        // A test that holds a job while it stops does not race with this.
        '--EnginesApp.stop_grace_seconds=60',
        // Without the rig the same everywhere: a batch system of this machine is not looked for.
        ...(options.isOnRig ? [] : ['--EnginesApp.use_scheduler=False']),
        ...(options.hasOwnMpiexec
          ? [`--EnginesApp.mpiexec=${this.mpiexec}`]
          : []),
        ...options.extraArguments
      ]
    ];
    this._give(this.home);
    const [program, args] = rig?.command(argv) ?? [argv[0]!, argv.slice(1)];
    this._process = spawn(program, args, {
      cwd: this.root,
      env: this.environment,
      stdio: ['ignore', log, log]
    });
    closeSync(log);
    this._ended = new Promise(resolve =>
      this._process.once('exit', () => resolve())
    );
  }

  /** Home folder of everything that belongs to this server. */
  readonly home: string;
  /** What JupyterLab's file browser shows. */
  readonly root: string;
  readonly ipythonDir: string;
  readonly token = randomBytes(24).toString('hex');
  /** Environment of the server, for programs that a user would run in a terminal beside it. */
  readonly environment: Record<string, string>;

  /** Where it answers, with the slash at the end. */
  get url(): string {
    return this._url;
  }

  /** Return the address of a page, with what logs the browser in. */
  page(where: string): string {
    const url = new URL(where, this._url);
    url.searchParams.set('token', this.token);
    return url.href;
  }

  /** Ask the server; fails unless it answers with a status below 400. */
  async ask(where: string, method = 'GET'): Promise<unknown> {
    const reply = await fetch(new URL(where, this._url), {
      method,
      headers: { Authorization: `token ${this.token}` }
    });
    const text = await reply.text();
    if (!reply.ok) {
      throw new Error(`${method} ${where}: ${reply.status} ${text}`);
    }
    return text === '' ? null : JSON.parse(text);
  }

  async clusters(): Promise<Cluster[]> {
    const list = (await this.ask('jupyterlab-engines/clusters')) as ClusterList;
    return list.clusters;
  }

  /** Return the only cluster there is. */
  async onlyCluster(): Promise<Cluster> {
    const clusters = await this.clusters();
    expect(clusters).toHaveLength(1);
    return clusters[0]!;
  }

  /** Write a setting as the settings editor would. */
  writeSetting(plugin: string, values: object): void {
    const [extension, name] = plugin.split(':') as [string, string];
    const folder = path.join(this._settings, extension);
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `${name}.jupyterlab-settings`);
    writeFileSync(file, JSON.stringify(values));
    this._give(this._settings);
  }

  /** Put fresh copies of the examples where the user works. */
  restoreNotebooks(): void {
    const folder = path.join(this.root, 'examples');
    rmSync(folder, { recursive: true, force: true });
    const source = path.join(REPO, 'examples');
    cpSync(source, folder, {
      recursive: true,
      filter: name => !/__pycache__|\.ipynb_checkpoints/.test(name)
    });
    this._give(folder);
  }

  /** The launcher of a server that `hasOwnMpiexec`. */
  get mpiexec(): string {
    return path.join(this.home, 'bin', 'mpiexec');
  }

  /** Put the launcher in place: the real one, behind a gate. */
  restoreMpiexec(): void {
    mkdirSync(path.dirname(this.mpiexec), { recursive: true });
    const lines = [
      '#!/bin/sh',
      'if [ "$1" != --version ]; then',
      `  while [ -e '${this._hold}' ]; do sleep 0.1; done`,
      'fi',
      `exec '${path.join(BIN, 'mpiexec')}' "$@"`,
      ''
    ];
    writeFileSync(this.mpiexec, lines.join('\n'), { mode: 0o755 });
  }

  /** Take the launcher away, as on a machine whose MPI module is not loaded. */
  removeMpiexec(): void {
    rmSync(this.mpiexec);
  }

  /** Let starts wait before their engines. */
  holdStarts(): void {
    writeFileSync(this._hold, '');
  }

  /** Let the starts go on. */
  releaseStarts(): void {
    rmSync(this._hold, { force: true });
  }

  /** Return what is left of one run: its processes and connection files. */
  leftOf(run: { run_id: string; profile: string }): string[] {
    const security = path.join(
      this.ipythonDir,
      `profile_${run.profile}`,
      'security'
    );
    const files = existsSync(security) ? readdirSync(security) : [];
    return [
      ...processesOfRun(run.run_id).map(p => `${p.pid} ${p.command}`),
      ...files
    ];
  }

  /** End and forget all clusters, kernels, settings and layouts: the next test begins afresh. */
  async clean(): Promise<void> {
    this.releaseStarts();
    if (this._options.hasOwnMpiexec) {
      this.restoreMpiexec();
    }
    for (const { id } of (await this.ask('api/sessions')) as { id: string }[]) {
      await this.ask(`api/sessions/${id}`, 'DELETE');
    }
    const clusters = this._options.hasServerHalf ? await this.clusters() : [];
    for (const cluster of clusters) {
      const where = `jupyterlab-engines/clusters/${encodeURIComponent(cluster.key)}`;
      if (cluster.state !== 'stopped' && cluster.state !== 'failed') {
        await this.ask(`${where}/stop`, 'POST');
      }
      await expect
        .poll(async () => (await this._cluster(cluster.key))?.state ?? 'gone', {
          timeout: 30_000
        })
        .toMatch(/^(stopped|failed|gone)$/);
      if ((await this._cluster(cluster.key)) !== undefined) {
        await this.ask(where, 'DELETE');
      }
      await expect.poll(() => processesOfRun(cluster.run_id)).toEqual([]);
    }
    this._resetSettings();
    rmSync(this._workspaces, { recursive: true, force: true });
    this.restoreNotebooks();
  }

  /** End the server in order; what it leaves running is killed and returned. */
  async stop(): Promise<string[]> {
    this._process.kill('SIGTERM');
    const killer = setTimeout(() => this._process.kill('SIGKILL'), STOP_MS);
    await this._ended;
    clearTimeout(killer);
    const left = processesWith(this.home);
    for (const { pid } of left) {
      process.kill(pid, 'SIGKILL');
    }
    await this.rig?.remove(this.home);
    rmSync(this.home, { recursive: true, force: true });
    this.rig?.close();
    return left.map(({ pid, command }) => `${pid} ${command}`);
  }

  /** Return the end of what the server wrote. */
  log(): string {
    return readFileSync(this._log, 'utf8').slice(-20_000);
  }

  private async _cluster(key: string): Promise<Cluster | undefined> {
    return (await this.clusters()).find(cluster => cluster.key === key);
  }

  private async _untilItAnswers(): Promise<void> {
    const deadline = Date.now() + START_MS;
    let reason: unknown = 'no runtime file';
    while (Date.now() < deadline && this._process.exitCode === null) {
      const file = path.join(
        this._runtime,
        `jpserver-${this._process.pid}.json`
      );
      if (existsSync(file)) {
        try {
          this._url = String(JSON.parse(readFileSync(file, 'utf8')).url);
          await this.ask('api/status');
          return;
        } catch (error) {
          reason = error; // the file is not whole yet, or nobody listens yet
        }
      }
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    throw new Error(
      `The Jupyter server did not answer: ${String(reason)}\n${this.log()}`
    );
  }

  private _resetSettings(): void {
    rmSync(this._settings, { recursive: true, force: true });
    // As the user who has answered the question about news.
    this.writeSetting('@jupyterlab/apputils-extension:notification', {
      fetchNews: 'false',
      checkForUpdates: false
    });
  }

  /** Add a kernel that is not Python's: `helpers/NAME_kernel.py`. */
  private _addKernel(name: string): void {
    const folder = path.join(this._data, 'kernels', name);
    mkdirSync(folder, { recursive: true });
    const program = path.join(__dirname, `${name}_kernel.py`);
    const spec = {
      argv: ['python', program, '-f', '{connection_file}'],
      display_name: name,
      language: name
    };
    writeFileSync(path.join(folder, 'kernel.json'), JSON.stringify(spec));
  }

  private _environment(): Record<string, string> {
    const inherited = Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !/^(JUPYTER|JPY_|IPYTHON|PYTHON)/.test(entry[0])
    );
    const environment = Object.fromEntries(inherited);
    return {
      ...environment,
      PATH: [BIN, environment.PATH].join(path.delimiter),
      ...this.rig?.environment,
      HOME: this.home,
      IPYTHONDIR: this.ipythonDir,
      JUPYTER_CONFIG_DIR: path.join(this.home, '.jupyter'),
      JUPYTER_DATA_DIR: this._data,
      JUPYTER_RUNTIME_DIR: this._runtime,
      ...(this._options.hasServerHalf
        ? {}
        : { ENGINES_TEST_NO_SERVER_HALF: '1' })
    };
  }

  /** On the rig, what we wrote is the user's. */
  private _give(target: string): void {
    this.rig?.give(target);
  }

  private get _hold(): string {
    return path.join(this.home, 'bin', 'hold');
  }

  private get _log(): string {
    return path.join(this.home, 'server.log');
  }

  private get _data(): string {
    return path.join(this.home, 'data');
  }

  private get _runtime(): string {
    return path.join(this.home, 'runtime');
  }

  private get _settings(): string {
    return path.join(this.home, 'settings');
  }

  private get _workspaces(): string {
    return path.join(this.home, 'workspaces');
  }

  private readonly _options: ServerOptions;
  private readonly _process: ChildProcess;
  private readonly _ended: Promise<void>;
  private _url = '';
}
