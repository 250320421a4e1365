/**
 * What is measured in a real browser: `npm run bench:panel`, how fast the job table is with 10,000 jobs, the
 * engine table with 256 engines that change, and a cell whose 64 engines print a thousand lines each;
 * `npm run bench:second`, how soon another browser shows a job.
 */
import path from 'node:path';

import { REPO, environment } from './paths.mjs';
import { run } from './processes.mjs';
import { setUp } from './setup.mjs';

const UI_TESTS = path.join(REPO, 'ui-tests');

export async function main(args) {
  const found = await setUp({ uiTests: true, browser: true });
  const { code } = await run(
    path.join(UI_TESTS, 'node_modules', '.bin', 'playwright'),
    [
      'test',
      '--config=bench.config.ts',
      ...(args.length > 0 ? args : ['panel', 'engines', 'streaming'])
    ],
    {
      cwd: UI_TESTS,
      env: environment(found)
    }
  );
  return code;
}
