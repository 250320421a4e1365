import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '../helpers/fixtures';
import { REPO } from '../helpers/server';
import {
  connectNotebook,
  runTutorial,
  startEngines,
  stopEngines
} from '../helpers/walk';

const PICTURE = path.join(REPO, 'docs', 'panel.png');

test('start 8 engines, connect the tutorial, read 496 eight times, stop', async ({
  lab,
  page
}) => {
  test.setTimeout(180_000);
  await startEngines(lab, 8);
  await connectNotebook(lab, 8);
  await runTutorial(lab, 8);

  const sum = lab.codeCell('%px totalsum = psum(a)');
  await sum.evaluate(node => node.scrollIntoView({ block: 'center' }));
  await expect(sum).toContainText('array(496.)');
  // The picture of the README; not taken anew each time, so that a test leaves the clone as it was.
  if (process.env.UPDATE_SCREENSHOT === '1' || !existsSync(PICTURE)) {
    await page.screenshot({ path: PICTURE });
  }
  await stopEngines(lab, 8);
});
