import { expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { runCell, selectCell, writeNotebook } from '../helpers/notebooks';
import { watch } from '../helpers/seen';

const NOTEBOOK = 'work.ipynb';

async function openNotebook(lab: Lab): Promise<void> {
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
}

/** Run the last cell, the one that was there before Connect; it must print `text`. */
async function runLast(lab: Lab, text: string): Promise<void> {
  const cell = lab.notebook.locator('.jp-CodeCell').last();
  await selectCell(cell);
  // What an earlier run printed, and its number, must not be taken for this one's.
  await lab.menu('Edit', 'Clear Cell Output');
  await expect(cell.locator('.jp-InputPrompt')).toHaveText('[ ]:');
  await expect(cell.locator('.jp-OutputArea-output')).toHaveCount(0);
  await runCell(cell);
  await expect(cell.locator('.jp-OutputArea-output')).toContainText(text);
}

const connect = (lab: Lab) =>
  lab.card().getByRole('button', { name: 'Connect notebook to local' }).click();

test('Connect says what is missing: a notebook, or a Python kernel', async ({
  lab,
  server
}) => {
  writeNotebook(server, NOTEBOOK, ['hello'], 'echo');
  await lab.open();
  await lab.startAndWait(1);
  await connect(lab);
  await expect(lab.dialog).toContainText('No notebook is open');
  await expect(lab.dialog).toContainText('Open the notebook');
  await lab.dialog.getByRole('button', { name: 'Cancel' }).click();

  await openNotebook(lab);
  await connect(lab);
  await expect(lab.dialog).toContainText('Not a Python kernel');
  await expect(lab.dialog).toContainText(`${NOTEBOOK} uses the kernel echo.`);
  await lab.dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(lab.toolbarItem).toHaveText('Engines');
  await expect(lab.notebook.locator('.jp-Cell')).toHaveCount(1);
});

test('after a kernel restart one click connects the notebook again', async ({
  lab,
  server
}) => {
  writeNotebook(server, NOTEBOOK, [
    'print(len(cluster), view.apply_sync(lambda: 6 * 7))'
  ]);
  await openNotebook(lab);
  await expect(lab.toolbarItem).toHaveText('Engines');
  await lab.startAndWait(2);
  await connect(lab);
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await expect(lab.notebook.locator('.jp-Cell')).toHaveCount(2);
  await expect(lab.notebook.locator('.jp-Cell').first()).toContainText(
    '%engines connect local'
  );
  await runLast(lab, '2 [42, 42]');

  await lab.restartKernel();
  await expect(lab.toolbarItem).toHaveText('Reattach local');
  await lab.toolbarItem.click();
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await expect(lab.notebook.locator('.jp-Cell')).toHaveCount(2);
  await runLast(lab, '2 [42, 42]');

  // The toolbar follows the cluster: stopped, and started anew with other engines.
  await lab.stop();
  await lab.expectStopped();
  await expect(lab.toolbarItem).toHaveText('local · stopped');
  await lab.card().getByRole('button', { name: 'Start local again' }).click();
  await lab.expectReady(2);
  await expect(lab.toolbarItem).toHaveText('Reattach local');
  await lab.toolbarItem.click();
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await runLast(lab, '2 [42, 42]');
});

test('with the settings for it, connecting leaves the notebook as it is', async ({
  lab,
  server
}) => {
  server.writeSetting('jupyterlab-engines:settings', {
    connectMode: 'silent',
    reattach: 'auto'
  });
  writeNotebook(server, NOTEBOOK, [
    'print(len(cluster), view.apply_sync(lambda: 6 * 7))'
  ]);
  await openNotebook(lab);
  await lab.startAndWait(2);
  await connect(lab);
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await expect(lab.notebook.locator('.jp-Cell')).toHaveCount(1);
  await runLast(lab, '2 [42, 42]');

  // Nobody clicks: that the toolbar says something else is over soon.
  const said = await watch(
    lab.notebook.locator('.jp-Engines-ToolbarItem').first()
  );
  await lab.restartKernel();
  await expect.poll(async () => (await said()).length).toBeGreaterThan(2);
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await runLast(lab, '2 [42, 42]');
});
