import type { Browser } from '@playwright/test';
import { expect, test } from '../helpers/fixtures';
import { Lab } from '../helpers/lab';
import { processesWith } from '../helpers/processes';
import type { JupyterServer } from '../helpers/server';

/** Open the panel in two browsers that share nothing. */
async function twoBrowsers(
  browser: Browser,
  server: JupyterServer
): Promise<{ labs: [Lab, Lab]; close: () => Promise<void> }> {
  const open = async (name: string) => {
    const context = await browser.newContext();
    const lab = new Lab(await context.newPage(), server);
    // A workspace each: JupyterLab would ask which of the two may keep the layout.
    await lab.open(`lab/workspaces/${name}`);
    return lab;
  };
  const labs: [Lab, Lab] = [await open('one'), await open('two')];
  return {
    labs,
    close: async () => {
      for (const { page, exceptions } of labs) {
        await page.context().close();
        expect(exceptions, 'exceptions in the page').toEqual([]);
      }
    }
  };
}

function jobs(server: JupyterServer): string[] {
  return processesWith(server.home)
    .map(({ command }) => command)
    .filter(command => command.includes('pxengines.job'));
}

test('what one browser does, the other shows', async ({ browser, server }) => {
  const { labs, close } = await twoBrowsers(browser, server);
  const [one, two] = labs;

  await one.start(2);
  await expect(two.card()).toHaveAttribute('data-state', /submitting|starting/);
  await one.expectReady(2);
  await two.expectReady(2);
  await expect(
    two.panel.getByRole('table', { name: 'Engines of local' }).getByRole('row')
  ).toHaveCount(3);
  const run = await server.onlyCluster();

  // Both ask, both confirm: stopping twice is the same as once.
  for (const lab of labs) {
    await lab.card().getByRole('button', { name: 'Stop local' }).click();
    await expect(lab.dialog).toContainText('Stop local?');
  }
  await Promise.all(
    labs.map(lab =>
      lab.dialog.getByRole('button', { name: 'Stop', exact: true }).click()
    )
  );
  for (const lab of labs) {
    await lab.expectStopped();
    await expect(lab.page.getByRole('alert')).toHaveCount(0);
  }
  expect(server.leftOf(run)).toEqual([]);

  await two.card().getByRole('button', { name: 'Dismiss local' }).click();
  for (const lab of labs) {
    await expect(lab.card()).toHaveCount(0);
    await expect(lab.panel).toContainText('No engines are running.');
  }
  await close();
});

test('Start in two browsers at once makes one cluster', async ({
  browser,
  server
}) => {
  const { labs, close } = await twoBrowsers(browser, server);
  for (const lab of labs) {
    await lab.enginesField.fill('2');
  }
  await Promise.all(labs.map(lab => lab.startButton.click()));
  for (const lab of labs) {
    await lab.expectReady(2);
    await expect(lab.panel.getByRole('article')).toHaveCount(1);
  }
  expect(jobs(server)).toHaveLength(1);
  // Who was second is told what is the case.
  const told = labs.map(lab => lab.panel.getByRole('alert'));
  const counts = await Promise.all(told.map(alert => alert.count()));
  expect(counts.sort()).toEqual([0, 1]);
  for (const alert of told) {
    for (const words of await alert.allTextContents()) {
      expect(words).toContain('The cluster local is starting already');
    }
  }
  await close();
});
