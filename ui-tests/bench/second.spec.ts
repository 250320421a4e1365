import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import { Lab } from '../helpers/lab';
import { whyNoRig } from '../helpers/rig';
import type { JupyterServer } from '../helpers/server';
import type { SaveProfile } from '../../src/api/generated';

/** Measured so often: each time a job is submitted, and deleted again. */
const ROUNDS = 5;
const LIMIT_MS = 500;
const NAME = 'held';

const reason = whyNoRig();
test.skip(reason !== undefined, reason);
test.use({ serverOptions: { ...DEFAULT_SERVER, isOnRig: true } });

/** Make a profile whose jobs are held: none of them runs. */
async function makeProfile({ page, server }: Lab): Promise<void> {
  const body: SaveProfile = {
    create: true,
    settings: {
      placement: 'in_job',
      engines: 1,
      resources: {
        queue: 'debug',
        walltime_seconds: 3600,
        nodes: 1,
        engines_per_node: null,
        cores_per_engine: null,
        memory_bytes: null,
        account: null
      },
      prologue: [],
      directives: ['-h'],
      python: [],
      mpiexec: [],
      mpi_args: [],
      controller_address: ''
    }
  };
  const where = new URL(`jupyterlab-engines/profiles/${NAME}`, server.url).href;
  const headers = { Authorization: `token ${server.token}` };
  const reply = await page.request.put(where, { data: body, headers });
  expect(reply.status(), await reply.text()).toBeLessThan(300);
}

/** A `qsub` that has answered: what the server's own record of it says. */
interface IAnswer {
  jobId: string;
  /** When, in seconds since 1970. */
  at: number;
}

/** Return the answers of `qsub` so far, from the server's audit. */
function answers(server: JupyterServer): IAnswer[] {
  const file = path.join(server.home, 'data', 'engines', 'audit.jsonl');
  if (!existsSync(file)) {
    return [];
  }
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(
      line =>
        JSON.parse(line) as {
          action: string;
          outcome: string;
          job_id: string;
          at: number;
        }
    )
    .filter(
      ({ action, outcome }) => action === 'submit' && outcome === 'accepted'
    )
    .map(({ job_id: jobId, at }) => ({ jobId, at }));
}

/** Note in a page when the card names a job, in seconds since 1970: by the frame that shows it. */
async function watchCard(page: Page, name: string): Promise<void> {
  await page.evaluate(key => {
    const watched = window as unknown as IWatched;
    watched.shown = new Promise(resolve => {
      const look = () => {
        const card = document.querySelector(`article[data-key="${key}"]`);
        const found = /\bjob (\d+)/.exec(card?.textContent ?? '');
        if (found !== null) {
          observer.disconnect();
          // The first frame draws it; in the second it is on the screen.
          requestAnimationFrame(() =>
            requestAnimationFrame(() =>
              resolve({ jobId: found[1]!, at: Date.now() / 1000 })
            )
          );
        }
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, {
        childList: true,
        subtree: true,
        characterData: true,
        attributes: true
      });
      look();
    });
  }, name);
}

interface IWatched {
  shown: Promise<IAnswer>;
}

test('from the answer of qsub to the card in a second browser', async ({
  browser,
  server
}) => {
  test.setTimeout(300_000);
  const open = async (name: string) => {
    const context = await browser.newContext();
    const lab = new Lab(await context.newPage(), server);
    await lab.open(`lab/workspaces/${name}`);
    return lab;
  };
  const [one, two] = [await open('one'), await open('two')];
  await makeProfile(one);
  await one.page.reload();
  await one.showPanel();
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await watchCard(two.page, NAME);
    const profile = one.panel.getByRole('combobox', { name: 'Profile' });
    await profile.selectOption(NAME);
    await one.startButton.click();
    const shown = await two.page.evaluate(
      () => (window as unknown as IWatched).shown
    );
    const answer = answers(server).find(({ jobId }) => jobId === shown.jobId);
    expect(answer, `qsub's answer for job ${shown.jobId}`).toBeDefined();
    taken.push((shown.at - answer!.at) * 1000);
    await one.stop(NAME);
    await expect(one.card(NAME)).toHaveAttribute('data-state', 'stopped', {
      timeout: 60_000
    });
    await one
      .card(NAME)
      .getByRole('button', { name: `Dismiss ${NAME}` })
      .click();
    await expect(two.card(NAME)).toHaveCount(0);
  }
  for (const { page } of [one, two]) {
    await page.context().close();
  }
  taken.sort((a, b) => a - b);
  const ms = (value: number | undefined) => `${value?.toFixed(0)} ms`;
  console.log(
    [
      '',
      `From qsub's answer to the card in a second browser; ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores`,
      `least ${ms(taken[0])}, median ${ms(taken[Math.floor(ROUNDS / 2)])}, longest ${ms(taken.at(-1))} (limit ${LIMIT_MS} ms)`,
      ''
    ].join('\n')
  );
});
