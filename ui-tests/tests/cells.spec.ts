import type { Locator } from '@playwright/test';
import { expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { sourceOf } from '../helpers/lab';
import { expectAccessible } from '../helpers/looks';
import { rerunCell, selectCell, writeNotebook } from '../helpers/notebooks';

const NOTEBOOK = 'cells.ipynb';
const EVERYWHERE = 'Ran code on 2 engines of local, ranks 0–1';

const badge = (cell: Locator) =>
  cell.getByRole('img', { name: /^Ran code on/ });
const button = (place: Locator) =>
  place.getByRole('button', { name: /^Run on engines/ });

async function picture(lab: Lab, name: string): Promise<void> {
  const file = test.info().outputPath(`${name}.png`);
  await lab.page.screenshot({ path: file });
  await test.info().attach(name, { path: file, contentType: 'image/png' });
}

test('cells run on engines by a button, by a shortcut, and all of them', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(150_000);
  writeNotebook(server, NOTEBOOK, [
    '\nprint("rank", mpi_rank)',
    'silent = mpi_rank'
  ]);
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
  await lab.startAndWait(2);
  const loud = lab.codeCell('print(');
  const silent = lab.codeCell('silent = ');

  await test.step('the button puts the line in, and offers to connect', async () => {
    await selectCell(loud);
    await expect(button(loud)).toHaveAttribute('aria-pressed', 'false');
    await button(loud).click();
    await expect(loud).toContainText('%%px');
    await expect(button(loud)).toHaveAttribute('aria-pressed', 'true');
    await picture(lab, 'not connected');
    await expect(
      page.getByText(`${NOTEBOOK} is not connected to engines.`)
    ).toBeVisible();
    await page.getByTitle('Connect the kernel of this notebook').click();
    await expect(lab.toolbarItem).toHaveText('local 2/2');
    await expect(
      page.getByText(`${NOTEBOOK} is not connected to engines.`)
    ).toHaveCount(0);
  });

  await test.step('the badge says where a cell ran, also a silent one', async () => {
    await rerunCell(loud);
    await expect(badge(loud)).toHaveAccessibleName(EVERYWHERE);
    await expect(badge(loud)).toHaveText('2');
    await selectCell(silent);
    await page.keyboard.press('Enter'); // type in it
    await page.keyboard.press('Alt+p');
    await expect(silent).toContainText('%%px');
    await page.keyboard.press('Escape');
    await rerunCell(silent);
    await expect(badge(silent)).toHaveAccessibleName(EVERYWHERE);
    await expectAccessible(page, badge(silent));
    await picture(lab, 'badges');
  });

  await test.step('toggled twice, the notebook is as it was', async () => {
    await page.keyboard.press('Alt+p');
    await expect(silent).not.toContainText('%%px');
    await selectCell(loud);
    await page.keyboard.press('Alt+p');
    const cells = await lab.savedCells(NOTEBOOK);
    expect(cells.slice(-2).map(sourceOf)).toEqual([
      '\nprint("rank", mpi_rank)',
      'silent = mpi_rank'
    ]);
  });

  await test.step('run here, it has no badge any more', async () => {
    await rerunCell(silent); // a NameError: the notebook has no rank
    await expect(silent).toContainText('NameError');
    await expect(badge(silent)).toHaveCount(0);
    await expect(badge(loud)).toHaveCount(1);
  });

  await test.step('every cell on engines, until the kernel is restarted', async () => {
    await lab.toolbarItem.click();
    await page
      .getByRole('menuitemcheckbox', { name: 'Run Every Cell on Engines' })
      .or(page.getByRole('menuitem', { name: 'Run Every Cell on Engines' }))
      .click();
    await expect(lab.toolbarItem).toHaveAccessibleDescription(
      /Every cell runs on engines \(%autopx\)/
    );
    await rerunCell(silent);
    await expect(silent).not.toContainText('NameError');
    await expect(badge(silent)).toHaveAccessibleName(EVERYWHERE);
    await picture(lab, 'every cell');
    await lab.restartKernel();
    await expect(lab.toolbarItem).toHaveText('Reattach local');
    await expect(lab.toolbarItem).not.toHaveAccessibleDescription(/%autopx/);
  });

  await test.step('what the outputs tell is there after a reload', async () => {
    await lab.savedCells(NOTEBOOK);
    const theme = 'JupyterLab Dark';
    server.writeSetting('@jupyterlab/apputils-extension:themes', { theme });
    await lab.open(`lab/tree/${NOTEBOOK}`);
    await expect(badge(loud)).toHaveAccessibleName(EVERYWHERE);
    await expectAccessible(page, badge(loud));
    await picture(lab, 'dark');
    await page.setViewportSize({ width: 700, height: 700 });
    await picture(lab, 'narrow');
  });
});

test('a console and Notebook 7 have the toggle too', async ({
  lab,
  page,
  server
}) => {
  writeNotebook(server, NOTEBOOK, ['x = 1']);
  await page.goto(server.page(`notebooks/${NOTEBOOK}`));
  const cell = lab.codeCell('x = 1');
  await lab.expectKernelIdle();
  await selectCell(cell);
  await page.keyboard.press('Alt+p');
  await expect(cell).toContainText('%%px');
  await button(cell).click();
  await expect(cell).not.toContainText('%%px');
  await picture(lab, 'Notebook 7');

  await page.goto(server.page(`lab/tree/${NOTEBOOK}`));
  await lab.expectKernelIdle();
  await lab.menu('File', 'New Console for Notebook');
  const prompt = page.locator('.jp-CodeConsole-promptCell');
  await prompt.locator('.cm-content').click();
  await page.keyboard.type('y = 2');
  await page.keyboard.press('Alt+p');
  await expect(prompt).toContainText('%%px');
  const panel = page.locator('.jp-ConsolePanel');
  await expect(button(panel)).toHaveAttribute('aria-pressed', 'true');
  await expect(button(cell)).toHaveAttribute('aria-pressed', 'false');
  await picture(lab, 'console');
  await button(panel).click();
  await expect(prompt).not.toContainText('%%px');
});
