/** Reads what each test runner wrote: how many tests passed, failed and were skipped. */
import { existsSync, readFileSync } from 'node:fs';

/** @returns {{passed: number, failed: number, skipped: number}} of Jest's `--json` file. */
export function readJest(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  return {
    passed: report.numPassedTests,
    // A file that does not even load has no tests to count.
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests
  };
}

/** @returns the same of pytest's `--junitxml` file. */
export function readPytest(file) {
  const xml = readFileSync(file, 'utf8');
  const cases = xml.match(/<testcase\b[^>]*?(?:\/>|>[^]*?<\/testcase>)/g) ?? [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failed = new Set();
  const seen = new Set();
  for (const text of cases) {
    const [, name] = /^<testcase\b([^>]*?)(?:\s+time="[^"]*")?\s*\/?>/.exec(
      text
    );
    // An error while tearing down is a second entry of the same test.
    if (/<(failure|error)\b/.test(text)) {
      failed.add(name);
    } else if (/<skipped\b/.test(text)) {
      counts.skipped += 1;
    }
    seen.add(name);
  }
  counts.failed = failed.size;
  counts.passed = seen.size - counts.failed - counts.skipped;
  return counts;
}

/** @returns the same of Playwright's JSON reporter; a test that passed only when repeated has failed. */
export function readPlaywright(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const { expected, unexpected, flaky, skipped } = report.stats;
  return {
    passed: expected,
    failed: unexpected + flaky + report.errors.length,
    skipped
  };
}

/** @returns what `read` says of `file`, or one failure if the runner wrote none. */
export function readOr(read, file) {
  return existsSync(file) ? read(file) : { passed: 0, failed: 1, skipped: 0 };
}
