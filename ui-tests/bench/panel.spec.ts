import { expect, test } from '../helpers/fixtures';
import type { Snapshot } from '../../src/api/generated';
import { Feed, manyJobs, status } from './feed';

const JOBS = 10_000;
const SCROLLS = 240;

/** What one run measures; times in milliseconds. */
interface Figures {
  firstPaint: number;
  longestFrame: number;
  rows: number;
  delta: number;
}

test.use({ viewport: { width: 1600, height: 1000 } });

test(`the job table with ${JOBS} jobs`, async ({ lab, page }) => {
  test.setTimeout(300_000);
  const now = Date.now() / 1000;
  const jobs = manyJobs(JOBS, now);
  const snapshot = (of: typeof jobs): Snapshot => ({
    type: 'snapshot',
    revision: 1,
    profiles: [],
    clusters: [],
    scheduler: status(now),
    jobs: of
  });
  let shown = jobs.slice(0, 1);
  const feed = await Feed.of(page, () => snapshot(shown));
  await page.addInitScript(watchMessages);
  await lab.open();
  await page.getByRole('button', { name: 'Open the job table' }).click();
  const grid = page.getByRole('grid', { name: 'Jobs' });
  await expect(grid.getByRole('row')).toHaveCount(2);

  const devtools = await page.context().newCDPSession(page);
  // The thread's own time: what else the machine does is not counted.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  /** Return how long the page's main thread has worked so far, in milliseconds. */
  const worked = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics
      .filter(({ name }) => /^(Script|Layout|RecalcStyle)Duration$/.test(name))
      .reduce((sum, { value }) => sum + value * 1000, 0);
  };

  // All of them at once, as the first snapshot brings them.
  shown = jobs;
  await page.evaluate(() => (window as unknown as IWatched).watch());
  const idle = await worked();
  feed.tell({ jobs_changed: jobs.slice(1) });
  await expect(grid).toHaveAttribute('aria-rowcount', String(JOBS + 1));
  const firstPaint = await page.evaluate(() =>
    (window as unknown as IWatched).painted()
  );
  const firstWork = (await worked()) - idle;

  // Fifty jobs change, as at a usual reading of the queue.
  const deltas: number[] = [];
  for (let round = 0; round < 10; round++) {
    const changed = jobs.slice(round * 50, round * 50 + 50).map(job => ({
      ...job,
      comment: `round ${round}`,
      state: 'held' as const
    }));
    await page.evaluate(() => (window as unknown as IWatched).watch());
    const before = await worked();
    feed.tell({ jobs_changed: changed });
    await page.evaluate(() => (window as unknown as IWatched).painted());
    deltas.push((await worked()) - before);
  }

  const still = await worked();
  const scroll = await grid.evaluate(scrollThrough, SCROLLS);
  const scrollWork = (await worked()) - still;
  const figures: Figures = {
    firstPaint,
    longestFrame: scroll.longest,
    rows: scroll.rows,
    delta: deltas.sort((a, b) => a - b)[Math.floor(deltas.length / 2)] ?? NaN
  };

  // The same rows, all of them in the document: what a table that draws everything costs.
  const plain = await grid.evaluate(drawAll, JOBS);

  const line = (what: string, value: number, limit: number, unit = ' ms') =>
    `${what.padEnd(44)} ${value.toFixed(1).padStart(9)}${unit}  (limit ${limit})`;
  console.log(
    [
      '',
      line('first paint after the data', figures.firstPaint, 200),
      `${'  of it work of the page’s thread'.padEnd(44)} ${firstWork.toFixed(1).padStart(9)} ms`,
      line('longest frame while scrolling', figures.longestFrame, 50),
      `${'  work of the page’s thread, a frame (mean)'.padEnd(44)} ${(scrollWork / SCROLLS).toFixed(1).padStart(9)} ms`,
      line('rows in the document, at most', figures.rows, 150, '   '),
      line('delta of 50 jobs: apply and render (median)', figures.delta, 16),
      `${'a plain table of all rows: first paint'.padEnd(44)} ${plain.firstPaint.toFixed(1).padStart(9)} ms  (${(plain.firstPaint / figures.firstPaint).toFixed(1)} times ours)`,
      `${'a plain table of all rows: longest frame'.padEnd(44)} ${plain.longest.toFixed(1).padStart(9)} ms  (${(plain.longest / figures.longestFrame).toFixed(1)} times ours)`,
      ''
    ].join('\n')
  );
  expect(figures.rows).toBeLessThanOrEqual(150);
});

