/** Everything that must be there before anything runs; does only what changed since the last time. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import path from 'node:path';

import { setUpChromium } from './chromium.mjs';
import { setUpKernel } from './kernel.mjs';
import { CACHE, LABEXTENSION, REPO, UI_TESTS, environment } from './paths.mjs';
import { SetupError, runLogged } from './processes.mjs';
import { setUpOtherMpi, setUpPython, setUpVenv } from './python.mjs';
import { fingerprint, isStamped, stamp, unstamp } from './stamps.mjs';

const LOGS = path.join(CACHE, 'setup');
const LOCK = path.join(CACHE, 'setup', 'lock');

function say(what) {
  console.log(`set-up: ${what} …`);
}

async function setUpNode(folder, inputs, env) {
  const mark = path.join(REPO, folder, 'node_modules', '.set-up');
  const wanted = fingerprint(inputs, [process.versions.modules]);
  if (isStamped(mark, wanted)) {
    return;
  }
  say(folder === '.' ? 'npm packages' : `npm packages of ${folder}`);
  unstamp(mark);
  const log = path.join(LOGS, `npm-${folder === '.' ? 'root' : folder}.log`);
  const options = { cwd: path.join(REPO, folder), env: environment(env) };
  await runLogged(
    'Installing npm packages',
    log,
    'npm',
    ['ci', '--no-audit', '--no-fund'],
    options
  );
  stamp(mark, wanted);
}

/** Build the frontend when its sources changed. */
export async function buildFrontend() {
  const mark = path.join(LOGS, 'build');
  const manifest = JSON.parse(
    readFileSync(path.join(REPO, 'package.json'), 'utf8')
  );
  delete manifest.scripts; // how we call a tool changes nothing in what is built
  const inputs = [
    'src',
    'style',
    'schema',
    'tsconfig.json',
    'package-lock.json'
  ];
  const wanted = fingerprint(inputs, [JSON.stringify(manifest)]);
  if (
    isStamped(mark, wanted) &&
    existsSync(path.join(LABEXTENSION, 'package.json'))
  ) {
    return;
  }
  say('building the JupyterLab extension');
  unstamp(mark);
  await runLogged(
    'Building the JupyterLab extension',
    path.join(LOGS, 'build.log'),
    'npm',
    ['run', 'build:prod']
  );
  stamp(mark, wanted);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Run `work` while no other set-up of this clone runs. */
async function alone(work) {
  mkdirSync(LOGS, { recursive: true });
  for (let told = false; ;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new SetupError(`Cannot write into ${LOGS}: ${error.message}`);
      }
    }
    const owner = existsSync(LOCK) ? Number(readFileSync(LOCK, 'utf8')) : 0;
    if (owner && !isAlive(owner)) {
      rmSync(LOCK, { force: true });
      continue;
    }
    if (!told) {
      say(`waiting for another one in this folder (process ${owner})`);
      told = true;
    }
    await new Promise(resolve => setTimeout(resolve, 500));
  }
  try {
    return await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

/** Wait for the end of all, so that none goes on behind an error; return their results or throw the first reason. */
async function allOf(steps) {
  const ends = await Promise.allSettled(steps);
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed) {
    throw failed.reason;
  }
  return ends.map(({ value }) => value);
}

/**
 * Do the set-up.
 *
 * @param tests - also what only the tests need: Open MPI.
 * @param uiTests - also the npm packages of the browser tests.
 * @param browser - also Chromium.
 * @param build - also the extension.
 * @returns the environment for the tests: where Chromium and Open MPI are.
 */
export async function setUp({
  tests = false,
  uiTests = false,
  browser = false,
  build = true
} = {}) {
  return alone(async () => {
    const started = Date.now();
    const found = {};
    // First, because it may need the user's help, who should not wait for npm to learn that.
    const version = await setUpVenv(say);
    // They wait for the network, and the build keeps one core busy: what can go on beside them does.
    await allOf([
      setUpNode('.', ['package-lock.json', '.npmrc']),
      setUpPython(say, version),
      uiTests &&
        setUpNode(
          path.relative(REPO, UI_TESTS),
          [path.join('ui-tests', 'package-lock.json')],
          { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' }
        )
    ]);
    const [, openMpi, chromium] = await allOf([
      build && buildFrontend(),
      tests && setUpOtherMpi(say),
      browser && setUpChromium(),
      setUpKernel(say)
    ]);
    if (openMpi) {
      found.ENGINES_TEST_OPENMPI = openMpi;
    }
    if (chromium) {
      found.CHROMIUM_PATH = chromium;
    }
    const seconds = (Date.now() - started) / 1000;
    if (seconds > 5) {
      console.log(`set-up: done in ${seconds.toFixed(0)} s`);
    }
    return found;
  });
}

/** `npm run setup`: the set-up and nothing else; with `-- --all` also what the tests need. */
export async function main(args) {
  const all = args.includes('--all');
  await setUp({ tests: all, uiTests: all, browser: all });
  return 0;
}
