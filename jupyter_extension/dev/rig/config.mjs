/** Slurm's configuration: text from what is wanted, and its way into the system and out of it. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

import {
  NODEFILES,
  NODES,
  OWNER_LINE,
  SLOTS,
  SLURM_CONF,
  SPOOL,
  TEMPLATES
} from './places.mjs';

const FOLDER = path.dirname(SLURM_CONF);
const SCRIPTS = ['job_submit.lua', 'task-prolog.sh', 'epilog.sh'];
const SPANK = path.join(FOLDER, 'plugstack.conf.d', 'pbs.conf');

/** Return this machine's name as Slurm uses it. */
export function machineName() {
  return hostname().split('.')[0];
}

/**
 * Return the text of slurm.conf.
 *
 * @param minJobAge - seconds for which a finished job is still shown by qstat (state C).
 */
export function slurmConf(minJobAge) {
  const settings = {
    ClusterName: 'rig',
    SlurmctldHost: `${machineName()}(127.0.0.1)`,
    SlurmctldPort: 6817,
    SlurmUser: 'slurm',
    AuthType: 'auth/munge',
    CryptoType: 'crypto/munge',
    MpiDefault: 'none',
    // More slots than the machine has processors, so no control groups and no binding.
    SlurmdParameters: 'config_overrides',
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    SwitchType: 'switch/none',
    JobAcctGatherType: 'jobacct_gather/none',
    AccountingStorageType: 'accounting_storage/none',
    SchedulerType: 'sched/backfill',
    SchedulerParameters:
      'batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=10000',
    // A node that was set down stays down; one that was lost returns when it answers.
    ReturnToService: 1,
    SlurmctldTimeout: 30,
    SlurmdTimeout: 60,
    MinJobAge: minJobAge,
    // Long enough for jobs that end by themselves on a busy machine; Slurm's own is 30.
    KillWait: 10,
    InactiveLimit: 0,
    // Raising limits needs a capability that containers may lack.
    PropagateResourceLimits: 'NONE',
    // Limits are refused at qsub, as PBS does.
    EnforcePartLimits: 'ALL',
    JobSubmitPlugins: 'lua,pbs',
    TaskProlog: path.join(FOLDER, 'task-prolog.sh'),
    Epilog: path.join(FOLDER, 'epilog.sh'),
    StateSaveLocation: path.join(SPOOL, 'slurmctld'),
    SlurmdSpoolDir: path.join(SPOOL, 'slurmd-%n'),
    SlurmctldPidFile: '/run/slurm/slurmctld.pid',
    SlurmdPidFile: '/run/slurm/slurmd-%n.pid'
  };
  const lines = Object.entries(settings).map(entry => entry.join('='));
  for (const { name, address, port } of NODES) {
    lines.push(
      `NodeName=${name} NodeHostname=${name} NodeAddr=${address} Port=${port} CPUs=${SLOTS} RealMemory=2000 State=UNKNOWN`
    );
  }
  return [
    OWNER_LINE,
    ...lines,
    'PartitionName=batch Nodes=ALL Default=YES MaxTime=24:00:00 DefaultTime=01:00:00 State=UP',
    'PartitionName=debug Nodes=ALL MaxTime=02:00:00 DefaultTime=00:10:00 MaxNodes=2 State=UP',
    ''
  ].join('\n');
}

/**
 * Write Slurm's files.
 *
 * @returns what a running Slurm has to do for it: `nothing`, `reconfigure` or `restart`.
 */
export function writeConfiguration(text) {
  mkdirSync(path.dirname(SPANK), { recursive: true });
  mkdirSync(NODEFILES, { recursive: true });
  chmodSync(NODEFILES, 0o1777);
  for (const name of SCRIPTS) {
    const target = path.join(FOLDER, name);
    const template = readFileSync(path.join(TEMPLATES, name), 'utf8');
    writeFileSync(target, template.replaceAll('@NODEFILES@', NODEFILES));
    chmodSync(target, name.endsWith('.sh') ? 0o755 : 0o644);
  }
  // PBS_JOBID, PBS_O_WORKDIR and the like; on other architectures the plugin lies elsewhere.
  const plugins = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
  const plugin = `/usr/lib/${plugins[process.arch]}/slurm-wlm/spank_pbs.so`;
  writeFileSync(SPANK, `${OWNER_LINE}\noptional ${plugin}\n`);
  const before = existsSync(SLURM_CONF) ? readFileSync(SLURM_CONF, 'utf8') : '';
  if (before === text) {
    return 'nothing';
  }
  writeFileSync(SLURM_CONF, text);
  const withoutAge = conf => conf.replace(/^MinJobAge=.*$/m, '');
  return withoutAge(before) === withoutAge(text) ? 'reconfigure' : 'restart';
}

/** Return the files and folders that are there only while the rig is. */
function ownFiles() {
  const files = [SLURM_CONF, SPANK, NODEFILES];
  files.push(...SCRIPTS.map(name => path.join(FOLDER, name)));
  files.push(path.join(SPOOL, 'slurmctld'));
  files.push(...NODES.map(({ name }) => path.join(SPOOL, `slurmd-${name}`)));
  return files;
}

/** Take away what `writeConfiguration` wrote, and all that Slurm kept. */
export function removeConfiguration() {
  for (const file of ownFiles()) {
    rmSync(file, { recursive: true, force: true });
  }
}

/** Return those of the rig's files that are still there. */
export function filesLeft() {
  return ownFiles().filter(file => existsSync(file));
}
