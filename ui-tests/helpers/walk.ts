import { expect } from '@playwright/test';
import { sourceOf, textOf } from './lab';
import type { Lab } from './lab';

export const TUTORIAL = 'examples/mpi_tutorial.ipynb';

/** Open the tutorial, start engines in the panel and wait until they are ready, watching the stages. */
export async function startEngines(lab: Lab, engines: number): Promise<void> {
  const { page } = lab;
  await lab.open(`lab/tree/${TUTORIAL}`);
  await expect(
    lab.notebook.getByRole('heading', { name: 'A sum over MPI engines' })
  ).toBeVisible();
  await lab.expectKernelIdle();

  await lab.panel
    .getByRole('combobox', { name: 'Profile' })
    .selectOption('local');
  const answer = page.waitForResponse(
    reply =>
      reply.request().method() === 'POST' &&
      new URL(reply.url()).pathname.endsWith('/jupyterlab-engines/clusters')
  );
  await lab.start(engines);
  expect((await answer).status()).toBe(202);
  const stages = lab
    .card()
    .getByRole('list', { name: 'Stages of the start' })
    .getByRole('listitem');
  await expect(stages).toHaveCount(4);
  await lab.expectReady(engines);
  // Folded now, with how long each took.
  await expect(stages).toHaveCount(0);
  await lab
    .card()
    .getByText(/^Start took \d+ (s|min)$/)
    .click();
  await expect(stages).toHaveText([
    /^Submitted.*done\d\d:\d\d:\d\d$/,
    /^Controller.*done\d\d:\d\d:\d\d$/,
    RegExp(`^Engines · ${engines} of ${engines}.*done\\d\\d:\\d\\d:\\d\\d$`),
    /^MPI check.*done\d\d:\d\d:\d\d$/
  ]);
  await lab
    .card()
    .getByText(/^Start took/)
    .click();
  await expect(lab.card()).toContainText(`one world of ${engines}`);

  const rows = lab.panel
    .getByRole('table', { name: 'Engines of local' })
    .getByRole('row');
  await expect(rows).toHaveCount(engines + 1);
  for (let rank = 0; rank < engines; rank++) {
    await expect(rows.nth(rank + 1).getByRole('rowheader')).toHaveText(
      String(rank)
    );
    await expect(rows.nth(rank + 1)).toContainText(/alive|idle/);
  }
}

/** Press Connect: the visible cell comes, runs, and the toolbar tells. */
export async function connectNotebook(
  lab: Lab,
  engines: number,
  key = 'local'
): Promise<void> {
  await lab
    .card(key)
    .getByRole('button', { name: `Connect notebook to ${key}` })
    .click();
  const cell = lab.codeCell(`%engines connect ${key}`);
  await expect(cell).toContainText('%load_ext pxengines');
  await expect(lab.toolbarItem).toHaveText(`${key} ${engines}/${engines}`);
  await expect(lab.card(key)).toContainText('Connected: mpi_tutorial.ipynb');
}

/** Have the tutorial's cell name the cluster that was connected, as the notice offers. */
export async function acceptProfile(lab: Lab, key: string): Promise<void> {
  const { page } = lab;
  await expect(
    page.getByText(/^This notebook says profile = 'local' in cell \d+,/)
  ).toBeVisible();
  await expect(lab.codeCell("profile = 'local'")).toHaveCount(1);
  await page.getByRole('button', { name: `Change to '${key}'` }).click();
  await expect(lab.codeCell(`profile = '${key}'`)).toHaveCount(1);
}

/** Run all cells of the tutorial and compare what they say with what they must. */
export async function runTutorial(
  lab: Lab,
  engines: number,
  key = 'local'
): Promise<void> {
  await lab.menu('Run', 'Run All Cells');
  // The last one; a cell that fails keeps those after it from running.
  await expect(
    lab.codeCell('%psum c --mode exact').locator('.jp-InputPrompt')
  ).toHaveText(/^\[\d+\]:$/, { timeout: 60_000 });
  await lab.expectKernelIdle();

  await expect(
    lab
      .codeCell('status.wait_interactive()')
      .getByRole('region', { name: /^On engines: / })
  ).toContainText(`Done on ${engines} engines`);

  const cells = await lab.savedCells(TUTORIAL);
  const said = (statement: string) => {
    const found = cells.filter(
      cell => cell.cell_type === 'code' && sourceOf(cell).includes(statement)
    );
    expect(found, statement).toHaveLength(1);
    return textOf(found[0]!).replace(/\s+/g, ' ').trim();
  };
  const each = (text: string) => `[${Array(engines).fill(text).join(', ')}]`;
  const ids = Array.from({ length: engines }, (_, id) => id);
  const slices = ids.map(id => {
    const length = 32 / engines;
    const values = Array.from({ length }, (_, i) => `${id * length + i}.`);
    return `array([${values.join(',')}])`;
  });

  expect(said(`%engines connect ${key}`)).toContain(`${engines} engines`);
  expect(said('cluster.ids')).toBe(`[${ids.join(', ')}]`);
  expect(said('len(cluster[:])')).toBe(String(engines));
  expect(said("view['size']")).toBe(each(String(engines)));
  // Spaces as numpy likes them.
  expect(said("dtype='float'").replace(/ /g, '')).toBe(`[${slices.join(',')}]`);
  expect(said('%px totalsum = psum(a)')).toBe(each('array(496.)'));
  expect(said('remote_sum()')).toBe(each('array(496.)'));
  expect(said('from pxengines.mpi import psum')).toBe(each('np.int64(496)'));
  expect(said('%psum b')).toBe('np.int64(496)');
  expect(said('%psum c --mode exact')).toBe('np.float64(16.0)');
}

/** Press Stop, think better of it, press Stop again: what ends is named, and nothing is left. */
export async function stopEngines(lab: Lab, engines: number): Promise<void> {
  const { server } = lab;
  const run = await server.onlyCluster();
  expect(server.leftOf(run).length).toBeGreaterThan(engines);

  const stop = lab.card().getByRole('button', { name: 'Stop local' });
  await stop.click();
  await expect(lab.dialog).toContainText('Stop local?');
  await expect(lab.dialog).toContainText(
    `This ends the controller and all ${engines} engines of local.`
  );
  await expect(lab.dialog).toContainText('mpi_tutorial.ipynb');
  await lab.dialog.getByRole('button', { name: 'Keep running' }).click();
  await lab.expectReady(engines);

  await lab.stop();
  await lab.expectStopped();
  // Said only when it is true: no waiting here.
  expect(server.leftOf(run)).toEqual([]);
  await expect(lab.toolbarItem).toHaveText('local · stopped');
}
