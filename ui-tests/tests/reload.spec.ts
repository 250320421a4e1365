import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import { processesOfRun } from '../helpers/processes';

test.use({ serverOptions: { ...DEFAULT_SERVER, hasOwnMpiexec: true } });

test('a browser that is reloaded at any stage shows the same cluster', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(180_000);
  await lab.open();
  server.holdStarts();
  // JupyterLab keeps what is remembered in the workspace, and saves that a moment later.
  const saved = page.waitForRequest(
    request =>
      request.method() === 'PUT' &&
      (request.postData() ?? '').includes('jupyterlab-engines:start')
  );
  await lab.start(2);
  await expect(lab.card()).toHaveAttribute('data-state', 'starting');
  await expect(lab.card()).toContainText('Starting · 0 of 2 engines');
  await (await saved).response();
  const run = await server.onlyCluster();

  await test.step('starting', async () => {
    await page.reload();
    await lab.showPanel();
    await expect(lab.card()).toHaveAttribute('data-state', 'starting');
    await expect(
      lab.card().getByRole('list', { name: 'Stages of the start' })
    ).toContainText('0 of 2');
    await expect(lab.enginesField).toHaveValue('2');
  });

  server.releaseStarts();
  await lab.expectReady(2);

  await test.step('ready', async () => {
    await page.reload();
    await lab.showPanel();
    await lab.expectReady(2);
    await expect(
      lab.panel
        .getByRole('table', { name: 'Engines of local' })
        .getByRole('row')
    ).toHaveCount(3);
  });

  await test.step('stopping', async () => {
    // A job that cannot react yet: the cluster stays in this state until it can.
    const job = processesOfRun(run.run_id).find(({ command }) =>
      command.includes('pxengines.job')
    );
    expect(job).toBeDefined();
    process.kill(job!.pid, 'SIGSTOP');
    try {
      await lab.stop();
      await expect(lab.card()).toHaveAttribute('data-state', 'stopping');
      await page.reload();
      await lab.showPanel();
      await expect(lab.card()).toHaveAttribute('data-state', 'stopping');
      await expect(
        lab.card().getByText('Stopping · waiting for its processes to end')
      ).toBeVisible();
    } finally {
      process.kill(job!.pid, 'SIGCONT');
    }
    await lab.expectStopped();
    expect(server.leftOf(run)).toEqual([]);
  });

  await test.step('stopped', async () => {
    await page.reload();
    await lab.showPanel();
    await lab.expectStopped();
    expect((await server.onlyCluster()).run_id).toBe(run.run_id);
  });
});

test('a cluster that is still starting can be stopped', async ({
  lab,
  server
}) => {
  await lab.open();
  server.holdStarts();
  await lab.start(2);
  await expect(lab.card()).toHaveAttribute('data-state', 'starting');
  const run = await server.onlyCluster();
  expect(server.leftOf(run)).not.toEqual([]);
  await lab.stop();
  await lab.expectStopped();
  expect(server.leftOf(run)).toEqual([]);
});
