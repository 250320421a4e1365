/** Runs a Python script of this folder in the set-up environment: `main.mjs python NAME.py ARGUMENTS…`. */
import path from 'node:path';

import { DEV, PYTHON } from './paths.mjs';
import { run } from './processes.mjs';
import { setUp } from './setup.mjs';

export async function main([name, ...args]) {
  await setUp();
  return (await run(PYTHON, [path.join(DEV, name), ...args])).code;
}
