import base from './playwright.config';

/** The measurements in a real browser: `npm run bench:panel`. */
export default {
  ...base,
  testDir: './bench',
  outputDir: './test-results/bench'
};
