import { defineConfig } from '@playwright/test';
import type { ServerOptions } from './helpers/server';

/** The stories that use the one real scheduler of this machine. */
const RIG = '**/batch-*.spec.ts';

/**
 * No `webServer`: the stories need Jupyter servers of several kinds, and each has to be looked at
 * after its end. `helpers/fixtures.ts` starts and ends them.
 */
export default defineConfig<object, { serverOptions: ServerOptions }>({
  testDir: './tests',
  outputDir: './test-results',
  // A story waits half of its time, for engines and for answers: two at once keep two cores busy.
  workers: 2,
  fullyParallel: false,
  projects: [
    // There is one scheduler, and stories stop it: those that use it run one after the other.
    { name: 'rig', testMatch: RIG, workers: 1 },
    { name: 'local', testIgnore: RIG }
  ],
  forbidOnly: !!process.env.CI,
  retries: 0,
  // Twice and more of what a story takes beside another one.
  timeout: 150_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    actionTimeout: 30_000,
    navigationTimeout: 60_000,
    screenshot: 'only-on-failure',
    // A trace of each story is a third of the processor time; ask for it: --trace retain-on-failure.
    trace: 'off',
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run'
      ]
    }
  }
});
