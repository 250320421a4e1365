import { expect, test } from '../helpers/fixtures';
import { DEFAULT_SERVER } from '../helpers/fixtures';
import {
  connectNotebook,
  runTutorial,
  startEngines,
  stopEngines
} from '../helpers/walk';

/** What JupyterHub passes on for a user named `some one`: with the space encoded. */
const BASE_URL = '/user/some%20one/';

test.use({ serverOptions: { ...DEFAULT_SERVER, baseUrl: BASE_URL } });

test('the same walk under a base URL of JupyterHub', async ({ lab, page }) => {
  test.setTimeout(150_000);
  const elsewhere: string[] = [];
  page.on('request', request => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.protocol !== 'blob:') {
      if (!url.pathname.startsWith(BASE_URL)) {
        elsewhere.push(request.url());
      }
    }
  });
  const sockets: string[] = [];
  page.on('websocket', socket => sockets.push(new URL(socket.url()).pathname));

  await startEngines(lab, 2);
  await connectNotebook(lab, 2);
  await runTutorial(lab, 2);
  await stopEngines(lab, 2);

  expect(sockets).toContain(`${BASE_URL}jupyterlab-engines/stream`);
  expect(elsewhere).toEqual([]);
});
