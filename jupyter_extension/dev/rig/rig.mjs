/**
 * `npm run rig -- up|down|status|run COMMAND…`: a real scheduler on this machine, for tests and for people.
 *
 * Slurm with its Torque commands (qsub, qstat, qdel …) and two virtual nodes; see `view.sh` for its user.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { PYTHON, REPO } from '../paths.mjs';
import { SetupError } from '../processes.mjs';
import { setUp } from '../setup.mjs';
import * as daemons from './daemons.mjs';
import { gatherFacts, judge, obstacle } from './facts.mjs';
import {
  DAEMONS,
  bringUp,
  isUp,
  readDescription,
  takeDown
} from './lifecycle.mjs';
import { LOGS, USER } from './places.mjs';

function explain(rig) {
  const { user, home, queues, nodes, slots, why_root: whyRoot } = rig;
  console.log(`
The rig ${rig.started ? 'is up now' : 'is up'}: Slurm with the Torque commands qsub, qstat, qdel, pbsnodes and so on.

  nodes    ${nodes.join(', ')}: virtual, ${slots} slots each
  queues   ${queues.join(', ')} (the first is the default)
  user     ${user}, home ${home}${whyRoot ? `\n           jobs run as root, because ${whyRoot}` : ''}
  logs     ${path.relative(REPO, LOGS)}/

  npm run rig -- run qstat           a command as that user, in its home
  npm run rig -- run bash            a shell as that user
  npm run rig -- status              how it is
  npm run rig -- down                ends it
`);
}

const COMMANDS = {
  up: async args => {
    const json = args.includes('--json');
    const age = args.indexOf('--min-job-age');
    const minJobAge = age >= 0 ? Number(args[age + 1]) : undefined;
    if (
      minJobAge !== undefined &&
      !(Number.isInteger(minJobAge) && minJobAge >= 2)
    ) {
      throw new SetupError(
        '--min-job-age takes a whole number of seconds, at least 2.'
      );
    }
    const say = json ? () => {} : what => console.log(`rig: ${what} …`);
    try {
      const isAble = obstacle(await gatherFacts()) === null;
      if (isAble && !existsSync(PYTHON)) {
        await setUp(); // jobs run our Python
      }
      const rig = await bringUp({ minJobAge, say });
      if (json) {
        console.log(JSON.stringify({ verdict: 'run', ...rig }));
      } else {
        explain(rig);
      }
      return 0;
    } catch (error) {
      if (!json || !error.cannot) {
        throw error;
      }
      const verdict = judge(error.message, process.env);
      console.log(JSON.stringify({ verdict, reason: error.message }));
      return 0;
    }
  },

  down: async () => {
    const wasUp =
      readDescription() !== null || daemons.pidOf('slurmctld') !== null;
    const reason = obstacle(await gatherFacts());
    if (reason !== null) {
      throw new SetupError(reason);
    }
    const left = await takeDown();
    if (left.length > 0) {
      console.error(
        `The rig is down, but this is left:\n  ${left.join('\n  ')}\nEnd these processes, then run this again.`
      );
      return 1;
    }
    console.log(
      wasUp
        ? `The rig is down; its jobs, its user ${USER} and its lines in /etc are gone. The Debian packages stay.`
        : 'The rig is not up.'
    );
    return 0;
  },

  status: async () => {
    const rig = readDescription();
    if (rig === null) {
      const reason = obstacle(await gatherFacts());
      console.log(reason ?? 'The rig is not up. Start it: npm run rig -- up');
      return 1;
    }
    const states = (await isUp()) ? await daemons.nodeStates() : null;
    for (const name of DAEMONS) {
      const pid = daemons.pidOf(name);
      const system =
        name === 'munged' ? 'not started by the rig' : 'not running';
      console.log(
        `  ${name.padEnd(10)} ${pid === null ? system : `runs, process ${pid}`}`
      );
    }
    if (states === null) {
      console.log('The rig is not whole. Mend it: npm run rig -- up');
      return 1;
    }
    for (const [name, state] of Object.entries(states)) {
      console.log(`  ${name.padEnd(10)} ${state}`);
    }
    console.log(`  ${'jobs'.padEnd(10)} ${(await daemons.jobIds()).length}`);
    explain({ ...rig, started: false });
    return 0;
  },

  run: async args => {
    const rig = readDescription();
    if (rig === null || args.length === 0) {
      console.error(
        rig === null
          ? 'The rig is not up. Start it: npm run rig -- up'
          : 'Name a command: npm run rig -- run qstat'
      );
      return 2;
    }
    if (process.getuid() !== 0) {
      throw new SetupError(`Only root can run a command as ${rig.user}.`);
    }
    const [first, ...rest] = [...rig.command, ...args];
    const env = { TERM: process.env.TERM ?? 'dumb', ...rig.environment };
    const child = spawn(first, rest, { cwd: rig.home, env, stdio: 'inherit' });
    return new Promise((resolve, reject) => {
      child.once('error', error =>
        reject(new SetupError(`Cannot run ${args[0]}: ${error.message}`))
      );
      child.once('close', (code, signal) => resolve(signal ? 1 : code));
    });
  },

  // For tests: whether they run, are skipped or fail, as JSON; starts nothing.
  verdict: async () => {
    const reason = obstacle(await gatherFacts());
    console.log(
      JSON.stringify({ verdict: judge(reason, process.env), reason })
    );
    return 0;
  }
};

export async function main([name, ...args]) {
  if (!Object.hasOwn(COMMANDS, name ?? '')) {
    console.error(`The rig knows: ${Object.keys(COMMANDS).join(', ')}.`);
    return 2;
  }
  return COMMANDS[name](args);
}
