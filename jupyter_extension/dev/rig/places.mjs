/** Where the rig keeps its things, and the names it uses. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { CACHE, REPO } from '../paths.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));

export const RIG = path.join(CACHE, 'rig');
export const PIDS = path.join(RIG, 'pids');
export const LOGS = path.join(RIG, 'log');
export const DESCRIPTION = path.join(RIG, 'rig.json');
export const TEMPLATES = path.join(HERE, 'etc');
export const VIEW = path.join(HERE, 'view.sh');

export const SLURM_CONF = '/etc/slurm/slurm.conf';
export const SPOOL = '/var/lib/slurm';
/** Where PBS_NODEFILE of each job lies; all users write there, like /tmp. */
export const NODEFILES = '/run/jupyterlab-engines-rig';

/** Stands in each file and line that we put into the system, so that `down` takes away no other. */
export const MARK = 'rig of jupyterlab-engines';
export const OWNER_LINE = `# ${MARK} in ${REPO}`;

export const USER = 'pxrig';
export const SLOTS = 16;
export const NODES = [
  { name: 'n1', address: '127.0.1.11', port: 6821 },
  { name: 'n2', address: '127.0.1.12', port: 6822 }
];
export const QUEUES = ['batch', 'debug'];
export const PACKAGES = [
  'munge',
  'slurmctld',
  'slurmd',
  'slurm-client',
  'slurm-wlm-basic-plugins',
  'slurm-wlm-torque'
];
