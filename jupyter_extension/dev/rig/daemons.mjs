/** The rig's daemons: started in the background, ended by the process id that was noted when they started. */
import { spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs';
import path from 'node:path';

import { SetupError, run } from '../processes.mjs';
import { LOGS, NODES, PIDS, SPOOL, VIEW } from './places.mjs';

const POLL_MS = 50;
const STOP_MS = 5_000;
/** `munge -n` and the like, when nobody listens, wait seconds. */
const COMMAND_MS = 15_000;
const MUNGE_RUN = '/run/munge';
const MUNGED = ['/usr/sbin/munged', '--foreground', '--force'];
const SLURM_RUN = '/run/slurm';

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Call `condition` until it is true; return whether it was within `timeoutMs`. */
export async function until(condition, timeoutMs) {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      return false;
    }
    await sleep(POLL_MS);
  }
  return true;
}

async function ask(command, ...args) {
  return run(command, args, { stdio: 'capture', timeoutMs: COMMAND_MS });
}

/** Return when a living process was started, in clock ticks after boot; null if there is none, or a zombie. */
export function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : fields[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(error.code)) {
      return null;
    }
    throw error;
  }
}

const noteOf = name => path.join(PIDS, `${name}.pid`);

/** Return the process id of the daemon `name` if it lives, else null. A reused id does not count. */
export function pidOf(name) {
  if (!existsSync(noteOf(name))) {
    return null;
  }
  const [pid, started] = readFileSync(noteOf(name), 'utf8').trim().split(' ');
  return startOf(pid) === started ? Number(pid) : null;
}

function note(name, pid) {
  mkdirSync(PIDS, { recursive: true });
  writeFileSync(noteOf(name), `${pid} ${startOf(pid)}\n`);
}

function wordsOf(pid) {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return words.join(' ').trim();
}

/**
 * Note our daemons that run although our notes are lost (`.cache` was deleted): by their own notes.
 *
 * Only right when the Slurm of this machine is ours; a munged of the system has other arguments.
 */
export function adoptDaemons() {
  const own = [['munged', path.join(MUNGE_RUN, 'munged.pid'), MUNGED]];
  for (const name of [
    'slurmctld',
    ...NODES.map(node => `slurmd-${node.name}`)
  ]) {
    const [program, node] = name.split('-');
    const words = [`/usr/sbin/${program}`, '-D', ...(node ? ['-N', node] : [])];
    own.push([name, path.join(SLURM_RUN, `${name}.pid`), words]);
  }
  for (const [name, theirs, words] of own) {
    if (existsSync(noteOf(name)) || !existsSync(theirs)) {
      continue;
    }
    const pid = Number(readFileSync(theirs, 'utf8'));
    if (pid > 0 && startOf(pid) !== null && wordsOf(pid) === words.join(' ')) {
      note(name, pid);
    }
  }
}

function launch(name, command, args) {
  mkdirSync(LOGS, { recursive: true });
  const log = openSync(path.join(LOGS, `${name}.log`), 'a', 0o600);
  const child = spawn(command, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log]
  });
  closeSync(log);
  child.unref();
  return new Promise((resolve, reject) => {
    child.once('error', error =>
      reject(new SetupError(`Cannot start ${name}: ${error.message}`))
    );
    child.once('spawn', () => {
      note(name, child.pid);
      resolve();
    });
  });
}

/** End the daemon `name`: in order, and by SIGKILL if that takes too long. */
export async function stopDaemon(name) {
  const pid = pidOf(name);
  if (pid !== null) {
    process.kill(pid, 'SIGTERM');
    if (!(await until(() => pidOf(name) === null, STOP_MS))) {
      process.kill(pid, 'SIGKILL');
      await until(() => pidOf(name) === null, STOP_MS);
    }
  }
  rmSync(noteOf(name), { force: true });
}

function ownFolder(folder, user, mode) {
  mkdirSync(folder, { recursive: true, mode });
  const { uid, gid } = statSync(`/var/log/${user}`); // the package made that for its user
  chownSync(folder, uid, gid);
}

