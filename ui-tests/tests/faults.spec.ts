import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';

test.use({ serverOptions: { ...DEFAULT_SERVER, hasOwnMpiexec: true } });

test('a number of engines that cannot be started is explained at the field', async ({
  lab,
  page,
  server
}) => {
  const sent: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST' && request.url().includes('/clusters')) {
      sent.push(request.postData() ?? '');
    }
  });
  await lab.open();
  const most = 256;
  const cases: [string, string][] = [
    ['0', 'A cluster needs at least 1 engine.'],
    ['-1', 'A cluster needs at least 1 engine.'],
    ['1.5', 'Type a whole number, for example 4.'],
    ['"8"', 'Type a whole number, for example 4.'],
    ['eight', 'Type a whole number, for example 4.'],
    ['', 'Type a whole number, for example 4.'],
    ['1000000', `local starts at most ${most} engines.`]
  ];
  for (const [typed, message] of cases) {
    await lab.start(typed);
    const field = lab.enginesField;
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expect(field).toHaveAccessibleDescription(message);
    await expect(lab.panel.getByRole('alert')).toHaveText(message);
    await expect(field).toBeFocused();
  }
  // It goes away as soon as it is no longer true, before anything is sent.
  await lab.enginesField.fill('2');
  await expect(lab.panel.getByRole('alert')).toHaveCount(0);
  await expect(lab.enginesField).toHaveAttribute('aria-invalid', 'false');
  expect(sent).toEqual([]);
  expect(await server.clusters()).toEqual([]);
});

test('a start that fails says why and what to do, and can be repeated', async ({
  lab,
  page,
  server
}) => {
  server.removeMpiexec();
  await lab.open();
  await lab.start(2);
  const card = lab.card();
  await expect(card).toHaveAttribute('data-state', 'failed');
  await expect(card).toContainText(
    `The MPI launcher ${server.mpiexec} was not found.`
  );
  await expect(card).toContainText('Install an MPI');
  const failed = await server.onlyCluster();
  expect(server.leftOf(failed)).toEqual([]);

  await card.getByRole('button', { name: 'Log of local' }).click();
  const logs = page.getByRole('tablist', { name: 'Logs of local' });
  await expect(logs.getByRole('tab')).toHaveText([
    'Engines',
    'Controller',
    'Job'
  ]);

  server.restoreMpiexec();
  await card.getByRole('button', { name: 'Start local again' }).click();
  await lab.expectReady(2);
  expect((await server.onlyCluster()).run_id).not.toBe(failed.run_id);
});

test('an engine that is killed is named, and the cluster can be started again', async ({
  lab,
  page,
  server
}) => {
  await lab.open();
  await lab.startAndWait(3);
  const run = await server.onlyCluster();
  const victim = run.engines.find(engine => engine.rank === 1);
  expect(victim?.pid).toBeTruthy();
  process.kill(victim!.pid!, 'SIGKILL');

  const card = lab.card();
  await expect(card).toHaveAttribute('data-state', 'failed');
  await expect(card).toContainText(
    RegExp(
      // Which one is named can be chance: mpiexec may kill the others in the same instant.
      `The engine of rank \\d \\(process \\d+,? on ${victim!.host}\\) died`
    )
  );
  await expect(card).toContainText('The MPI world is broken');
  await expect(card).toContainText('Start the cluster again.');
  expect(server.leftOf(run)).toEqual([]);

  // What the nanny of that engine wrote; mpiexec's own words come or not.
  const evidence = `Engine with pid ${victim!.pid} has ended`;
  await card.getByText('Show output').click();
  await expect(card.getByText(evidence)).toBeVisible();
  await card.getByRole('button', { name: 'Log of local' }).click();
  await expect(
    page.getByRole('tabpanel', { name: 'Engines', exact: true })
  ).toContainText(evidence);

  await card.getByRole('button', { name: 'Start local again' }).click();
  await lab.expectReady(3);
});
