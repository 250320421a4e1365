import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync
} from 'node:fs';
import path from 'node:path';

const MAIN = path.resolve(
  __dirname,
  ...['..', '..', 'jupyter_extension', 'dev', 'main.mjs']
);
/** Where the rig keeps the process ids of its daemons. */
const PIDS = path.resolve(__dirname, ...['..', '..', '.cache', 'rig', 'pids']);
/** It may install packages. */
const UP_MS = 170_000;
const CANCEL_MS = 20_000;
const OVER = /^(COMPLETED|CANCELLED|FAILED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY)$/;

/** What the scripts of the repository say about the rig. */
interface Told {
  user: string;
  home: string;
  command: string[];
  environment: Record<string, string>;
  started: boolean;
}

/** A job in the scheduler's own words, not through the commands under test. */
export interface SchedulerJob {
  id: string;
  /** Slurm's: PENDING, RUNNING, COMPLETED, CANCELLED … */
  state: string;
  name: string;
  queue: string;
  /** As `n[1-2]`. */
  nodes: string;
  /** Where it was submitted. */
  folder: string;
}

function callRig(...args: string[]): string {
  const options = { encoding: 'utf8', timeout: UP_MS } as const;
  return execFileSync(process.execPath, [MAIN, 'rig', ...args], options);
}

/**
 * Return why stories on the rig are skipped on this machine, undefined if they run.
 *
 * For the top of a file of stories; starts nothing. Throws where the rig cannot run although CI is set.
 */
export function whyNoRig(): string | undefined {
  const { verdict, reason } = JSON.parse(callRig('verdict')) as {
    verdict: string;
    reason: string;
  };
  if (verdict === 'fail') {
    throw new Error(`${reason} CI is set, so this is a failure and no skip.`);
  }
  return verdict === 'skip' ? reason : undefined;
}

/** Return the process of the rig's `slurmctld`; fails if the id has become another program's. */
function controllerPid(): number {
  // Its id, and when it started.
  const text = readFileSync(path.join(PIDS, 'slurmctld.pid'), 'utf8');
  const pid = Number(text.trim().split(/\s+/)[0]);
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  if (name !== 'slurmctld') {
    throw new Error(`Process ${pid} is ${name} and not the rig's slurmctld.`);
  }
  return pid;
}

/**
 * The real scheduler of the tests: Slurm with its Torque commands, two nodes, and an ordinary user.
 *
 * `npm test` brings it up before; otherwise it is brought up here, and taken down by `close`.
 */
export class Rig {
  static up(): Rig {
    const last = callRig('up', '--json').trim().split('\n').at(-1)!;
    return new Rig(JSON.parse(last) as Told);
  }

  private constructor(told: Told) {
    this._told = told;
    this.environment = told.environment;
  }

  /** What the job user has after logging in; the PBS commands are on its PATH. */
  readonly environment: Record<string, string>;

  /** Return the program and arguments that run `argv` as the job user; the process keeps its id. */
  command(argv: string[]): [string, string[]] {
    const [first, ...rest] = [...this._told.command, ...argv];
    return [first!, rest];
  }

  /** Run a program to its end as the job user; return what it printed, fail if it fails. */
  run(argv: string[], cwd = this._told.home): string {
    const [program, args] = this.command(argv);
    const done = spawnSync(program, args, {
      cwd,
      env: this.environment,
      encoding: 'utf8',
      timeout: CANCEL_MS
    });
    if (done.status !== 0) {
      throw new Error(`${argv.join(' ')}: ${done.stdout}${done.stderr}`);
    }
    return done.stdout;
  }

  /** Return a new folder of the job user, seen on all nodes. */
  folder(): string {
    const template = path.join(this._told.home, 'ui-XXXXXX');
    return this.run(['mktemp', '--directory', template]).trim();
  }

  /** Make a file or folder, and all in it, the job user's. */
  give(target: string): void {
    const { uid, gid } = statSync(this._told.home);
    chownSync(target, uid, gid);
    if (statSync(target).isDirectory()) {
      for (const name of readdirSync(target)) {
        this.give(path.join(target, name));
      }
    }
  }

  /** Return the jobs that were submitted under a folder, as the scheduler knows them. */
  jobs(under: string): SchedulerJob[] {
    const format = '--format=%A|%T|%j|%P|%N|%Z';
    const args = ['--noheader', '--states=all', format];
    const lines = execFileSync('squeue', args, { encoding: 'utf8' });
    return lines
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [id, state, name, queue, nodes, folder] = line.split('|');
        return { id, state, name, queue, nodes, folder } as SchedulerJob;
      })
      .filter(({ folder }) => `${folder}/`.startsWith(`${under}/`));
  }

  /** End the jobs that were submitted under a folder, and wait until they are over. */
  async cancel(under: string): Promise<void> {
    const living = () => this.jobs(under).filter(job => !OVER.test(job.state));
    const ids = living().map(job => job.id);
    if (ids.length > 0) {
      execFileSync('scancel', ids);
    }
    const deadline = Date.now() + CANCEL_MS;
    while (living().length > 0) {
      if (Date.now() > deadline) {
        throw new Error(`Jobs that do not end: ${JSON.stringify(living())}`);
      }
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  }

  /** Do something while the scheduler's controller is frozen: it is there, and answers nobody. */
  async whileSilent<T>(act: () => Promise<T>): Promise<T> {
    const pid = controllerPid();
    const wake = () => void process.kill(pid, 'SIGCONT');
    // All users of the rig wait for it: it must not stay frozen after a run that is broken off.
    process.once('exit', wake);
    try {
      process.kill(pid, 'SIGSTOP');
      return await act();
    } finally {
      wake();
      process.off('exit', wake);
    }
  }

  /** Remove a folder of `folder`, its jobs first. */
  async remove(folder: string): Promise<void> {
    await this.cancel(folder);
    rmSync(folder, { recursive: true, force: true });
  }

  /** Take the rig down if it was not up before. */
  close(): void {
    if (this._told.started) {
      callRig('down');
    }
  }

  private readonly _told: Told;
}
