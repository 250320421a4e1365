/** Whether this machine can carry the rig: what it is, and what follows from that. */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';

import { REPO, which } from '../paths.mjs';
import { run } from '../processes.mjs';
import { MARK, OWNER_LINE, SLURM_CONF, USER } from './places.mjs';

const OTHER_PBS = ['/etc/pbs.conf', '/var/spool/torque', '/var/spool/pbs'];

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/** Return the path of a `qsub` that is not the one of Slurm's Torque commands, or null. */
async function otherQsub() {
  const qsub = which('qsub');
  if (!qsub) {
    return null;
  }
  const args = ['--search', realpathSync(qsub)];
  const { output } = await run('dpkg-query', args, { stdio: 'capture' });
  return output.startsWith('slurm-wlm-torque:') ? null : qsub;
}

/** Return whether a process of one of these names lives. */
function isRunning(...names) {
  const entries = existsSync('/proc') ? readdirSync('/proc') : [];
  return entries
    .filter(entry => /^[0-9]+$/.test(entry))
    .some(entry => names.includes((read(`/proc/${entry}/comm`) ?? '').trim()));
}

/** Look at this machine. */
export async function gatherFacts() {
  const release = read('/etc/os-release') ?? '';
  const isDebian = /^ID=debian$/m.test(release);
  const account = (read('/etc/passwd') ?? '')
    .split('\n')
    .find(line => line.startsWith(`${USER}:`));
  return {
    system: /^PRETTY_NAME="(.*)"$/m.exec(release)?.[1] ?? process.platform,
    isDebian,
    uid: process.getuid?.() ?? -1,
    hasApt: which('apt-get') !== null,
    slurmConf: read(SLURM_CONF),
    otherPbs:
      OTHER_PBS.find(name => existsSync(name)) ??
      (isDebian ? await otherQsub() : null),
    isSlurmRunning: isRunning('slurmctld', 'slurmd'),
    hasOtherUser: account !== undefined && !account.includes(MARK),
    repo: REPO
  };
}

/** Return whose `slurm.conf` that is: `none`, `ours`, `clone` (another clone of this repository) or `foreign`. */
export function ownerOf(slurmConf) {
  if (slurmConf === null) {
    return 'none';
  }
  const first = slurmConf.split('\n', 1)[0];
  if (first === OWNER_LINE) {
    return 'ours';
  }
  return first.startsWith(`# ${MARK} in `) ? 'clone' : 'foreign';
}

/** Return why the rig cannot run on a machine with these facts, as a sentence; null if it can. */
export function obstacle(facts) {
  if (!facts.isDebian) {
    return `The rig needs Debian; this is ${facts.system}.`;
  }
  if (facts.uid !== 0) {
    return 'The rig needs root: it installs packages, starts daemons and adds a user. Run it as root.';
  }
  if (!facts.hasApt) {
    return 'The rig installs Slurm with apt-get, and there is none here.';
  }
  const owner = ownerOf(facts.slurmConf);
  // What a clone left that is gone, or whose session was ended, is taken over: all of it is marked.
  if (owner === 'clone' && facts.isSlurmRunning) {
    const where = facts.slurmConf.split('\n', 1)[0].split(' in ')[1];
    return `The rig of another clone, ${where}, is on this machine. End it there: npm run rig -- down`;
  }
  if (owner === 'foreign') {
    return `This machine has a Slurm of its own (${SLURM_CONF}); the rig leaves it alone.`;
  }
  if (facts.otherPbs) {
    return `This machine has a PBS of its own (${facts.otherPbs}); the rig leaves it alone.`;
  }
  if (facts.hasOtherUser) {
    return `The rig needs the user name ${USER}, and somebody else has it on this machine.`;
  }
  return null;
}

/**
 * Return what tests that need the rig do: `run`, `skip`, or `fail`.
 *
 * They are skipped where the rig cannot run, but never where CI is set: there it would go unseen.
 */
export function judge(reason, environ) {
  if (reason === null) {
    return 'run';
  }
  return ['', '0', 'false'].includes((environ.CI ?? '').toLowerCase())
    ? 'skip'
    : 'fail';
}
