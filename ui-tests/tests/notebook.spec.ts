import { expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { writeNotebook } from '../helpers/notebooks';

const NOTEBOOK = 'work.ipynb';

async function openNotebook(lab: Lab): Promise<void> {
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
}

async function restartKernel(lab: Lab): Promise<void> {
  await lab.menu('Kernel', 'Restart Kernel');
  await lab.dialog
    .getByRole('button')
    .filter({ hasText: /^Restart$/ })
    .click();
}

/** Run the last cell, the one that was there before Connect, and return what it printed. */
async function runLast(lab: Lab): Promise<string> {
  const cell = lab.notebook.locator('.jp-CodeCell').last();
  await cell.locator('.jp-InputPrompt').click();
  await lab.notebook.locator('.jp-Notebook').press('Control+Enter');
  await expect(cell.locator('.jp-InputPrompt')).toHaveText(/^\[\d+\]:$/);
  return (await cell.locator('.jp-OutputArea-output').allTextContents()).join(
    ''
  );
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
  expect(await runLast(lab)).toContain('2 [42, 42]');

  await restartKernel(lab);
  await expect(lab.toolbarItem).toHaveText('Reattach local');
  await lab.toolbarItem.click();
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  await expect(lab.notebook.locator('.jp-Cell')).toHaveCount(2);
  expect(await runLast(lab)).toContain('2 [42, 42]');

  // The toolbar follows the cluster: stopped, and started anew with other engines.
  await lab.stop();
  await lab.expectStopped();
  await expect(lab.toolbarItem).toHaveText('local · stopped');
  await lab.card().getByRole('button', { name: 'Start local again' }).click();
  await lab.expectReady(2);
  await expect(lab.toolbarItem).toHaveText('Reattach local');
  await lab.toolbarItem.click();
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  expect(await runLast(lab)).toContain('2 [42, 42]');
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
  expect(await runLast(lab)).toContain('2 [42, 42]');

  await restartKernel(lab);
  await expect(lab.toolbarItem).not.toHaveText('local 2/2');
  await expect(lab.toolbarItem).toHaveText('local 2/2');
  expect(await runLast(lab)).toContain('2 [42, 42]');
});
