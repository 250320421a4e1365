import { readFileSync, readdirSync } from 'node:fs';

/** A process of this machine that carries a marker in its environment. */
export interface MarkedProcess {
  pid: number;
  command: string;
}

/**
 * Return the living processes whose environment holds `marker` (`NAME=value`, or a part of it).
 *
 * Zombies have no environment any more and do not count: they are for their parent to reap.
 */
export function processesWith(marker: string): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) {
      continue;
    }
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker)) {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        found.push({ pid, command: words.join(' ').trim() });
      }
    } catch (error) {
      if (!isGoneOrForeign(error)) {
        throw error;
      }
    }
  }
  return found;
}

/** Return the living processes of one run of a cluster: job, controller, mpiexec, engines. */
export function processesOfRun(runId: string): MarkedProcess[] {
  return processesWith(`PXENGINES_RUN_ID=${runId}`);
}

function isGoneOrForeign(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(String(code));
}