async function mungeAnswers() {
  return (await ask('munge', '--no-input', '--output', '/dev/null')).code === 0;
}

/** Let munged run; one that runs already, started by the system, is used as it is. */
export async function startMunge() {
  if (
    existsSync(path.join(MUNGE_RUN, 'munge.socket.2')) &&
    (await mungeAnswers())
  ) {
    return;
  }
  ownFolder(MUNGE_RUN, 'munge', 0o755);
  const user = ['--reuid', 'munge', '--regid', 'munge', '--clear-groups'];
  await launch('munged', 'setpriv', [...user, '--', ...MUNGED]);
  if (!(await until(mungeAnswers, STOP_MS))) {
    throw new SetupError(`munged does not answer; see ${LOGS}/munged.log.`);
  }
}

/** Let slurmctld run. */
export async function startController() {
  if (pidOf('slurmctld') !== null) {
    return;
  }
  ownFolder(SLURM_RUN, 'slurm', 0o755);
  ownFolder(path.join(SPOOL, 'slurmctld'), 'slurm', 0o755);
  await launch('slurmctld', '/usr/sbin/slurmctld', ['-D']);
}

/**
 * Let a slurmd run for each node.
 *
 * @param view - options of `view.sh`: how jobs see this machine; none when they run as root.
 */
export async function startNodes(view) {
  for (const { name } of NODES) {
    if (pidOf(`slurmd-${name}`) !== null) {
      continue;
    }
    mkdirSync(path.join(SPOOL, `slurmd-${name}`), { recursive: true });
    // A name of its own for each node: MPI libraries tell machines apart by it.
    const program = 'hostname "$1" && exec /usr/sbin/slurmd -D -N "$1"';
    const node = ['unshare', '--uts', '/bin/sh', '-c', program, 'sh', name];
    await launch(`slurmd-${name}`, VIEW, [...view, '--', ...node]);
  }
}

/** Return the nodes with their states, in Slurm's words: `{n1: 'idle', …}`; null if slurmctld does not answer. */
export async function nodeStates() {
  const { code, output } = await ask('sinfo', '-h', '-N', '-o', '%N %T');
  if (code !== 0) {
    return null;
  }
  const lines = output.trim().split('\n').filter(Boolean);
  return Object.fromEntries(lines.map(line => line.split(' ')));
}

/** Return the ids of all jobs that are not over, in Slurm's eyes. */
export async function jobIds() {
  const { output } = await ask('squeue', '-h', '-o', '%A');
  return output.trim().split('\n').filter(Boolean);
}

/** End all jobs. */
export async function cancelJobs() {
  const ids = await jobIds();
  if (ids.length > 0) {
    await ask('scancel', ...ids);
    await until(async () => (await jobIds()).length === 0, 2 * STOP_MS);
  }
}

/** Make Slurm read its configuration anew. */
export async function reconfigure() {
  await ask('scontrol', 'reconfigure');
}

const USABLE = /^(idle|mixed|allocated|completing)$/;

/** Return the nodes that take no jobs. */
export function unusable(states) {
  return NODES.filter(({ name }) => !USABLE.test(states?.[name] ?? ''));
}

async function allUsable() {
  const states = (await nodeStates()) ?? {};
  const bad = unusable(states);
  for (const { name } of bad) {
    if (/^(down|drain|drng)/.test(states[name] ?? '')) {
      await ask('scontrol', 'update', `nodename=${name}`, 'state=resume');
    }
  }
  return bad.length === 0;
}

/** Wait until the nodes take jobs; one that was set down is put back, a slurmd that died is started. */
export async function waitForNodes(view) {
  const usable = async () => {
    if (await allUsable()) {
      return true;
    }
    await startController(); // a daemon that we saw alive may have been about to end
    await startNodes(view);
    return false;
  };
  if (!(await until(usable, 60_000))) {
    const states = JSON.stringify(await nodeStates());
    throw new SetupError(
      `The rig's nodes do not take jobs: ${states}. Their logs are in ${LOGS}.`
    );
  }
}
