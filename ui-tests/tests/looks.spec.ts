import type { Locator } from '@playwright/test';
import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { expectAccessible, expectNothingClipped } from '../helpers/looks';
import { TUTORIAL, connectNotebook } from '../helpers/walk';

test.use({ serverOptions: { ...DEFAULT_SERVER, hasOwnMpiexec: true } });

/** The narrowest that JupyterLab's users have it. */
const NARROW = 260;

async function picture(lab: Lab, name: string): Promise<void> {
  const path = test.info().outputPath(`${name}.png`);
  await lab.page.screenshot({ path });
  await test.info().attach(name, { path, contentType: 'image/png' });
}

async function look(lab: Lab, name: string): Promise<void> {
  await test.step(name, async () => {
    await picture(lab, name);
    await expectNothingClipped(lab);
    await expectAccessible(lab.page, lab.panel);
  });
}

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`every state of the panel, narrow, in ${theme}`, async ({
    lab,
    page,
    server
  }) => {
    test.setTimeout(150_000);
    server.writeSetting('@jupyterlab/apputils-extension:themes', { theme });
    server.removeMpiexec();
    await lab.open(`lab/tree/${TUTORIAL}`);
    await expect(page.locator('body')).toHaveAttribute(
      'data-jp-theme-light',
      String(theme === 'JupyterLab Light')
    );
    await lab.expectKernelIdle();
    await lab.setPanelWidth(NARROW);
    await look(lab, 'nothing');

    await lab.start('many');
    await look(lab, 'wrong number');
    await lab.start(2);
    await expect(lab.card()).toHaveAttribute('data-state', 'failed');
    await look(lab, 'failed');

    server.restoreMpiexec();
    server.holdStarts();
    await lab.card().getByRole('button', { name: 'Start local again' }).click();
    await expect(lab.card()).toHaveAttribute('data-state', 'starting');
    await expect(lab.card()).toContainText('0 of 2');
    await look(lab, 'starting');
    server.releaseStarts();
    await lab.expectReady(2);
    await connectNotebook(lab, 2);
    await look(lab, 'ready');
    await expectAccessible(page, lab.toolbarItem);

    await lab.card().getByRole('button', { name: 'Log of local' }).click();
    const log = page.getByRole('tabpanel', { name: 'Engines', exact: true });
    await expect(log).toContainText('RankEngine');
    await picture(lab, 'log');
    await expectAccessible(page, page.locator('.jp-Engines-Log'));

    await lab.card().getByRole('button', { name: 'Stop local' }).click();
    await picture(lab, 'dialog');
    await expectAccessible(page, lab.dialog.locator('.jp-Engines-DialogBody'));
    await lab.dialog.getByRole('button', { name: 'Stop', exact: true }).click();
    await lab.expectStopped();
    await look(lab, 'stopped');
  });
}

test('start and stop by keyboard alone', async ({ lab, page, server }) => {
  await page.goto(server.page('lab'));
  await expect(page.getByRole('heading', { name: 'Notebook' })).toBeVisible();
  await expect(lab.panel).toBeHidden();
  const press = (key: string) => page.keyboard.press(key);
  const hasFocus = () =>
    lab.panel.evaluate(panel => panel.contains(document.activeElement));
  const tabTo = async (target: Locator) => {
    for (let i = 0; i < 30 && !(await target.evaluate(isFocused)); i++) {
      await press('Tab');
    }
    await expect(target).toBeFocused();
  };
  // The launcher opens the panel and hands the keyboard over to it.
  await tabTo(page.getByRole('button', { name: 'Show Engines' }));
  await press('Enter');
  await expect(lab.panel).toBeFocused();
  await tabTo(lab.panel.getByRole('combobox', { name: 'Profile' }));
  await press('Tab');
  await expect(lab.enginesField).toBeFocused();
  await press('Control+a');
  await page.keyboard.type('2');
  await press('Tab');
  await expect(lab.startButton).toBeFocused();
  await press('Space');
  await lab.expectReady(2);
  await expect(lab.startButton).toBeFocused();
  const run = await server.onlyCluster();

  await press('Tab');
  const stop = lab.card().getByRole('button', { name: 'Stop local' });
  await expect(stop).toBeFocused();
  await press('Enter');
  await expect(
    lab.dialog.getByRole('button', { name: 'Stop', exact: true })
  ).toBeFocused();
  // Escape keeps it, and gives the focus back.
  await press('Escape');
  await expect(lab.dialog).toHaveCount(0);
  await expect(stop).toBeFocused();
  await press('Space');
  await expect(
    lab.dialog.getByRole('button', { name: 'Stop', exact: true })
  ).toBeFocused();
  await press('Enter');
  await lab.expectStopped();
  expect(server.leftOf(run)).toEqual([]);
  // Its button is gone; the keyboard is still in the panel.
  expect(await hasFocus()).toBe(true);
  await press('Tab');
  await expect(
    lab.card().getByRole('button', { name: 'Start local again' })
  ).toBeFocused();
});

test('Notebook 7 has the panel, Connect and the log too', async ({
  lab,
  page,
  server
}) => {
  await page.goto(server.page('tree'));
  await lab.menu('View', 'Show Engines');
  await expect(lab.panel).toContainText('No engines are running.');

  await page.goto(server.page(`notebooks/${TUTORIAL}`));
  await expect(lab.toolbarItem).toHaveText('Engines');
  await lab.expectKernelIdle();
  await lab.menu('View', 'Show Engines');
  await lab.startAndWait(2);
  await connectNotebook(lab, 2);
  await expectNothingClipped(lab);

  await lab.card().getByRole('button', { name: 'Log of local' }).click();
  const log = page.getByRole('tabpanel', { name: 'Engines', exact: true });
  await expect(log).toContainText('RankEngine');
  expect((await log.boundingBox())?.height).toBeGreaterThan(80);

  await lab.stop();
  await lab.expectStopped();
  await expect(lab.toolbarItem).toHaveText('local · stopped');
});

function isFocused(node: Element): boolean {
  return document.activeElement === node;
}
