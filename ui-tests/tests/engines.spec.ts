import type { Page } from '@playwright/test';
import { expect, test } from '../helpers/fixtures';
import { expectAccessible, expectNothingClipped } from '../helpers/looks';
import { writeNotebook } from '../helpers/notebooks';
import { watch } from '../helpers/seen';

const NOTEBOOK = 'work.ipynb';

async function picture(page: Page, name: string): Promise<void> {
  const file = test.info().outputPath(`${name}.png`);
  await page.screenshot({ path: file });
  await test.info().attach(name, { path: file, contentType: 'image/png' });
}

test('engines tell what they do and use, are interrupted, and restarted', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(120_000);
  // One rank holds the GIL for seconds, the other sleeps.
  writeNotebook(server, NOTEBOOK, [
    'work = "import time; sum(range(30_000_000)) if mpi_rank else 0\\nwhile True: time.sleep(0.1)"\n' +
      'running = view.execute(work, block=False)'
  ]);
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
  await lab.startAndWait(2);
  const rows = lab.panel
    .getByRole('table', { name: 'Engines of local' })
    .getByRole('row');
  for (const rank of [0, 1]) {
    await expect(rows.nth(rank + 1)).toContainText('idle');
  }

  await lab
    .card()
    .getByRole('button', { name: 'Connect notebook to local' })
    .click();
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await lab.notebook
    .locator('.jp-CodeCell')
    .last()
    .locator('.jp-InputPrompt')
    .click();
  await lab.notebook.locator('.jp-Notebook').press('Control+Enter');
  for (const rank of [1, 2]) {
    await expect(rows.nth(rank)).toContainText('busyimport time; sum(range(');
    // Measured every five seconds; the first processor time is told with the second measurement.
    await expect(rows.nth(rank)).toContainText(/\d %\d+ MB$/);
  }
  await expectNothingClipped(lab);
  await expectAccessible(page, lab.panel);

  const open = lab.panel.getByRole('button', {
    name: 'Open the engines of local'
  });
  await open.click();
  const view = page.locator('.jp-Engines-EngineView');
  const table = view.getByRole('table', { name: 'Engines of local' });
  const first = table.getByRole('row').nth(1);
  await expect(view).toContainText('2 busy, 0 idle');
  await expect(
    view.getByRole('img', { name: /^Busy: now 2 of 2/ })
  ).toBeVisible();
  await expect(first.locator('[data-column="since"]')).toHaveText(
    /^00:0\d:\d\d$/
  );
  await expect(first.locator('[data-column="queued"]')).toHaveText('0');
  await expect(first.locator('[data-column="heartbeat"]')).toHaveText(
    /^\d+ s ago$/
  );
  const pids = () =>
    table
      .locator('[role="row"] [role="cell"][data-column="pid"]')
      .allTextContents();
  const before = await pids();
  await table.getByRole('button', { name: 'Rank' }).click();
  await expect(first.getByRole('rowheader')).toHaveText('1');
  await table.getByRole('button', { name: 'Rank' }).click();
  await expect(first.getByRole('rowheader')).toHaveText('0');
  await expectAccessible(page, view);
  await picture(page, 'busy');

  await view.getByRole('button', { name: 'Interrupt' }).click();
  await expect(view).toContainText('0 busy, 2 idle');

  // A page that comes later has the charts of the last minutes at once.
  server.writeSetting('@jupyterlab/apputils-extension:themes', {
    theme: 'JupyterLab Dark'
  });
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await expect(page.locator('body')).toHaveAttribute(
    'data-jp-theme-light',
    'false'
  );
  await open.click();
  await expect(
    view.getByRole('img', { name: /^Busy: now 0 of 2; .* at most 2 of 2$/ })
  ).toBeVisible();
  await expectAccessible(page, view);
  await lab.setPanelWidth(260);
  await expectNothingClipped(lab);
  await picture(page, 'idle, dark, narrow');

  await view.getByRole('button', { name: 'Restart engines…' }).click();
  await expect(lab.dialog).toContainText('Restart the engines of local?');
  await expect(lab.dialog).toContainText('All 2 engines end');
  await expect(lab.dialog).toContainText(NOTEBOOK);
  await picture(page, 'dialog');
  const states = await watch(lab.card(), 'data-state');
  await lab.dialog
    .getByRole('button', { name: 'Restart', exact: true })
    .click();
  await expect.poll(states).toEqual(['ready', 'starting', 'ready']);
  await lab.expectReady(2);
  await expect(view).toContainText('0 busy, 2 idle');
  const after = await pids();
  expect(after).toHaveLength(2);
  expect(after.filter(pid => before.includes(pid))).toEqual([]);
  // The notebook is still connected, to the new ones.
  await expect(lab.toolbarItem).toHaveText('local 2/2');
});
