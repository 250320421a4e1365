/**
 * `npm run tutorial`: the tutorial notebook, every output compared.
 *
 * A profile of a batch system runs on the rig while that is up, as its user; else with the qsub in PATH.
 */
import path from 'node:path';

import { DEV, PYTHON } from './paths.mjs';
import { run } from './processes.mjs';
import { readDescription } from './rig/lifecycle.mjs';
import { setUp } from './setup.mjs';

const SCRIPT = path.join(DEV, 'tutorial.py');

function profileOf(args) {
  const at = args.indexOf('--profile');
  const joined = args.find(arg => arg.startsWith('--profile='));
  return at >= 0 ? args[at + 1] : (joined?.split('=')[1] ?? 'local');
}

/** Run the tutorial in the set-up environment `env`; return its exit code. */
export async function runTutorial(args, env, timeoutMs) {
  const rig = profileOf(args) === 'local' ? null : readDescription();
  if (rig === null) {
    return (await run(PYTHON, [SCRIPT, ...args], { env, timeoutMs })).code;
  }
  console.log(`on the rig, as ${rig.user}`);
  const isolated = args.includes('--isolated') ? args : [...args, '--isolated'];
  const [command, ...rest] = [...rig.command, rig.python, SCRIPT, ...isolated];
  return (await run(command, rest, { env: rig.environment, timeoutMs })).code;
}

export async function main(args) {
  await setUp();
  return runTutorial(args, process.env);
}
