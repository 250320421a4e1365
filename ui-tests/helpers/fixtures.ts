import { expect, test as base } from '@playwright/test';
import { Lab } from './lab';
import { JupyterServer } from './server';
import type { ServerOptions } from './server';

export { expect };
export type { ServerOptions };

interface WorkerFixtures {
  /** Set it with `test.use` at the top of a file that needs another server. */
  serverOptions: ServerOptions;
  sharedServer: JupyterServer;
}

interface TestFixtures {
  /** A Jupyter server without clusters, kernels and remembered layout. */
  server: JupyterServer;
  /** A browser page on that server. */
  lab: Lab;
}

export const DEFAULT_SERVER: ServerOptions = {
  baseUrl: '/',
  hasServerHalf: true,
  hasOwnMpiexec: false,
  isOnRig: false,
  extraArguments: []
};

/**
 * `test` of all stories: each gets a real Jupyter server and a browser page.
 *
 * After each test all of its clusters are stopped, and after the last one the server; a process
 * that is left of either fails the run. So does an exception in the page.
 */
export const test = base.extend<TestFixtures, WorkerFixtures>({
  serverOptions: [DEFAULT_SERVER, { scope: 'worker', option: true }],

  sharedServer: [
    async ({ serverOptions }, use, { config, project }) => {
      if (
        serverOptions.isOnRig &&
        project.name !== 'rig' &&
        config.workers > 1
      ) {
        throw new Error(
          'A story on the rig has to be in the project rig: call its file batch-….spec.ts.'
        );
      }
      const server = await JupyterServer.start(serverOptions);
      await use(server);
      expect(await server.stop(), 'left by the Jupyter server').toEqual([]);
    },
    { scope: 'worker', timeout: 120_000 }
  ],

  server: async ({ sharedServer }, use, testInfo) => {
    await use(sharedServer);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server.log', { body: sharedServer.log() });
    }
    await sharedServer.clean();
  },

  lab: async ({ server, page }, use) => {
    const lab = new Lab(page, server);
    await use(lab);
    await page.close();
    expect(lab.exceptions, 'exceptions in the page').toEqual([]);
  }
});