interface IWatched {
  watch: () => void;
  /** Milliseconds from the message to the frame that shows what it brought. */
  painted: () => Promise<number>;
}

/** Note when a message of the stream arrives, and what the page does until it is drawn. */
function watchMessages(): void {
  const watched = window as unknown as IWatched;
  let arrival: Promise<number>;
  let arrived: (at: number) => void = () => undefined;
  const Native = window.WebSocket;
  // Only its listener is wrapped, so that the time it takes can be told.
  window.WebSocket = class extends Native {
    override set onmessage(listener: ((event: MessageEvent) => void) | null) {
      super.onmessage =
        listener &&
        (event => {
          arrived(performance.now());
          listener.call(this, event);
        });
    }
  };
  watched.watch = () => {
    arrival = new Promise(resolve => {
      arrived = resolve;
    });
  };
  const framed = () =>
    new Promise<number>(resolve => {
      // The first frame asks the view to render; what the second finds has been drawn.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => resolve(performance.now());
          channel.port2.postMessage(null);
        })
      );
    });
  watched.painted = async () => {
    const before = await arrival;
    return (await framed()) - before;
  };
}

/** Scroll from top to end by pages; return the longest frame and the most rows. */
async function scrollThrough(
  grid: HTMLElement,
  times: number
): Promise<{ longest: number; rows: number }> {
  let longest = 0;
  let rows = 0;
  let last = await new Promise<number>(requestAnimationFrame);
  const step = grid.scrollHeight / times;
  for (let n = 0; n < times; n++) {
    grid.scrollTop += n % 2 === 0 ? step * 1.9 : 140;
    const now = await new Promise<number>(requestAnimationFrame);
    longest = Math.max(longest, now - last);
    last = now;
    rows = Math.max(rows, grid.querySelectorAll('[role="row"]').length);
  }
  return { longest, rows };
}

/** Put as many copies of a real row into a table of the same look, and scroll that. */
async function drawAll(
  grid: HTMLElement,
  count: number
): Promise<{ firstPaint: number; longest: number }> {
  const body = grid.querySelector<HTMLElement>('.jp-Engines-JobRows');
  const row = body?.querySelector<HTMLElement>('[role="row"]');
  if (!body || !row) {
    throw new Error('There is no row to copy');
  }
  const plain = grid.cloneNode(false) as HTMLElement;
  const rows = body.cloneNode(false) as HTMLElement;
  plain.append(rows);
  const parent = grid.parentElement as HTMLElement;
  grid.remove();
  const start = performance.now();
  for (let n = 0; n < count; n++) {
    const copy = row.cloneNode(true) as HTMLElement;
    copy.style.top = `${n * 28}px`;
    rows.append(copy);
  }
  parent.append(plain);
  await new Promise<number>(resolve =>
    requestAnimationFrame(() => requestAnimationFrame(resolve))
  );
  const firstPaint = performance.now() - start;
  let longest = 0;
  let last = await new Promise<number>(requestAnimationFrame);
  for (let n = 0; n < 30; n++) {
    plain.scrollTop += plain.scrollHeight / 30;
    const now = await new Promise<number>(requestAnimationFrame);
    longest = Math.max(longest, now - last);
    last = now;
  }
  return { firstPaint, longest };
}
