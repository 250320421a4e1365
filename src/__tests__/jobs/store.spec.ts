import { ApiClient } from '../../api/client';
import type { Delta, Job, Snapshot } from '../../api/generated';
import { EventStream } from '../../api/stream';
import { JobStore } from '../../jobs/store';
import type { JobsChange } from '../../tokens';
import { job, queuedJob, scheduler } from '../examples';
import { FakeNetwork, FakePage, HELLO } from '../fakes';

describe('JobStore', () => {
  let network: FakeNetwork;
  let stream: EventStream;
  let store: JobStore;
  let changes: JobsChange[];
  let now: number;
  let revision: number;

  function snapshot(jobs: Job[], changed: Partial<Snapshot> = {}): void {
    network.last.receive({
      type: 'snapshot',
      revision: (revision = 1),
      profiles: [],
      clusters: [],
      scheduler: scheduler(),
      jobs,
      activity: [],
      ...changed
    });
  }

  function delta(changed: Partial<Delta>): void {
    network.last.receive({
      type: 'delta',
      base: revision,
      revision: (revision += 1),
      changed: [],
      removed: [],
      profiles: null,
      scheduler: null,
      jobs_changed: [],
      jobs_removed: [],
      activity: [],
      ...changed
    });
  }

  beforeEach(() => {
    network = new FakeNetwork();
    stream = new EventStream({
      serverSettings: network.settings,
      snapshot: () => Promise.reject(new Error('not asked')),
      page: new FakePage()
    });
    now = 5000;
    store = new JobStore({
      client: new ApiClient({ serverSettings: network.settings }),
      stream,
      serverNow: () => now
    });
    changes = [];
    store.changed.connect((_, change) => {
      changes.push(change);
    });
    stream.open();
    network.last.receive(HELLO);
  });

  afterEach(() => {
    store.dispose();
    stream.dispose();
  });

  it('knows nothing before the server has told', () => {
    expect(store.scheduler).toBeNull();
    expect(store.jobs.size).toBe(0);
  });

  it('takes a snapshot whole, and of deltas what changed', () => {
    snapshot([job(), queuedJob()]);
    expect([...store.jobs.keys()]).toEqual(['16.pbshead', '17.pbshead']);
    expect(changes).toEqual([null]);
    delta({
      jobs_changed: [job({ state: 'exiting' })],
      jobs_removed: ['17.pbshead']
    });
    expect(changes[1]).toEqual(new Set(['16.pbshead', '17.pbshead']));
    expect(store.jobs.get('16.pbshead')?.state).toBe('exiting');
    expect(store.jobs.size).toBe(1);
  });

  it('keeps its table when the scheduler does not answer', () => {
    snapshot([job()]);
    delta({ scheduler: scheduler({ answering: false, problem: 'no' }) });
    expect(store.scheduler?.answering).toBe(false);
    expect(store.jobs.size).toBe(1);
    expect(changes[1]).toEqual(new Set());
  });

  it('ignores a delta that does not fit, until the next snapshot', () => {
    snapshot([job()]);
    delta({ base: 7, jobs_removed: ['16.pbshead'] });
    expect(store.jobs.size).toBe(1);
  });

  it('says nothing of deltas that are about clusters only', () => {
    snapshot([]);
    delta({});
    expect(changes).toHaveLength(1);
  });

  it('asks for a snapshot if it comes late', () => {
    const late = new JobStore({
      client: new ApiClient({ serverSettings: network.settings }),
      stream,
      serverNow: () => now
    });
    expect(network.last.sent).toEqual([{ type: 'resync' }]);
    late.dispose();
  });

  it.each([
    ['hold', () => store.hold('18[].a b'), null],
    ['release', () => store.release('18[].a b'), null],
    ['delete', () => store.delete('18[].a b'), null],
    [
      'walltime',
      () => store.alterWalltime('18[].a b', 60),
      { walltime_seconds: 60 }
    ]
  ])(
    'asks to %s, with the id as one part of the URL',
    async (verb, ask, body) => {
      network.answer = () => ({ status: 202, body: job() });
      await ask();
      expect(network.requests).toEqual([
        {
          method: 'POST',
          url: `http://host/user/some%20one/jupyterlab-engines/jobs/18%5B%5D.a%20b/${verb}`,
          body
        }
      ]);
    }
  );

  it('shows a request until the job has changed', async () => {
    snapshot([queuedJob()]);
    network.answer = () => ({ status: 202, body: queuedJob() });
    await store.hold('17.pbshead');
    expect(store.requests.get('17.pbshead')?.action).toBe('hold');
    delta({ jobs_changed: [queuedJob({ comment: 'other' })] });
    expect(store.requests.size).toBe(1);
    delta({ jobs_changed: [queuedJob({ state: 'held' })] });
    expect(store.requests.size).toBe(0);
  });

  it('shows a deletion as long as the job lives, and no longer than a minute', async () => {
    snapshot([queuedJob()]);
    network.answer = () => ({ status: 202, body: queuedJob() });
    await store.delete('17.pbshead');
    delta({ jobs_changed: [queuedJob({ state: 'running' })] });
    expect(store.requests.size).toBe(1);
    delta({ scheduler: scheduler({ read_at: now + 59 }) });
    expect(store.requests.size).toBe(1);
    delta({ scheduler: scheduler({ read_at: now + 61 }) });
    expect(store.requests.size).toBe(0);
    await store.delete('17.pbshead');
    delta({ jobs_removed: ['17.pbshead'] });
    expect(store.requests.size).toBe(0);
  });

  it('drops a request that was refused, and tells the error', async () => {
    snapshot([queuedJob()]);
    network.answer = () => ({
      status: 502,
      body: {
        code: 'scheduler_refused',
        message: 'PBS refused to hold 17.',
        next_step: 'Ask.',
        detail: 'qhold: no'
      }
    });
    await expect(store.hold('17.pbshead')).rejects.toMatchObject({
      message: 'PBS refused to hold 17.',
      detail: 'qhold: no'
    });
    expect(store.requests.size).toBe(0);
  });

  it('reads the whole queue, the raw table, and has it refreshed', async () => {
    network.answer = ({ url }) =>
      url.includes('raw')
        ? { status: 200, body: { command: 'qstat', text: '', read_at: 1 } }
        : url.includes('refresh')
          ? { status: 202, body: scheduler() }
          : { status: 200, body: { status: scheduler(), jobs: [job()] } };
    await expect(store.readRaw()).resolves.toMatchObject({ command: 'qstat' });
    await expect(store.readAll()).resolves.toMatchObject({ jobs: [job()] });
    await store.refresh();
    expect(network.requests.map(({ url }) => url.split('engines/')[1])).toEqual(
      ['jobs/raw', 'jobs?scope=all', 'jobs/refresh']
    );
  });
});
