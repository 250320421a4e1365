import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { expectAccessible } from '../helpers/looks';
import { whyNoRig } from '../helpers/rig';
import type { JupyterServer } from '../helpers/server';

const reason = whyNoRig();
test.skip(reason !== undefined, reason);
test.use({
  serverOptions: {
    ...DEFAULT_SERVER,
    isOnRig: true,
    extraArguments: ['--EnginesApp.command_seconds=4']
  }
});

/** Submit a job that sleeps, as its user would in a terminal; return its id. */
function submit(server: JupyterServer, name: string, ...more: string[]) {
  const script = path.join(server.root, `${name}.sh`);
  writeFileSync(script, '#!/bin/sh\nsleep 600\n');
  server.rig!.give(script);
  const options = ['-N', name, '-q', 'batch', '-l', 'walltime=00:20:00'];
  const argv = ['qsub', ...options, ...more, script];
  const said = server.rig!.run(argv, server.root).trim();
  expect(said).toMatch(/^\d+/);
  return /^\d+/.exec(said)![0];
}

/** Return the state of a job in the scheduler's own word. */
function stateOf(server: JupyterServer, id: string): string | undefined {
  return server.rig!.jobs(server.home).find(job => job.id === id)?.state;
}

// The jobs of a terminal are no cluster's: nobody else ends them.
test.afterEach(({ server }) => server.rig?.cancel(server.home));

async function openTable(lab: Lab): Promise<Locator> {
  await lab.panel.getByRole('button', { name: 'Open the job table' }).click();
  const grid = lab.page.getByRole('grid', { name: 'Jobs' });
  await expect(grid).toBeVisible();
  return grid;
}

/** Go to the row of a job and choose from its menu, all by keyboard. */
async function choose(page: Page, row: Locator, name: string): Promise<void> {
  const grid = page.getByRole('grid', { name: 'Jobs' });
  await grid.focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 10; i++) {
    if ((await row.getAttribute('aria-selected')) === 'true') {
      break;
    }
    await page.keyboard.press('ArrowDown');
  }
  await expect(row).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  const item = page.getByRole('menu').getByRole('menuitem', { name });
  await expect(item).toBeVisible();
  for (let i = 0; i < 6; i++) {
    if (/lm-mod-active/.test((await item.getAttribute('class')) ?? '')) {
      break;
    }
    await page.keyboard.press('ArrowDown');
  }
  await expect(item).toHaveClass(/lm-mod-active/);
  await page.keyboard.press('Enter');
}

test('see jobs of a terminal, release and delete by keyboard, filter, sort, reload; then the scheduler is silent', async ({
  lab,
  page,
  server
}) => {
  const plain = submit(server, 'sweep_a');
  const doomed = submit(server, 'sweep_b');
  const held = submit(server, 'later', '-h');
  await lab.open();
  const grid = await openTable(lab);
  // Not by the text of a cell: the first job of a scheduler is 1, and so is how many nodes it has.
  const rowsOf = (...ids: string[]) =>
    grid
      .getByRole('row')
      .and(page.locator(ids.map(id => `[data-job="${id}"]`).join(', ')));
  const rowOf = (id: string) => rowsOf(id);
  // Whatever else its user has in the queue.
  const rows = rowsOf(plain, doomed, held);
  const refresh = page.getByRole('button', { name: 'Refresh jobs' });
  await expect(rows).toHaveCount(3);
  for (const [id, name] of [
    [plain, 'sweep_a'],
    [doomed, 'sweep_b']
  ] as const) {
    await expect.poll(() => stateOf(server, id)).toBe('RUNNING');
    await expect(rowOf(id)).toContainText(name);
  }
  await refresh.click();
  await expect(rowOf(plain)).toContainText('Running');
  await expect(rowOf(doomed)).toContainText('Running');
  await expect(rowOf(held)).toContainText(/Held|Queued/);
  await expect(rowOf(held)).toContainText('later');
  expect(stateOf(server, held)).toBe('PENDING');
  await expect(page.locator('body')).toHaveAttribute(
    'data-jp-theme-light',
    'true'
  );
  await expectAccessible(page, page.locator('.jp-Engines-Jobs'));

  await test.step('release and delete', async () => {
    await choose(page, rowOf(held), 'Release');
    await expect.poll(() => stateOf(server, held)).toBe('RUNNING');
    await expect(rowOf(held)).toContainText('Running');

    await choose(page, rowOf(doomed), 'Delete…');
    await expect(lab.dialog).toContainText(
      RegExp(`Delete job ${doomed}(\\.\\S+)?, sweep_b\\?`)
    );
    // Enter alone destroys nothing.
    const keep = lab.dialog.getByRole('button', { name: 'Keep' });
    await expect(keep).toBeFocused();
    await page.keyboard.press('Tab');
    const button = lab.dialog.getByRole('button', { name: 'Delete' });
    await expect(button).toBeFocused();
    await page.keyboard.press('Enter');
    await expect.poll(() => stateOf(server, doomed)).toBe('CANCELLED');
    await expect(rowOf(doomed)).toHaveCount(0);
    await expect(rows).toHaveCount(2);
  });

  await test.step('finished, filter, sort, raw', async () => {
    const finished = page.getByRole('checkbox', { name: 'finished' });
    await finished.check();
    await expect(rowOf(doomed)).toContainText(/Deleted|Finished|Failed/);
    await page.screenshot({ path: test.info().outputPath('finished.png') });
    await finished.uncheck();
    await expect(rows).toHaveCount(2);

    const filter = page.getByRole('searchbox', { name: 'Filter jobs' });
    await filter.fill('sweep');
    await expect(rows).toHaveCount(1);
    await expect(rowOf(plain)).toBeVisible();
    await filter.fill('');
    await expect(rows).toHaveCount(2);

    const header = grid.getByRole('columnheader', { name: 'Name' });
    await header.getByRole('button').click();
    await expect(header).toHaveAttribute('aria-sort', 'ascending');
    await expect(rows).toContainText(['later', 'sweep_a']);
    await header.getByRole('button').click();
    await expect(header).toHaveAttribute('aria-sort', 'descending');
    await expect(rows).toContainText(['sweep_a', 'later']);

    const raw = page.getByRole('checkbox', { name: 'raw' });
    await raw.check();
    const printed = page.getByLabel('What the scheduler printed');
    await expect(printed).toContainText(plain);
    await expect(printed).toContainText('sweep_a');
    await raw.uncheck();
  });

  await test.step('reload', async () => {
    await page.reload();
    await expect(rowOf(plain)).toContainText('Running');
    await expect(rowOf(held)).toContainText('Running');
    await page.screenshot({ path: test.info().outputPath('jobs.png') });
  });

  await test.step('the scheduler is silent', async () => {
    const banner = page
      .locator('.jp-Engines-Jobs')
      .getByRole('alert')
      .filter({ hasText: /Unknown since .*PBS does not answer/ });
    await expect(banner).toHaveCount(0);
    await server.rig!.whileSilent(async () => {
      await refresh.click();
      await expect(banner).toBeVisible();
      await expect(rowOf(plain)).toContainText('Running');
      await expect(rowOf(held)).toContainText('Running');
      await expectAccessible(page, page.locator('.jp-Engines-Jobs'));
      await page.screenshot({ path: test.info().outputPath('silent.png') });
    });
    await refresh.click();
    await expect(banner).toHaveCount(0);
    await expect(rowOf(plain)).toContainText('Running');
  });
});
