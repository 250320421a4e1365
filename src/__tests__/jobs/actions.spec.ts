import { Notification } from '@jupyterlab/apputils';
import { ApiClient } from '../../api/client';
import type { Job } from '../../api/generated';
import { JobActions } from '../../jobs/actions';
import { deleteSentences } from '../../jobs/dialogs';
import { JobStore } from '../../jobs/store';
import { EventStream } from '../../api/stream';
import { cluster, job, profile, queuedJob, scheduler } from '../examples';
import {
  Bench,
  dialogSays,
  FakeNetwork,
  FakePage,
  HELLO,
  settle,
  trans,
  waitUntil
} from '../fakes';

describe('deleteSentences', () => {
  const said = (one: Job, parts: Job[] = [], owner = cluster()) =>
    deleteSentences(
      one,
      parts,
      one.cluster === null ? null : owner,
      5000,
      trans
    ).join(' ');

  it('say what dies', () => {
    expect(said(job())).toMatch(/has run for 00:01:00 on n2×4 n1×4/);
    expect(said(queuedJob())).toMatch(/loses its place in the queue/);
    expect(said(job({ cluster: 'local' }))).toMatch(
      /runs the cluster local: its 4 engines end/
    );
    expect(said(job({ state: 'array' }), [job(), queuedJob()])).toMatch(
      /2 subjobs that have not finished end, 1 of them running/
    );
  });
});

describe('JobActions', () => {
  let bench: Bench;
  let network: FakeNetwork;
  let stream: EventStream;
  let store: JobStore;
  let actions: JobActions;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect([cluster()], [profile()]);
    network = new FakeNetwork();
    stream = new EventStream({
      serverSettings: network.settings,
      snapshot: () => Promise.reject(new Error('not asked')),
      page: new FakePage()
    });
    store = new JobStore({
      client: new ApiClient({ serverSettings: network.settings }),
      stream,
      serverNow: () => 5000
    });
    stream.open();
    network.last.receive(HELLO);
    network.last.receive({
      type: 'snapshot',
      revision: 1,
      profiles: [],
      clusters: [],
      scheduler: scheduler(),
      jobs: [job(), queuedJob()],
      activity: []
    });
    network.answer = () => ({ status: 202, body: job() });
    actions = new JobActions({ store, manager: bench.model, trans });
    Notification.dismiss();
  });

  afterEach(() => {
    store.dispose();
    stream.dispose();
    bench.model.dispose();
  });

  function press(label: string): void {
    const found = [
      ...document.querySelectorAll<HTMLElement>('.jp-Dialog button')
    ].find(({ textContent }) => textContent === label);
    found?.click();
  }

  it('know what can be done', () => {
    expect(actions.can('hold', '17.pbshead')).toBe(true);
    expect(actions.can('hold', '16.pbshead')).toBe(false);
    expect(actions.can('release')).toBe(false);
    expect(actions.can('delete', 'gone')).toBe(false);
  });

  it('hold without asking', async () => {
    await actions.hold('17.pbshead');
    expect(network.requests[0]?.url).toMatch(/jobs\/17\.pbshead\/hold$/);
  });

  it('delete only what was confirmed', async () => {
    let deleting = actions.delete('16.pbshead');
    await dialogSays(/has run for/);
    press('Keep');
    await deleting;
    expect(network.requests).toEqual([]);
    deleting = actions.delete('16.pbshead');
    await dialogSays(/has run for/);
    press('Delete');
    await deleting;
    expect(network.requests[0]?.url).toMatch(/jobs\/16\.pbshead\/delete$/);
  });

  it('ask for the walltime, and take none that is not one', async () => {
    const altering = actions.alterWalltime('16.pbshead');
    await waitUntil(() => document.querySelector('.jp-Dialog input') !== null);
    const input = document.querySelector<HTMLInputElement>('.jp-Dialog input');
    expect(input?.value).toBe('01:00:00');
    const type = (text: string) => {
      const { set } =
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value') ??
        {};
      set?.call(input, text);
      input?.dispatchEvent(new Event('input', { bubbles: true }));
    };
    type('90');
    await waitUntil(() => input?.getAttribute('aria-invalid') === 'true');
    expect(input?.checkValidity()).toBe(false);
    type('02:00:00');
    await waitUntil(() => input?.getAttribute('aria-invalid') === 'false');
    press('Change walltime');
    await altering;
    expect(network.requests[0]?.body).toEqual({ walltime_seconds: 7200 });
  });

  it('tell what was refused, the next step, and PBS’s own words', async () => {
    network.answer = () => ({
      status: 502,
      body: {
        code: 'scheduler_refused',
        message: 'PBS refused to hold 17.',
        next_step: 'Ask the owner.',
        detail: 'qhold: Unauthorized Request'
      }
    });
    await actions.hold('17.pbshead');
    const [notice] = Notification.manager.notifications;
    expect(notice?.message).toBe('PBS refused to hold 17. Ask the owner.');
    notice?.options.actions?.[0]?.callback(new MouseEvent('click'));
    await dialogSays(/qhold: Unauthorized Request/);
    press('Close');
    await settle();
  });

  it('say that a job has left the queue', async () => {
    await actions.hold('99.pbshead');
    expect(Notification.manager.notifications[0]?.message).toMatch(
      /no job 99\.pbshead in the queue any more/
    );
  });
});
