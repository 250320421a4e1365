/** The browser of the browser tests: the system's Chromium. */
import path from 'node:path';

import { CACHE, which } from './paths.mjs';
import { SetupError, run } from './processes.mjs';
import { installOneOf } from './system.mjs';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable'
];

/** Return the first browser that runs; Ubuntu's `chromium-browser` may be a stub that only prints a hint. */
async function findChromium() {
  const candidates = process.env.CHROMIUM_PATH
    ? [process.env.CHROMIUM_PATH]
    : NAMES.map(name => which(name)).filter(Boolean);
  for (const executable of candidates) {
    const { code, output } = await run(executable, ['--version'], {
      stdio: 'capture'
    });
    if (code === 0 && /Chrom/.test(output)) {
      return executable;
    }
  }
  return null;
}

/** Return the path of a Chromium, installed from the system's packages if there was none. */
export async function setUpChromium() {
  const found = await findChromium();
  if (found) {
    return found;
  }
  if (process.env.CHROMIUM_PATH) {
    throw new SetupError(
      `CHROMIUM_PATH is ${process.env.CHROMIUM_PATH}, and that is no Chromium that runs.`
    );
  }
  const why = 'The browser tests need Chromium, and none was found.';
  await installOneOf(['chromium'], why, path.join(CACHE, 'setup', 'apt.log'));
  const installed = await findChromium();
  if (!installed) {
    throw new SetupError(
      `${why} The package chromium was installed and brings no program that runs here (on Ubuntu it needs snap).\n` +
        'Install Google Chrome or another Chromium, and name it: CHROMIUM_PATH=/path/to/chrome npm test'
    );
  }
  return installed;
}
