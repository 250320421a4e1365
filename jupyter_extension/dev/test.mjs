/** `npm test`: the set-up, then every check and test; `npm test -- STAGE [ARGUMENTS…]` for one of them. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { runChecks } from './check.mjs';
import { CACHE, PYTHON, REPO, UI_TESTS, environment } from './paths.mjs';
import { run } from './processes.mjs';
import { summary, timed, together } from './report.mjs';
import { readJest, readOr, readPlaywright, readPytest } from './results.mjs';
import { readDescription } from './rig/lifecycle.mjs';
import { RigSession } from './rig/session.mjs';
import { setUp } from './setup.mjs';
import { runTutorial } from './tutorial.mjs';

const RESULTS = path.join(CACHE, 'results');
const SLIM = path.join(REPO, 'jupyter_extension', 'tests', 'slim');
const MINUTE = 60_000;

/** Run a test program; a bad exit code with no failed test (a crash, a time limit) counts as one failure. */
async function counted(read, file, command, args, options) {
  rmSync(file, { force: true });
  const { code, timedOut } = await run(command, args, options);
  const counts = readOr(read, file);
  if (timedOut) {
    console.error(
      `Stopped: it ran longer than ${options.timeoutMs / MINUTE} minutes.`
    );
  }
  if (code !== 0 && counts.failed === 0) {
    console.error(`${path.basename(command)} ended with exit code ${code}.`);
    counts.failed = 1;
  }
  return counts;
}

const STAGES = {
  check: {
    title: 'lint and types',
    uiTests: true,
    // Neither this nor Jest keeps more than one core busy.
    withNext: true,
    run: (args, env, say) => runChecks(args, 'find', say)
  },
  jest: {
    title: 'browser units (Jest)',
    run: (args, env) => {
      const file = path.join(RESULTS, 'jest.json');
      const jest = path.join(REPO, 'node_modules', '.bin', 'jest');
      const options = { env, timeoutMs: 10 * MINUTE };
      return counted(
        readJest,
        file,
        jest,
        ['--json', `--outputFile=${file}`, ...args],
        options
      );
    }
  },
  pytest: {
    title: 'server and kernel (pytest)',
    rig: true,
    run: (args, env) => {
      const file = path.join(RESULTS, 'pytest.xml');
      const options = { env, timeoutMs: 40 * MINUTE };
      // Most of these tests wait for processes: it takes four at a time to keep two cores busy.
      const shared = args.length ? [] : ['-n', '4', '--dist', 'loadgroup'];
      return counted(
        readPytest,
        file,
        PYTHON,
        ['-m', 'pytest', `--junitxml=${file}`, ...shared, ...args],
        options
      );
    }
  },
  ui: {
    title: 'whole, in a browser (Playwright)',
    uiTests: true,
    browser: true,
    rig: true,
    run: (args, env) => {
      const file = path.join(RESULTS, 'playwright.json');
      const playwright = path.join(
        UI_TESTS,
        'node_modules',
        '.bin',
        'playwright'
      );
      const options = {
        cwd: UI_TESTS,
        env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: file },
        timeoutMs: 30 * MINUTE
      };
      return counted(
        readPlaywright,
        file,
        playwright,
        ['test', '--reporter=list,json', ...args],
        options
      );
    }
  },
  tutorial: {
    title: 'tutorial notebook',
    rig: true,
    run: async (args, env) => {
      const counts = { passed: 0, failed: 0, skipped: 0 };
      for (const profile of args.length ? [null] : ['local', 'pbs']) {
        if (profile === 'pbs' && readDescription() === null) {
          console.log('Not on a batch system: there is none, see above.');
          counts.skipped += 1; // that the rig did not come is counted with the rig
          continue;
        }
        const chosen = ['--profile', profile, '--engines', '8', '--isolated'];
        const code = await runTutorial(
          profile === null ? args : chosen,
          env,
          10 * MINUTE
        );
        counts[code === 0 ? 'passed' : 'failed'] += 1;
      }
      return counts;
    }
  }
};

/** The environment of a stage: Python packages that only cost time are left out, see tests/slim. */
function environmentOfTests(found) {
  const environ = environment(found);
  const others = environ.PYTHONPATH ? [environ.PYTHONPATH] : [];
  environ.PYTHONPATH = [SLIM, ...others].join(path.delimiter);
  return environ;
}

export async function main([only, ...args]) {
  if (only !== undefined && !Object.hasOwn(STAGES, only)) {
    console.error(
      `There is no stage ${only}. There are: ${Object.keys(STAGES).join(', ')}.`
    );
    return 2;
  }
  const begun = Date.now();
  const since = moment => (Date.now() - moment) / 1000;
  const stages = only ? [STAGES[only]] : Object.values(STAGES);
  mkdirSync(RESULTS, { recursive: true });
  let found = {};
  const prepared = await timed('set-up', async () => {
    found = await setUp({
      tests: true,
      uiTests: stages.some(stage => stage.uiTests),
      browser: stages.some(stage => stage.browser)
    });
    return { passed: 1, failed: 0, skipped: 0 };
  });
  if (prepared.failed) {
    return summary([prepared], since(begun));
  }
  const rows = [{ ...prepared, passed: 0 }];
  // With arguments it may not be needed: then the tests that need it bring it up themselves.
  const isNeeded = stages.some(stage => stage.rig) && args.length === 0;
  const rig = isNeeded ? new RigSession() : null;
  const done = stage => say =>
    timed(
      stage.title,
      async () => {
        if (stage.rig) {
          await rig?.ready();
        }
        return stage.run(only ? args : [], environmentOfTests(found), say);
      },
      say
    );
  try {
    const waiting = [...stages];
    while (waiting.length) {
      const stage = waiting.shift();
      if (stage.withNext && waiting.length) {
        const [next, row] = await together(done(waiting.shift()), done(stage));
        rows.push(row, next);
      } else {
        rows.push(await done(stage)(console.log));
      }
    }
  } finally {
    if (rig) {
      const started = Date.now();
      const counts = await rig.end();
      rows.push({
        title: 'scheduler comes and goes (rig)',
        ...counts,
        seconds: since(started)
      });
    }
  }
  return summary(rows, since(begun));
}
