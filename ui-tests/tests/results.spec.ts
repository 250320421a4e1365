import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from '@playwright/test';
import { expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { expectAccessible } from '../helpers/looks';
import {
  beginCell,
  expectRun,
  runCell,
  writeNotebook
} from '../helpers/notebooks';

const NOTEBOOK = 'results.ipynb';
const DOCS = path.join(__dirname, '..', '..', 'docs');

const CONNECT = '%load_ext pxengines\n%engines connect local';
const STEPS = `%%px
import time
for step in range(6):
    print("step", step, flush=True)
    time.sleep(0.5)
round(1 / (1 + mpi_rank), 3)`;
const LATER = `%pxconfig --noblock
status = %px sum(range(32))
%pxconfig --block
status`;
const PICTURE = `%%px --targets 0
from IPython.display import SVG, display
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30"/></svg>'))`;
const WIDGET = `%%px --targets 0
from ipywidgets import IntProgress
bar = IntProgress(value=3, max=9, description="steps")
bar`;
const FIRST = '%%px\nfrom pxengines.mpi import psum\npsum(0)';
const WRONG = `%%px
from pxengines.mpi import psum
if mpi_rank == 2:
    raise ValueError("wrong sign")
psum(mpi_rank)`;
const ENDLESS = `%%px
import itertools, time
for count in itertools.count():
    print("count", count, flush=True)
    time.sleep(0.2)`;
const AFTER = '%%px\npsum(1)';
const GOES_ON = '%%px --noblock\nimport time\ntime.sleep(600)';
const DARK = ['JupyterLab Dark', 'JupyterLab Dark High Contrast'];

/** Return the live result in a cell. */
const result = (cell: Locator): Locator =>
  cell.getByRole('region', { name: /^On engines: / });
const squares = (cell: Locator): Locator =>
  cell
    .getByRole('listbox', { name: 'Ranks: choose whose output is shown' })
    .getByRole('option');
const blocks = (cell: Locator): Locator => result(cell).getByRole('listitem');

async function look(lab: Lab, cell: Locator, name: string): Promise<void> {
  await cell.scrollIntoViewIfNeeded();
  await expectAccessible(lab.page, result(cell));
  const file = test.info().outputPath(`${name}.png`);
  await cell.screenshot({ path: file });
  await test.info().attach(name, { path: file, contentType: 'image/png' });
}

/** Take a picture for the documents; not anew each time, so that a test leaves the clone as it was. */
async function picture(lab: Lab, cell: Locator, name: string): Promise<void> {
  const file = path.join(DOCS, `${name}.png`);
  if (process.env.UPDATE_SCREENSHOT === '1' || !existsSync(file)) {
    await cell.evaluate(node => node.scrollIntoView({ block: 'center' }));
    await lab.page.mouse.move(0, 0);
    await cell.screenshot({ path: file });
  }
}

test('a cell shows what the engines do, what went wrong, and stays readable', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(180_000);
  const sources = [
    CONNECT,
    STEPS,
    LATER,
    PICTURE,
    WIDGET,
    FIRST,
    WRONG,
    ENDLESS,
    AFTER,
    GOES_ON
  ];
  writeNotebook(server, NOTEBOOK, sources);
  await lab.open(`lab/tree/${NOTEBOOK}`);
  await lab.expectKernelIdle();
  await lab.startAndWait(4);
  await runCell(lab.codeCell('%engines connect'));
  const steps = lab.codeCell('for step in');

  await test.step('what all ranks say is shown once, and what each returns', async () => {
    await beginCell(steps);
    await expect(squares(steps)).toHaveCount(4);
    await expect(blocks(steps).filter({ hasText: 'step 1' })).toBeVisible();
    await picture(lab, steps, 'cell-running');
    await expectRun(steps);
    await expect(result(steps)).toContainText('Done on 4 engines');
    await expect(blocks(steps)).toHaveCount(5); // what was printed, and four results
    await expect(blocks(steps).first()).toContainText('0–3');
    await expect(blocks(steps).first()).toContainText('step 5');
    await expectAccessible(page, result(steps));
  });

  await test.step('one rank alone can be looked at', async () => {
    await squares(steps).nth(1).click();
    // After a click all shortcuts, that for saving among them, are JupyterLab's as before.
    const list = result(steps).getByRole('listbox');
    await expect(list).toBeFocused();
    await expect(list).not.toHaveAttribute('data-lm-suppress-shortcuts');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Shift+Tab');
    await expect(list).toBeFocused();
    await expect(list).toHaveAttribute('data-lm-suppress-shortcuts');
    await expect(blocks(steps).last()).toContainText('0.5');
    await expect(blocks(steps)).toHaveCount(2);
    await result(steps).getByRole('button', { name: 'All ranks' }).click();
    await expect(blocks(steps)).toHaveCount(5);
  });

  await test.step('a result that is waited for later is live, too', async () => {
    const later = lab.codeCell('status = %px');
    await runCell(later);
    await expect(result(later)).toContainText('Done on 4 engines');
    await expect(blocks(later)).toHaveText(/0–3\s*496/);
  });

  await test.step('pictures are shown in place', async () => {
    const drawn = lab.codeCell('display(SVG');
    await runCell(drawn);
    await expect(result(drawn).locator('.jp-RenderedSVG')).toBeVisible();
    const widget = lab.codeCell('IntProgress');
    await runCell(widget);
    await expect(result(widget).locator('.widget-hprogress')).toContainText(
      'steps'
    );
  });

  await test.step('one error, with the rank that began it, and nobody waits', async () => {
    // The other ranks are given a second to end by themselves: not to import what psum needs as well.
    const first = lab.codeCell('psum(0)');
    await runCell(first);
    await expect(result(first)).toContainText('Done on 4 engines');
    const wrong = lab.codeCell('wrong sign');
    await runCell(wrong);
    await expect(result(wrong)).toHaveAttribute('data-state', 'failed');
    await expect(blocks(wrong).first()).toContainText('ValueError: wrong sign');
    await expect(blocks(wrong).nth(1)).toContainText('PeerError');
    await expect(blocks(wrong).nth(1)).toContainText('rank 2');
    await expect(blocks(wrong).nth(1)).toContainText('0–1, 3'); // one traceback for all three
    await expect(blocks(wrong)).toHaveCount(2);
    await picture(lab, wrong, 'cell-error');
    await expectAccessible(page, result(wrong));
  });

  await test.step('output comes while it runs; Stop ends it everywhere, and the engines take the next cell', async () => {
    const endless = lab.codeCell('itertools.count');
    await beginCell(endless);
    await expect(result(endless)).toHaveAttribute('data-state', 'running');
    await expect(squares(endless).last()).toHaveAttribute(
      'title',
      'rank 3: running'
    );
    await expect(blocks(endless).first()).toContainText('count 3');
    await expect(result(endless)).toHaveAttribute('data-state', 'running');
    await result(endless)
      .getByRole('button', { name: /^Stop: / })
      .click();
    await expectRun(endless);
    await expect(result(endless)).toHaveAttribute('data-state', 'interrupted');
    const after = lab.codeCell('psum(1)').last();
    await runCell(after);
    await expect(result(after)).toContainText('Done on 4 engines');
    await expect(blocks(after)).toContainText('4');
  });

  await test.step('after a reload it is still there, right in every theme', async () => {
    await lab.savedCells(NOTEBOOK);
    for (const theme of DARK) {
      server.writeSetting('@jupyterlab/apputils-extension:themes', { theme });
      await page.reload();
      await lab.expectKernelIdle();
      await expect(page.locator('body')).toHaveAttribute(
        'data-jp-theme-name',
        theme
      );
      await expect(steps).toContainText('step 5');
      await expect(steps).toContainText(/done on 4 engines/i);
      await look(lab, steps, `${theme}, done`);
      await look(lab, lab.codeCell('wrong sign'), `${theme}, failed`);
    }
    await page.setViewportSize({ width: 640, height: 800 });
    await look(lab, lab.codeCell('wrong sign'), 'narrow');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await test.step('without the kernel it is readable, and nothing seems to go on', async () => {
    const goesOn = lab.codeCell('time.sleep(600)');
    await runCell(goesOn);
    await expect(result(goesOn)).toHaveAttribute('data-state', 'running');
    await lab.menu('Kernel', 'Shut Down Kernel');
    await expect(result(goesOn)).toContainText('How it ended is not known');
    await expect(
      result(goesOn).getByRole('button', { name: /^Stop: / })
    ).toHaveCount(0);
    await page.reload();
    await expect(steps).toContainText('step 5', { timeout: 40_000 });
    await expect(lab.codeCell('wrong sign')).toContainText(
      'ValueError: wrong sign'
    );
    await expect(page.getByText('model not found')).toHaveCount(0);
  });
});
