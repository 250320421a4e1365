import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';
import type { Lab } from '../helpers/lab';
import { expectAccessible, expectNothingClipped } from '../helpers/looks';
import { whyNoRig } from '../helpers/rig';
import type { JupyterServer } from '../helpers/server';
import type { SaveProfile } from '../../src/api/generated';

const reason = whyNoRig();
test.skip(reason !== undefined, reason);
test.use({ serverOptions: { ...DEFAULT_SERVER, isOnRig: true } });

/** The narrowest that JupyterLab's users have it. */
const NARROW = 260;
const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

/** Make a profile for one engine, as the form would. */
async function makeProfile(
  { page, server }: Lab,
  name: string,
  directives: string[] = []
): Promise<void> {
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
      directives,
      python: [],
      mpiexec: [],
      mpi_args: [],
      controller_address: ''
    }
  };
  const where = new URL(`jupyterlab-engines/profiles/${name}`, server.url).href;
  const headers = { Authorization: `token ${server.token}` };
  const reply = await page.request.put(where, { data: body, headers });
  expect(reply.status(), await reply.text()).toBeLessThan(300);
}

/** Leave a profile as people made them by hand for ipyparallel's launchers, with keys that are gone. */
function makeLegacyProfile(server: JupyterServer): void {
  const folder = path.join(server.ipythonDir, 'profile_old');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, 'ipcluster_config.py'),
    [
      'c = get_config()',
      "c.IPClusterStart.controller_launcher_class = 'PBSControllerLauncher'",
      "c.IPClusterEngines.engine_launcher_class = 'PBSEngineSetLauncher'",
      "c.PBSLauncher.queue = 'debug'",
      "c.PBSEngineSetLauncher.batch_template_file = 'pbs.engine.template'",
      'c.IPClusterEngines.early_shutdown = 30',
      ''
    ].join('\n')
  );
  writeFileSync(
    path.join(folder, 'pbs.engine.template'),
    '#!/bin/sh\n#PBS -N ipengine\n#PBS -l nodes={n//8}:ppn=8\nmpiexec -n {n} ipengine --profile-dir={profile_dir}\n'
  );
  server.rig!.give(server.ipythonDir);
}

async function start(lab: Lab, name: string): Promise<void> {
  await lab.panel.getByRole('combobox', { name: 'Profile' }).selectOption(name);
  await lab.startButton.click();
}

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

/** Have one cluster whose job was deleted, one that waits, and one that is ready. */
async function startThree(lab: Lab, server: JupyterServer): Promise<void> {
  // Held jobs wait however empty the nodes are.
  await makeProfile(lab, 'deleted', ['-h']);
  await makeProfile(lab, 'waiting', ['-h']);
  await makeProfile(lab, 'running');
  await lab.open();
  await start(lab, 'deleted');
  await expect(lab.card('deleted')).toHaveAttribute('data-state', 'queued');
  await server.rig!.cancel(server.home);
  await start(lab, 'waiting');
  await start(lab, 'running');
  for (const [key, state] of [
    ['deleted', 'failed'],
    ['waiting', 'queued'],
    ['running', 'ready']
  ] as const) {
    await expect(lab.card(key)).toHaveAttribute('data-state', state, {
      timeout: 90_000
    });
  }
}

test('batch clusters, the start form and the profile form in all themes', async ({
  lab,
  page,
  server
}) => {
  test.setTimeout(240_000);
  // So that each card is seen whole.
  await page.setViewportSize({ width: 1280, height: 1400 });
  makeLegacyProfile(server);
  await startThree(lab, server);

  for (const theme of THEMES) {
    server.writeSetting('@jupyterlab/apputils-extension:themes', { theme });
    await lab.open('lab?reset');
    await expect(page.locator('body')).toHaveAttribute(
      'data-jp-theme-name',
      theme
    );
    await lab.setPanelWidth(NARROW);
    await expect(lab.card('running')).toHaveAttribute('data-state', 'ready');
    await look(lab, `${theme} cards`);

    const panel = lab.panel;
    await panel.getByRole('combobox', { name: 'Profile' }).selectOption('old');
    await panel.getByText(/^\d+ notes? on this profile$/).click();
    await look(lab, `${theme} notes`);

    await panel
      .getByRole('combobox', { name: 'Profile' })
      .selectOption('waiting');
    await panel.getByRole('button', { name: /^The job asks for/ }).click();
    // Told while typing, before any Start.
    await lab.enginesField.fill('0');
    await expect(lab.enginesField).toHaveAttribute('aria-invalid', 'true');
    await expect(lab.enginesField).toHaveAccessibleDescription(/at least 1/);
    await look(lab, `${theme} engines`);
    await lab.enginesField.fill('1');
    const walltime = panel.getByRole('textbox', { name: 'Walltime' });
    await walltime.fill('03:00:00');
    await expect(walltime).toHaveAttribute('aria-invalid', 'true');
    await expect(walltime).toHaveAccessibleDescription(/debug/);
    await look(lab, `${theme} start form`);

    await panel.getByRole('button', { name: 'Edit profile' }).click();
    const form = page.getByRole('form', { name: 'Profile waiting' });
    await form.getByRole('textbox', { name: 'Walltime' }).fill('03:00:00');
    await expect(
      form.getByRole('textbox', { name: 'Walltime' })
    ).toHaveAttribute('aria-invalid', 'true');
    await form.getByText('Advanced').click();
    await picture(lab, `${theme} profile form`);
    await expectAccessible(page, page.locator('.jp-Engines-Editor'));
  }

  await test.step('the scheduler is silent', async () => {
    const item = page.locator('.jp-Engines-StatusItem');
    await expect(item).toContainText('waiting held');
    await server.rig!.whileSilent(async () => {
      await lab.panel
        .getByRole('button', { name: 'Ask the scheduler now' })
        .click();
      await expect(item).toHaveText(
        /^running unknown since [^,]+, waiting unknown since [^,]+$|^waiting unknown since [^,]+, running unknown since [^,]+$/,
        { timeout: 60_000 }
      );
      await picture(lab, 'silent');
      await expectAccessible(page, item);
    });
    await expect(item).toContainText('waiting held', { timeout: 60_000 });
  });
});
