import { cpus, loadavg } from 'node:os';
import { expect, test } from '../helpers/fixtures';
import {
  expectRun,
  runCell,
  selectCell,
  writeNotebook
} from '../helpers/notebooks';
import { longestTask } from './trace';

const ENGINES = 64;
const LINES = 1000;
const NOTEBOOK = 'streaming.ipynb';
/** Some ten seconds, no two engines alike: nothing can be shown once for several. */
const PRINTS = `%%px
import time
for line in range(${LINES}):
    print("rank", mpi_rank, "line", line, flush=True)
    if line % 10 == 9:
        time.sleep(0.1)`;

test(`${ENGINES} engines print ${LINES} lines each`, async ({
  browser,
  lab,
  page,
  server
}) => {
  test.setTimeout(600_000);
  // On a cluster the engines have processors of their own.
  const connect =
    '%load_ext pxengines\n%engines connect local\n%px import os; _ = os.nice(19)';
  writeNotebook(server, NOTEBOOK, [connect, PRINTS]);
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
  await lab.start(ENGINES);
  await lab.expectReady(ENGINES, 'local', 300_000);
  await runCell(lab.codeCell('%engines connect'));

  const cell = lab.codeCell('for line in');
  const result = cell.getByRole('region', { name: /^On engines: / });
  await selectCell(cell);
  await browser.startTracing(page, { categories: ['toplevel'] });
  await page.keyboard.press('Control+Enter');
  // Nothing of Playwright's own, which looks at the whole page, while it is measured.
  await page.waitForFunction(
    () =>
      document.querySelector(
        '[aria-label="On engines: import time"][data-state="done"]'
      ),
    undefined,
    { polling: 1000, timeout: 300_000 }
  );
  const { cpu, wall } = longestTask(await browser.stopTracing());
  const load = loadavg().map(value => value.toFixed(1));
  console.log(
    `\n${ENGINES} engines that print ${LINES} lines each; load ${load.join(' ')} on ${cpus().length} cores\n` +
      `longest task: ${cpu.toFixed(1)} ms of the thread, ${wall.toFixed(1)} ms by the clock (limit 100 ms)\n`
  );
  await expectRun(cell);
  await expect(result).toContainText(`Done on ${ENGINES} engines`);
  // Of what is cut it is told, so that nobody takes the rest for all.
  await expect(result).toContainText(/not shown|line 999/);
});
