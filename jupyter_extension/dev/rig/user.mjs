/** The ordinary user as whom the rig's jobs run, and what that user has to be shown of this machine. */
import {
  existsSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync
} from 'node:fs';
import path from 'node:path';

import { PYTHON, REPO, VENV } from '../paths.mjs';
import { SetupError, run } from '../processes.mjs';
import { MARK, USER, VIEW } from './places.mjs';

const OTHERS_MAY_ENTER = 0o001;
const LIBRARIES =
  'import ipyparallel, mpi4py.MPI, jupyterlab_engines, pxengines';

function ancestors(folder) {
  const parent = path.dirname(folder);
  return parent === folder ? [] : [...ancestors(parent), folder];
}

/** Return the topmost folder on the way to `folder` that other users may not enter, or null. */
export function closedFolder(folder, modeOf = name => statSync(name).mode) {
  return (
    ancestors(folder).find(name => !(modeOf(name) & OTHERS_MAY_ENTER)) ?? null
  );
}

/** Return the folders that hold the interpreter of our virtual environment. */
function interpreterFolders() {
  const config = path.join(VENV, 'pyvenv.cfg');
  if (!existsSync(config)) {
    return [];
  }
  const home = /^home\s*=\s*(.+)$/m.exec(readFileSync(config, 'utf8'))?.[1];
  const prefix = path.dirname(home ?? path.dirname(realpathSync(PYTHON)));
  const real = path.dirname(path.dirname(realpathSync(PYTHON)));
  return [...new Set([prefix, real])];
}

/** Return the options of `view.sh` that let any user reach the repository and its Python. */
export function viewOptions() {
  const needed = [REPO, ...interpreterFolders()].filter(
    folder => closedFolder(folder) !== null
  );
  const covers = new Set(needed.map(folder => closedFolder(folder)));
  return [
    ...[...covers].flatMap(folder => ['--cover', folder]),
    ...needed.flatMap(folder => ['--bind', folder])
  ];
}

async function must(what, command, args) {
  const { code, output } = await run(command, args, { stdio: 'capture' });
  if (code !== 0) {
    throw new SetupError(`${what} failed: ${output.trim()}`);
  }
}

/** Return the home folder of the job user, null if there is no such user. */
export function homeOfUser() {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith(`${USER}:`) && entry.includes(MARK));
  return line ? line.split(':')[5] : null;
}

/** Return the command that stands before another to run that as the job user. */
export function commandAsUser() {
  return [VIEW, ...viewOptions(), '--user', USER, '--'];
}

/** Return the environment that the job user has after logging in. */
export function environmentOf(user, home) {
  return {
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    VIRTUAL_ENV: VENV,
    // Not /usr/local/bin: another qsub there would hide the rig's.
    PATH: [path.join(VENV, 'bin'), '/usr/bin', '/bin'].join(':')
  };
}

/**
 * Create the job user and see whether it can run our Python.
 *
 * @returns null if it can; otherwise why not, and jobs have to run as root.
 */
export async function makeUser() {
  if (homeOfUser() === null) {
    await must(`Adding the user ${USER}`, '/usr/sbin/useradd', [
      ...['--create-home', '--shell', '/bin/bash'],
      ...['--comment', MARK, USER]
    ]);
  }
  const [first, ...rest] = commandAsUser();
  const { code, output } = await run(
    first,
    [...rest, PYTHON, '-c', LIBRARIES],
    {
      cwd: '/',
      env: environmentOf(USER, homeOfUser()),
      stdio: 'capture'
    }
  );
  if (code === 0) {
    return null;
  }
  const last = output.trim().split('\n').at(-1);
  return `the user ${USER} cannot run ${PYTHON} (${last})`;
}

/** Return the living processes of the job user, as `pid command`. */
export function processesOfUser() {
  const home = homeOfUser();
  if (home === null || !existsSync(home)) {
    return [];
  }
  const { uid } = statSync(home);
  const found = [];
  for (const name of readdirSync('/proc').filter(entry =>
    /^\d+$/.test(entry)
  )) {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const owner = Number(/^Uid:\s+(\d+)/m.exec(status)[1]);
      if (owner === uid && !/^State:\s+Z/m.test(status)) {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        found.push(`${name} ${words.join(' ').trim()}`);
      }
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) {
        throw error; // it has not just ended
      }
    }
  }
  return found;
}

/** Take the job user away, with its home. */
export async function removeUser() {
  if (homeOfUser() !== null) {
    await must(`Removing the user ${USER}`, '/usr/sbin/userdel', [
      '--remove',
      USER
    ]);
  }
}
