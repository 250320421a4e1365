import base from './playwright.config';

/** The measurements in a real browser: `npm run bench:panel`. */
export default {
  ...base,
  testDir: './bench',
  outputDir: './test-results/bench',
  // One at a time, and nothing beside it.
  workers: 1,
  projects: undefined,
  // A trace copies the document at each step and films the page: that would be measured too.
  use: { ...base.use, trace: 'off' as const, screenshot: 'off' as const }
};
