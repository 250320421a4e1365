import { cpus, loadavg } from 'node:os';
import { expect, test } from '../helpers/fixtures';
import type {
  Cluster,
  ClusterActivity,
  EngineActivity,
  Snapshot
} from '../../src/api/generated';
import { Feed, status } from './feed';
import { longestTask } from './trace';

const ENGINES = 256;
/** Each second all engines change; measured ones do so every five. */
const TICKS = 12;

test.use({ viewport: { width: 1600, height: 1000 } });

function clusterOf(engines: number, now: number): Cluster {
  return {
    key: 'big',
    profile: 'big',
    cluster_id: '',
    run_id: 'run-1',
    origin: 'panel',
    state: 'ready',
    state_since: now,
    created_at: now - 60,
    stages: [],
    engines_requested: engines,
    engines_registered: engines,
    engines: Array.from({ length: engines }, (_, rank) => ({
      engine_id: rank,
      rank,
      host: `n${Math.floor(rank / 32)}`,
      pid: 1000 + rank,
      alive: true
    })),
    mpi: null,
    failure: null,
    batch: null,
    history: []
  };
}

function activityOf(engines: number, tick: number): ClusterActivity {
  const now = Date.now() / 1000;
  return {
    key: 'big',
    run_id: 'run-1',
    engines: Array.from(
      { length: engines },
      (_, engine_id): EngineActivity => ({
        engine_id,
        busy_since: (engine_id + tick) % 3 === 0 ? null : now - tick,
        what: `step(${tick}, ${engine_id})`,
        queued: (engine_id * tick) % 5,
        silent_since: null,
        cpu_percent: (engine_id * 7 + tick * 13) % 101,
        memory_mib: 180 + ((engine_id * tick) % 900)
      })
    ),
    points: [
      { at: now, busy: 100 + tick, cpu_percent: 50 + tick, memory_mib: 60_000 }
    ],
    heard_at: now,
    problem: null
  };
}

test(`${ENGINES} engines of which all change each second`, async ({
  browser,
  lab,
  page
}) => {
  const now = Date.now() / 1000;
  const snapshot = (): Snapshot => ({
    type: 'snapshot',
    revision: 1,
    profiles: [],
    clusters: [clusterOf(ENGINES, now)],
    scheduler: status(now),
    jobs: [],
    activity: [activityOf(ENGINES, 0)]
  });
  const feed = await Feed.of(page, snapshot);
  await lab.open();
  // Both tables at once: the first rows in the sidebar, and the large one.
  await lab.panel
    .getByRole('button', { name: `Show all ${ENGINES} engines` })
    .click();
  const table = page
    .locator('.jp-Engines-EngineView')
    .getByRole('table', { name: 'Engines of big' });
  await expect(table).toContainText('step(0, 1)');

  await browser.startTracing(page, { categories: ['toplevel'] });
  for (let tick = 1; tick <= TICKS; tick++) {
    const activity = activityOf(ENGINES, tick);
    feed.tell({ activity: [activity] });
    await expect(table).toContainText(RegExp(`step\\(${tick}, `));
    await page.waitForTimeout(1000);
  }
  const { cpu, wall } = longestTask(await browser.stopTracing());
  const bytes = JSON.stringify(activityOf(ENGINES, TICKS)).length;
  const load = loadavg().map(value => value.toFixed(1));
  console.log(
    `\n${ENGINES} engines, all changed each second, both tables; load ${load.join(' ')} on ${cpus().length} cores\n` +
      `longest task: ${cpu.toFixed(1)} ms of the thread, ${wall.toFixed(1)} ms by the clock (limit 100 ms)\n` +
      `a delta of all engines: ${(bytes / 1000).toFixed(0)} kB before compression\n`
  );
  // Times depend on the machine and on what else it does; this does not.
  expect(await table.getByRole('row').count()).toBeLessThan(80);
});
