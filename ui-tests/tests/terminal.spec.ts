import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '../helpers/fixtures';
import { processesWith } from '../helpers/processes';
import type { JupyterServer } from '../helpers/server';

/** Run `ipcluster` as a user would in a terminal beside Jupyter. */
async function ipcluster(
  server: JupyterServer,
  ...args: string[]
): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('ipcluster', args, {
    cwd: server.root,
    env: server.environment,
    timeout: 60_000
  });
  return stdout + stderr;
}

test('a cluster that a terminal starts appears, and the panel can stop it', async ({
  lab,
  server
}) => {
  await lab.open();
  await ipcluster(
    server,
    ...['start', '-n', '2', '--engines=mpi', '--profile=term', '--daemonize']
  );
  const card = lab.card('term');
  await lab.expectReady(2, 'term');
  await expect(card).toContainText('Started in a terminal');
  await expect(
    lab.panel.getByRole('table', { name: 'Engines of term' }).getByRole('row')
  ).toHaveCount(3);

  await card.getByRole('button', { name: 'Stop term' }).click();
  await expect(lab.dialog).toContainText('It was started in a terminal');
  await lab.dialog.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(card).toHaveCount(0);
  await expect
    .poll(() =>
      processesWith(server.home).filter(({ command }) =>
        /ipyparallel|ipcluster|mpiexec/.test(command)
      )
    )
    .toEqual([]);
  // ipcluster counts a controller that has ended until its parent, which may be init, takes note.
  await expect.poll(() => ipcluster(server, 'list')).not.toContain('term');
});

test('ipcluster lists our cluster, and the panel notices that it stopped it', async ({
  lab,
  server
}) => {
  await lab.open();
  await lab.startAndWait(2);
  const run = await server.onlyCluster();
  expect(await ipcluster(server, 'list')).toMatch(
    /^local\s+''\s+True\s+2\s+MPI/m
  );

  await ipcluster(server, 'stop', '--profile=local');
  await lab.expectStopped();
  expect(server.leftOf(run)).toEqual([]);
});
