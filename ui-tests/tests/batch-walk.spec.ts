import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import { Lab } from '../helpers/lab';
import { whyNoRig } from '../helpers/rig';
import { REPO } from '../helpers/server';
import type { JupyterServer } from '../helpers/server';
import {
  TUTORIAL,
  acceptProfile,
  connectNotebook,
  runTutorial
} from '../helpers/walk';

const reason = whyNoRig();
test.skip(reason !== undefined, reason);
test.use({ serverOptions: { ...DEFAULT_SERVER, isOnRig: true } });

/** Take a picture for the documents; not anew each time, so that a test leaves the clone as it was. */
async function picture(lab: Lab, name: string): Promise<void> {
  const file = path.join(REPO, 'docs', `${name}.png`);
  if (process.env.UPDATE_SCREENSHOT === '1' || !existsSync(file)) {
    await lab.page.screenshot({ path: file });
  }
}

/** Submit a job that takes all slots, so that a start has to wait; return its folder. */
function fillTheNodes(server: JupyterServer): string {
  const rig = server.rig!;
  const folder = path.join(server.home, 'fillers');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'sleep.sh'), '#!/bin/sh\nsleep 600\n');
  rig.give(folder);
  const asked = 'nodes=2:ppn=16,walltime=00:30:00';
  rig.run(['qsub', '-N', 'others', '-l', asked, 'sleep.sh'], folder);
  return folder;
}

async function makeProfile(lab: Lab): Promise<void> {
  const { page } = lab;
  await lab.panel.getByRole('button', { name: 'Make a PBS profile' }).click();
  const form = page.getByRole('form', { name: 'New PBS profile' });
  const name = form.getByRole('textbox', { name: 'Name' });
  await name.fill('local');
  await expect(name).toHaveAccessibleDescription(/choose another name/);
  await name.fill('pbs');
  await form
    .getByRole('combobox', { name: 'Queue', exact: true })
    .selectOption('debug');
  const walltime = form.getByRole('textbox', { name: 'Walltime' });
  await walltime.fill('03:00:00');
  await expect(walltime).toHaveAttribute('aria-invalid', 'true');
  await expect(walltime).toHaveAccessibleDescription(/debug.*2 h/);
  await picture(lab, 'profile');
  await walltime.fill('01:00:00');
  await expect(walltime).toHaveAttribute('aria-invalid', 'false');
  await form.getByRole('textbox', { name: 'Nodes' }).fill('2');
  await expect(page.getByLabel('Script of the job')).toContainText(
    'select=2:ncpus=4:mpiprocs=4'
  );
  await form.getByRole('button', { name: 'Save' }).click();
  // Ready to be started: the form chose it.
  await expect(
    lab.panel.getByRole('combobox', { name: 'Profile' })
  ).toHaveValue('pbs');
}

test('the walk: a profile, 8 engines on two nodes, 496 eight times, stop', async ({
  lab,
  page,
  server,
  browser
}) => {
  test.setTimeout(240_000);
  await lab.open(`lab/tree/${TUTORIAL}`);
  await lab.expectKernelIdle();
  await makeProfile(lab);

  const fillers = fillTheNodes(server);
  const context = await browser.newContext();
  const second = new Lab(await context.newPage(), server);
  await second.open('lab/workspaces/second');
  await lab.start(8);
  const card = lab.card('pbs');
  await expect(card).toHaveAttribute('data-state', 'queued');
  await expect(card).toContainText(/job \d+/);
  const id = /job (\d+)/.exec((await card.textContent()) ?? '')![1]!;
  await expect(second.card('pbs')).toContainText(`job ${id}`);
  await picture(lab, 'queued');
  await server.rig!.cancel(fillers);

  await expect(card).toHaveAttribute('data-state', 'ready', {
    timeout: 90_000
  });
  await expect(page.getByText('pbs is ready: 8 engines.')).toBeVisible();
  await expect(card).toContainText(RegExp(`Ready · job ${id} · 5\\d min left`));
  await expect(card).toContainText('8/8 engines on 2 nodes: n1 ×4, n2 ×4');
  await expect(second.card('pbs')).toHaveAttribute('data-state', 'ready');
  await context.close();
  expect(second.exceptions, 'exceptions in the page').toEqual([]);

  await lab.panel.getByRole('button', { name: 'Open the job table' }).click();
  const row = page
    .getByRole('grid', { name: 'Jobs' })
    .getByRole('row')
    .filter({ hasText: 'engines of pbs' });
  await expect(row).toContainText('Running');
  await expect(row).toContainText(id);
  await expect(row).toContainText('n1×4 n2×4');
  const clock = /\d\d:\d\d:\d\d/;
  const before = clock.exec((await row.textContent())!)![0];
  await expect
    .poll(async () => clock.exec((await row.textContent())!)![0])
    .not.toBe(before);
  await picture(lab, 'jobs');

  await page.getByRole('tab', { name: 'mpi_tutorial.ipynb' }).click();
  await connectNotebook(lab, 8, 'pbs');
  await acceptProfile(lab, 'pbs');
  await runTutorial(lab, 8, 'pbs');

  // Measured on the nodes.
  const engines = lab.panel
    .getByRole('table', { name: 'Engines of pbs' })
    .getByRole('row');
  for (const rank of [0, 7]) {
    await expect(engines.nth(rank + 1)).toContainText(/idle.*\d %\d+ MB$/);
  }

  const run = await server.onlyCluster();
  await card.getByRole('button', { name: 'Stop pbs' }).click();
  await expect(lab.dialog).toContainText('mpi_tutorial.ipynb');
  await lab.dialog.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(card).toHaveAttribute('data-state', 'stopped', {
    timeout: 40_000
  });
  // The scheduler's own word.
  await expect
    .poll(
      () =>
        server.rig!.jobs(server.home).find(job => job.id === id)?.state ??
        'gone'
    )
    .toMatch(/CANCELLED|COMPLETED|FAILED|gone/);
  await expect.poll(() => server.leftOf(run)).toEqual([]);
});
