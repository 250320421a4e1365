/** Bringing the rig up and taking it down. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import path from 'node:path';

import { PYTHON } from '../paths.mjs';
import { SetupError, run, runLogged } from '../processes.mjs';
import {
  filesLeft,
  removeConfiguration,
  slurmConf,
  writeConfiguration
} from './config.mjs';
import * as daemons from './daemons.mjs';
import { gatherFacts, obstacle, ownerOf } from './facts.mjs';
import { addHosts, hostsLeft, removeHosts } from './hosts.mjs';
import {
  DESCRIPTION,
  LOGS,
  NODES,
  PACKAGES,
  PIDS,
  QUEUES,
  RIG,
  SLOTS,
  USER
} from './places.mjs';
import {
  commandAsUser,
  environmentOf,
  homeOfUser,
  makeUser,
  processesOfUser,
  removeUser,
  viewOptions
} from './user.mjs';

const MIN_JOB_AGE_S = 300;
export const DAEMONS = [
  'munged',
  'slurmctld',
  ...NODES.map(node => `slurmd-${node.name}`)
];

/** Run `work` while no other process changes the rig. */
async function alone(work) {
  mkdirSync(RIG, { recursive: true });
  const lock = openSync(path.join(RIG, 'lock'), 'a');
  try {
    // flock locks what we have open, so the lock ends with us, however we end.
    const flock = spawn('flock', ['--exclusive', '3'], {
      stdio: ['ignore', 'ignore', 'inherit', lock]
    });
    const [code] = await once(flock, 'close');
    if (code !== 0) {
      throw new SetupError(`Cannot lock ${RIG}: flock ended with ${code}.`);
    }
    return await work();
  } finally {
    closeSync(lock);
  }
}

async function installPackages(say) {
  const args = [
    '--show',
    '--showformat',
    '${db:Status-Status} ${Package}\n',
    ...PACKAGES
  ];
  const { output } = await run('dpkg-query', args, { stdio: 'capture' });
  const installed = new Set(output.split('\n'));
  const missing = PACKAGES.filter(name => !installed.has(`installed ${name}`));
  if (missing.length === 0) {
    return;
  }
  say(`installing ${missing.join(', ')} with apt-get`);
  const env = {
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    // dpkg needs them, and not every session's PATH has them.
    PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`
  };
  const log = path.join(LOGS, 'apt.log');
  const install = [
    'install',
    '-y',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
    ...missing
  ];
  try {
    await runLogged('Installing Slurm', log, 'apt-get', install, { env });
  } catch (error) {
    if (error.name !== 'SetupError') {
      throw error;
    }
    // What apt-get knows of the packages may be too old, or nothing.
    await runLogged('apt-get update', log, 'apt-get', ['update'], { env });
    await runLogged('Installing Slurm', log, 'apt-get', install, { env });
  }
}

/** Return what `describe` wrote; null while the rig is down. */
export function readDescription() {
  return existsSync(DESCRIPTION)
    ? JSON.parse(readFileSync(DESCRIPTION, 'utf8'))
    : null;
}

/** Return what a program has to know to use the rig. */
function describe(whyRoot, minJobAge) {
  const user = whyRoot === null ? USER : 'root';
  const home = whyRoot === null ? homeOfUser() : (process.env.HOME ?? '/');
  return {
    user,
    home,
    why_root: whyRoot,
    command: whyRoot === null ? commandAsUser() : [],
    environment: environmentOf(user, home),
    nodes: NODES.map(node => node.name),
    slots: SLOTS,
    queues: QUEUES,
    min_job_age: minJobAge,
    python: PYTHON
  };
}

/** Return whether all of the rig runs and takes jobs. */
export async function isUp() {
  if (
    readDescription() === null ||
    DAEMONS.slice(1).some(name => daemons.pidOf(name) === null)
  ) {
    return false;
  }
  return daemons.unusable(await daemons.nodeStates()).length === 0;
}

/**
 * Bring the rig up; what is up already stays as it is.
 *
 * @param minJobAge - seconds for which qstat shows a finished job.
 * @returns the description that tests read, with `started`: whether it had to be started.
 * @throws SetupError if this machine cannot carry it, with `cannot` set, or a part of it does not start.
 */
export async function bringUp({
  minJobAge = MIN_JOB_AGE_S,
  say = () => {}
} = {}) {
  const facts = await gatherFacts();
  const reason = obstacle(facts);
  if (reason !== null) {
    throw Object.assign(new SetupError(reason), { cannot: true });
  }
  return alone(async () => {
    const started = readDescription() === null;
    if (ownerOf(facts.slurmConf) === 'ours') {
      daemons.adoptDaemons();
    }
    await installPackages(say);
    await addHosts();
    const effect = writeConfiguration(slurmConf(minJobAge));
    if (effect === 'nothing' && (await isUp())) {
      return { ...readDescription(), started: false };
    }
    await daemons.startMunge();
    if (effect === 'restart') {
      await stopSlurm();
    } else if (
      effect === 'reconfigure' &&
      daemons.pidOf('slurmctld') !== null
    ) {
      await daemons.reconfigure();
    }
    const whyRoot = await makeUser();
    const view = whyRoot === null ? viewOptions() : [];
    await daemons.startController();
    await daemons.startNodes(view);
    await daemons.waitForNodes(view);
    const description = describe(whyRoot, minJobAge);
    writeFileSync(DESCRIPTION, `${JSON.stringify(description, null, 2)}\n`);
    return { ...description, started };
  });
}

async function stopSlurm() {
  await daemons.stopDaemon('slurmctld');
  await Promise.all(
    NODES.map(({ name }) => daemons.stopDaemon(`slurmd-${name}`))
  );
}

/**
 * Take the rig down: its jobs, its daemons, its user, its lines and files in the system.
 *
 * @returns what could not be taken away, each in words: processes of the job user that belong to no job
 *   (they live on, and so does the user), and what else is left against our will.
 */
export async function takeDown() {
  return alone(async () => {
    const isOurs = ownerOf((await gatherFacts()).slurmConf) === 'ours';
    if (isOurs) {
      daemons.adoptDaemons();
    }
    const pids = DAEMONS.map(daemons.pidOf).filter(pid => pid !== null);
    if (daemons.pidOf('slurmctld') !== null) {
      await daemons.cancelJobs();
    }
    await stopSlurm();
    await daemons.stopDaemon('munged');
    if (isOurs) {
      removeConfiguration();
    }
    removeHosts();
    rmSync(DESCRIPTION, { force: true });
    rmSync(PIDS, { recursive: true, force: true });
    const processes = processesOfUser();
    if (processes.length === 0) {
      await removeUser();
    }
    return [
      ...processes.map(
        text => `process ${text} of the user ${USER}, who was not removed`
      ),
      ...pids
        .filter(pid => daemons.startOf(pid) !== null)
        .map(pid => `daemon ${pid}`),
      ...(isOurs ? filesLeft().map(file => `file ${file}`) : []),
      ...hostsLeft().map(line => `line ${line} in /etc/hosts`)
    ];
  });
}
