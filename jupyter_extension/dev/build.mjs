/** `npm run build`: the set-up, which builds the frontend; with `--wheel` the wheel too. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { PYTHON, REPO } from './paths.mjs';
import { run } from './processes.mjs';
import { setUp } from './setup.mjs';

export async function main(args) {
  await setUp();
  if (!args.includes('--wheel')) {
    return 0;
  }
  const dist = path.join(REPO, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const { code } = await run(PYTHON, [
    '-m',
    'build',
    '--wheel',
    '--no-isolation',
    '--outdir',
    dist,
    REPO
  ]);
  if (code === 0 && existsSync(dist)) {
    readdirSync(dist).forEach(name => console.log(path.join('dist', name)));
  }
  return code;
}
