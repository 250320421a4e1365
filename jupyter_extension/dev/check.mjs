/** `npm run check`: everything that is checked without running the product; `-- NAME…` for some of it. */
import path from 'node:path';

import { DEV, PYTHON, REPO, environment } from './paths.mjs';
import { run } from './processes.mjs';
import { setUp } from './setup.mjs';

const BIN = path.join(REPO, 'node_modules', '.bin');
const SCRIPTS = '**/*.{ts,tsx,js,mjs,cjs,css,json,yml,yaml}';
const PYTHON_FOLDERS = ['jupyter_extension', 'examples'];

const tool = name => path.join(BIN, name);
const module = (...args) => [PYTHON, ['-m', ...args]];

/** Name → commands that find faults, and commands that mend what can be mended. */
const CHECKS = {
  eslint: {
    find: [[tool('eslint'), ['.']]],
    mend: [[tool('eslint'), ['--fix', '.']]]
  },
  prettier: {
    find: [[tool('prettier'), ['--check', '--log-level=warn', SCRIPTS]]],
    mend: [[tool('prettier'), ['--write', '--log-level=warn', SCRIPTS]]]
  },
  stylelint: {
    find: [[tool('stylelint'), ['style/**/*.css']]],
    mend: [[tool('stylelint'), ['--fix', 'style/**/*.css']]]
  },
  typescript: {
    find: [
      [tool('tsc'), ['--noEmit', '-p', 'tsconfig.test.json']],
      [tool('tsc'), ['--noEmit', '-p', 'ui-tests']]
    ],
    mend: []
  },
  ruff: {
    find: [module('ruff', 'check', ...PYTHON_FOLDERS)],
    mend: [module('ruff', 'check', '--fix', ...PYTHON_FOLDERS)]
  },
  'ruff-format': {
    find: [module('ruff', 'format', '--check', ...PYTHON_FOLDERS)],
    mend: [module('ruff', 'format', ...PYTHON_FOLDERS)]
  },
  mypy: { find: [module('mypy')], mend: [] },
  api: {
    find: [
      module('jupyterlab_engines.api.export', '--check'),
      [process.execPath, [path.join(DEV, 'generate-api.mjs'), '--check']]
    ],
    mend: [
      module('jupyterlab_engines.api.export'),
      [process.execPath, [path.join(DEV, 'generate-api.mjs')]]
    ]
  }
};

async function runOne(name, commands, say) {
  const started = Date.now();
  let failed = false;
  let text = '';
  for (const [command, args] of commands) {
    const result = await run(command, args, {
      stdio: 'capture',
      env: environment({ NO_COLOR: '1', FORCE_COLOR: undefined })
    });
    failed = failed || result.code !== 0;
    text += result.output;
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(
    `${failed ? 'FAILED' : 'ok    '}  ${name.padEnd(12)} ${seconds.padStart(6)} s`
  );
  if (failed) {
    say(text.trimEnd().replace(/^/gm, '    '));
  }
  return failed;
}

/**
 * Run the named checks, all by default; each counts as one test.
 *
 * @param say - called with each line of the report.
 */
export async function runChecks(names, kind = 'find', say = console.log) {
  const unknown = names.filter(name => !Object.hasOwn(CHECKS, name));
  if (unknown.length) {
    console.error(
      `There is no check ${unknown.join(', ')}. There are: ${Object.keys(CHECKS).join(', ')}.`
    );
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const chosen = names.length ? names : Object.keys(CHECKS);
  let failed = 0;
  for (const name of chosen) {
    const commands = CHECKS[name][kind];
    if (commands.length && (await runOne(name, commands, say))) {
      failed += 1;
    }
  }
  return { passed: chosen.length - failed, failed, skipped: 0 };
}

export async function main(args) {
  // Not built: what is checked, or written anew, may be why it cannot be.
  await setUp({ uiTests: true, build: false });
  const { passed, failed } = await runChecks(args);
  console.log(`${passed} passed, ${failed} failed`);
  return failed ? 1 : 0;
}
