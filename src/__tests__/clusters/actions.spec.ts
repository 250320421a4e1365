import { Dialog, Notification } from '@jupyterlab/apputils';
import {
  acceptDialog,
  dismissDialog,
  waitForDialog
} from '@jupyterlab/testing';
import { nullTranslator } from '@jupyterlab/translation';
import { ClusterActions } from '../../clusters/actions';
import type { Cluster } from '../../api/generated';
import { EngineConnector } from '../../kernels/connector';
import type { ILogViewer } from '../../tokens';
import { cluster, failed, profile, starting } from '../examples';
import { Bench, dialogSays, trans, waitUntil } from '../fakes';
import { SimulatedNotebook, trackerOf } from '../kernels/simulatedNotebook';

describe('ClusterActions', () => {
  let bench: Bench;
  let actions: ClusterActions;
  let opened: string[];

  beforeEach(() => {
    bench = new Bench();
    opened = [];
    const logs: ILogViewer = { open: key => opened.push(key) };
    actions = new ClusterActions({
      manager: bench.model,
      connector: null,
      logs,
      engines: null,
      trans
    });
  });

  afterEach(() => {
    Notification.dismiss();
    Dialog.flush();
    bench.model.dispose();
  });

  /** Have the server accept everything, and return what it was asked. */
  function accept(reply: Cluster = starting()): typeof bench.network.requests {
    bench.network.answer = ({ method }) =>
      method === 'DELETE' ? { status: 204 } : { status: 202, body: reply };
    return bench.network.requests;
  }

  const messages = () =>
    Notification.manager.notifications.map(({ message }) => message);

  describe('#stop', () => {
    it('names what ends, and stops when that is wanted', async () => {
      await bench.connect([cluster()], []);
      const requests = accept(cluster({ state: 'stopping' }));
      const stopped = actions.stop('local');
      await waitForDialog(document.body, 9000);
      await dialogSays(/Stop local\?/);
      await dialogSays(/all 4 engines of local\. All variables/);
      await acceptDialog(document.body, 9000);
      expect(await stopped).toBe(true);
      expect(requests.map(({ url }) => new URL(url).pathname)).toEqual([
        '/user/some%20one/jupyterlab-engines/clusters/local/stop'
      ]);
    });

    it('leaves alone what the user wants to keep', async () => {
      await bench.connect([cluster({ origin: 'terminal' })], []);
      const requests = accept();
      const stopped = actions.stop('local');
      await waitForDialog(document.body, 9000);
      await dialogSays(/started in a terminal/);
      await dismissDialog(document.body, 9000);
      expect(await stopped).toBe(false);
      expect(requests).toEqual([]);
    });

    it('says when there is nothing to stop', async () => {
      await bench.connect([failed()], []);
      const stopped = actions.stop();
      await waitForDialog(document.body, 9000);
      await dialogSays(/No engines are running/);
      await acceptDialog(document.body, 9000);
      expect(await stopped).toBe(false);
    });

    it('takes the only one there is, asks which of several', async () => {
      await bench.connect(
        [cluster({ key: 'a' }), cluster({ key: 'b' }), failed()],
        []
      );
      const stopped = actions.stop();
      await waitForDialog(document.body, 9000);
      const options = [...document.querySelectorAll('.jp-Dialog option')].map(
        option => option.textContent
      );
      expect(options).toEqual(['a (ready)', 'b (ready)']);
      await dismissDialog(document.body, 9000);
      expect(await stopped).toBe(false);
    });

    it('tells what did not work', async () => {
      await bench.connect([cluster()], []);
      bench.network.answer = () => ({
        status: 500,
        body: {
          code: 'internal',
          message: 'It broke.',
          next_step: 'Report it.',
          detail: null
        }
      });
      const stopped = actions.stop('local');
      await waitForDialog(document.body, 9000);
      await acceptDialog(document.body, 9000);
      expect(await stopped).toBe(false);
      expect(messages()).toEqual(['It broke. Report it.']);
    });
  });

  describe('#start', () => {
    it('starts what it is told', async () => {
      await bench.connect([], [profile()]);
      const requests = accept();
      await actions.start('local', 8);
      expect(requests.map(({ body }) => body)).toMatchObject([
        { profile: 'local', engines: 8 }
      ]);
    });

    it.each([
      ['nobody', 4, /no profile named nobody/],
      ['local', 0, /at least 1/],
      ['local', 1.5, /whole number/],
      ['local', 1000, /at most 256/]
    ])('does not start %s with %d engines', async (name, engines, message) => {
      await bench.connect([], [profile()]);
      const requests = accept();
      await actions.start(name, engines);
      expect(requests).toEqual([]);
      expect(messages()[0]).toMatch(message);
    });

    it('asks how many, until it is a number that can be started', async () => {
      await bench.connect([], [profile()]);
      const requests = accept();
      const started = actions.start();
      const type = async (text: string) => {
        await waitForDialog(document.body, 9000);
        const input = document.querySelector<HTMLInputElement>(
          '.jp-Dialog input[type=text]'
        );
        if (input === null) {
          throw new Error('The dialog has no field');
        }
        input.value = text;
        await acceptDialog(document.body, 9000);
      };
      await type('0');
      await dialogSays(/at least 1/);
      await type('2');
      await started;
      expect(requests.map(({ body }) => body)).toMatchObject([{ engines: 2 }]);
    });

    it('says when no profile can be started', async () => {
      await bench.connect([], [profile({ startable: false, problem: 'x' })]);
      const started = actions.start();
      await waitForDialog(document.body, 9000);
      await dialogSays(/no profile that engines can be started/);
      await acceptDialog(document.body, 9000);
      await started;
    });
  });

  describe('#restart', () => {
    it('starts a failed cluster with the same profile and count', async () => {
      await bench.connect([failed({}, { engines_requested: 6 })], [profile()]);
      const requests = accept();
      await actions.restart('local');
      expect(requests.map(({ body }) => body)).toMatchObject([
        { profile: 'local', engines: 6 }
      ]);
    });

    it('waits until a live one has stopped', async () => {
      await bench.connect([cluster()], [profile()]);
      const requests = accept(cluster({ state: 'stopping' }));
      const restarted = actions.restart('local');
      await waitForDialog(document.body, 9000);
      await acceptDialog(document.body, 9000);
      await waitUntil(() => requests.length === 1);
      bench.tell([cluster({ state: 'stopping' })]);
      expect(requests).toHaveLength(1);
      bench.tell([cluster({ state: 'stopped' })]);
      await restarted;
      expect(requests).toHaveLength(2);
      expect(requests[1]?.body).toMatchObject({ engines: 4 });
    });

    it('starts nothing on top of what did not stop', async () => {
      await bench.connect([cluster()], [profile()]);
      const requests = accept(cluster({ state: 'stopping' }));
      const restarted = actions.restart('local');
      await waitForDialog(document.body, 9000);
      await acceptDialog(document.body, 9000);
      await waitUntil(() => requests.length === 1);
      bench.tell([
        failed({ code: 'stop_incomplete', params: { pids: '7', host: 'h' } })
      ]);
      await restarted;
      expect(requests).toHaveLength(1);
    });
  });

  it('names notebooks that lose engines, or may', async () => {
    await bench.connect([cluster()], []);
    const notebooks = ['dir/a.ipynb', 'b.ipynb', 'c.ipynb'].map(
      path => new SimulatedNotebook(path)
    );
    notebooks[1]?.setStatus('busy');
    const connector = new EngineConnector({
      tracker: trackerOf(...notebooks),
      manager: bench.model,
      settings: null,
      sessionDialogs: null,
      createNotebook: null,
      translator: nullTranslator
    });
    await connector.connect('local');
    await waitUntil(() => connector.connectionOf('c.ipynb').state === 'none');
    actions = new ClusterActions({
      manager: bench.model,
      connector,
      logs: null,
      engines: null,
      trans
    });
    const stopped = actions.stop('local');
    await waitForDialog(document.body, 9000);
    await dialogSays(/that are connected to it: a\.ipynb\. They stay open/);
    await dialogSays(/that may be connected to it: b\.ipynb\. Their/);
    await dismissDialog(document.body, 9000);
    await stopped;
    const restarted = actions.restartEngines('local');
    await waitForDialog(document.body, 9000);
    await dialogSays(/that are connected to it: a\.ipynb\. They stay conn/);
    await dialogSays(/that may be connected to it: b\.ipynb\. Their/);
    await dismissDialog(document.body, 9000);
    await restarted;
    connector.dispose();
  });

  it('dismisses, and shows logs', async () => {
    await bench.connect([failed()], []);
    const requests = accept();
    await actions.dismiss();
    expect(requests.map(({ method }) => method)).toEqual(['DELETE']);
    await actions.showLog();
    expect(opened).toEqual(['local']);
  });

  it('says when a named cluster is not there', async () => {
    await bench.connect([], []);
    await actions.showLog('nobody');
    expect(messages()).toEqual(['There is no cluster named nobody.']);
  });
});
