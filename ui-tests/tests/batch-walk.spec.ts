import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import { whyNoRig } from '../helpers/rig';

const reason = whyNoRig();
test.skip(reason !== undefined, reason);
test.use({ serverOptions: { ...DEFAULT_SERVER, isOnRig: true } });

test('make a profile, start 8 engines on two nodes, see their job, stop', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(150_000);
  await lab.open();
  await lab.panel.getByRole('button', { name: 'Make a PBS profile' }).click();
  const form = page.getByRole('form', { name: 'New PBS profile' });
  await form.getByRole('textbox', { name: 'Name' }).fill('pbs');
  await form
    .getByRole('combobox', { name: 'Queue', exact: true })
    .selectOption('debug');
  const walltime = form.getByRole('textbox', { name: 'Walltime' });
  await walltime.fill('03:00:00');
  await expect(walltime).toHaveAttribute('aria-invalid', 'true');
  await expect(walltime).toHaveAccessibleDescription(/debug.*2 h/);
  await walltime.fill('01:00:00');
  await expect(walltime).toHaveAttribute('aria-invalid', 'false');
  await form.getByRole('textbox', { name: 'Nodes' }).fill('2');
  await expect(page.getByLabel('Script of the job')).toContainText(
    'select=2:ncpus=4:mpiprocs=4'
  );
  await page.screenshot({ path: test.info().outputPath('profile.png') });
  await form.getByRole('button', { name: 'Save' }).click();

  await lab.panel
    .getByRole('combobox', { name: 'Profile' })
    .selectOption('pbs');
  await lab.start(8);
  const card = lab.card('pbs');
  await expect(card).toContainText(/job \d+/);
  await page.screenshot({ path: test.info().outputPath('queued.png') });
  await expect(card).toHaveAttribute('data-state', 'ready', {
    timeout: 60_000
  });
  await expect(card).toContainText(/Ready · job \d+ · 59 min left/);
  await expect(card).toContainText('8/8 engines on 2 nodes: n1 ×4, n2 ×4');
  const id = /job (\d+)/.exec((await card.textContent()) ?? '')?.[1];
  expect(id).toBeDefined();

  await lab.panel.getByRole('button', { name: 'Open the job table' }).click();
  const row = page
    .getByRole('grid', { name: 'Jobs' })
    .getByRole('row')
    .filter({ hasText: 'engines of pbs' });
  await expect(row).toContainText('Running');
  await expect(row).toContainText(`${id}`);
  await expect(row).toContainText('n1×4 n2×4');
  await page.screenshot({ path: test.info().outputPath('jobs.png') });

  await lab.stop('pbs');
  await expect(card).toHaveAttribute('data-state', 'stopped', {
    timeout: 40_000
  });
  // The scheduler's own word.
  const jobs = server.rig!.jobs(server.home).map(({ state }) => state);
  expect(jobs).toHaveLength(1);
  expect(jobs[0]).not.toMatch(/PENDING|RUNNING|COMPLETING/);
});
