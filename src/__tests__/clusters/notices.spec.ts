import { Notification } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import type { Batch, Cluster, Stage } from '../../api/generated';
import { Notifier, SessionWarnings } from '../../clusters/notifier';
import { noticeOf } from '../../clusters/notices';
import { cluster, failed, profile, starting } from '../examples';
import { Bench, trans } from '../fakes';

/** HELLO of the fakes: the server's clock when the page begins. */
const NOW = 5000;

function ending(
  endsAt: number,
  changes: Partial<Cluster> = {},
  walltime = 3600
): Cluster {
  const batch: Batch = {
    dialect: 'openpbs',
    placement: 'in_job',
    resources: {
      queue: null,
      walltime_seconds: walltime,
      nodes: null,
      engines_per_node: null,
      cores_per_engine: null,
      memory_bytes: null,
      account: null
    },
    jobs: [],
    reason: null,
    estimated_start_at: null,
    ends_at: endsAt,
    unknown_since: null,
    unknown_why: null
  };
  return cluster({ key: 'pbs', batch, ...changes });
}

function notices(): string[] {
  return Notification.manager.notifications.map(({ message }) => message);
}

describe('noticeOf', () => {
  const change = (previous: Cluster | null, current: Cluster | null) =>
    noticeOf({ key: 'local', previous, current });

  it('tells of engines that got ready, once', () => {
    expect(change(starting(), cluster())).toBe('ready');
    expect(change(null, cluster())).toBe('ready');
    expect(change(cluster(), cluster())).toBeNull();
    expect(change(cluster({ state: 'degraded' }), cluster())).toBeNull();
    expect(change(cluster({ run_id: 'old' }), cluster())).toBe('ready');
  });

  it('tells of failures, once', () => {
    expect(change(starting(), failed())).toBe('failed');
    expect(change(failed(), failed())).toBeNull();
    expect(change(failed({}, { run_id: 'old' }), failed())).toBe('failed');
  });

  it('has nothing to say of the rest', () => {
    expect(change(null, starting())).toBeNull();
    expect(change(cluster(), null)).toBeNull();
    expect(change(cluster(), cluster({ state: 'stopped' }))).toBeNull();
  });
});

describe('Notifier', () => {
  let bench: Bench;
  let notifier: Notifier | null;
  let settings: {
    showNotices: boolean;
    changed: Signal<object, void>;
  };
  let stored: Map<string, string>;
  const onConnect = jest.fn();
  const onOpenPanel = jest.fn();

  /** Begin, as after a load of the page, with these clusters. */
  async function begin(...clusters: Cluster[]): Promise<void> {
    bench = new Bench();
    await bench.connect(clusters, [profile()]);
    notifier = new Notifier({
      manager: bench.model,
      settings: settings as never,
      shown: new SessionWarnings({
        getItem: key => stored.get(key) ?? null,
        setItem: (key, value) => {
          stored.set(key, value);
        }
      }),
      trans,
      onConnect,
      onOpenPanel
    });
  }

  beforeEach(() => {
    jest.useFakeTimers();
    Notification.dismiss();
    stored = new Map();
    settings = { showNotices: true, changed: new Signal({}) };
    onConnect.mockClear();
    onOpenPanel.mockClear();
  });

  afterEach(() => {
    notifier?.dispose();
    bench.model.dispose();
    jest.useRealTimers();
  });

  it('tells that engines are ready, and offers to connect', async () => {
    await begin(starting());
    bench.tell([cluster()]);
    expect(notices()).toEqual(['local is ready: 4 engines.']);
    const actions = Notification.manager.notifications[0]?.options.actions;
    expect(actions?.map(({ label }) => label)).toEqual([
      'Connect',
      'Open panel'
    ]);
    actions?.[0]?.callback(new MouseEvent('click'));
    expect(onConnect).toHaveBeenCalledWith('local');
  });

  it('tells why a cluster failed, and the next step', async () => {
    await begin(starting());
    bench.tell([failed({ code: 'internal', message: 'x' })]);
    expect(notices()).toHaveLength(1);
    expect(notices()[0]).toMatch(/^local has failed\. \S.+\S$/);
    expect(Notification.manager.notifications[0]?.options.autoClose).toBe(
      false
    );
  });

  it('writes commands of a failure without their backticks', async () => {
    await begin(starting());
    bench.tell([
      failed({
        code: 'submit_unknown',
        message: 'x',
        params: { seconds: '30' }
      })
    ]);
    expect(notices()[0]).toMatch(/^local has failed\. “qsub” did not answer/);
  });

  it('is silent about what was so when the page was loaded', async () => {
    await begin(cluster(), failed({}, { key: 'b' }));
    expect(notices()).toEqual([]);
  });

  it('warns 15 and 5 minutes before the walltime ends, once each', async () => {
    await begin(ending(NOW + 3600));
    jest.advanceTimersByTime((3600 - 900) * 1000 - 1);
    expect(notices()).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(notices()).toEqual([
      expect.stringMatching(/^The walltime of pbs ends in 15 min:/)
    ]);
    bench.tell([ending(NOW + 3600 + 2)]);
    expect(notices()).toHaveLength(1);
    jest.advanceTimersByTime(602_000);
    expect(notices()).toHaveLength(2);
    expect(notices().join()).toMatch(/ends in 5 min:/);
    jest.advanceTimersByTime(3600_000);
    expect(notices()).toHaveLength(2);
  });

  it('after a reload shows only the latest that is due, and not again', async () => {
    await begin(ending(NOW + 120));
    expect(notices()).toEqual([
      expect.stringMatching(/^The walltime of pbs ends in 2 min:/)
    ]);
    notifier?.dispose();
    bench.model.dispose();
    Notification.dismiss();
    await begin(ending(NOW + 120));
    expect(notices()).toEqual([]);
  });

  it('warns of a short job only of times that it has had', async () => {
    const waited: Stage = {
      name: 'queued',
      status: 'done',
      started_at: NOW - 9,
      ended_at: NOW
    };
    const ofMinutes = (minutes: number) =>
      ending(NOW + minutes * 60, { stages: [waited] });
    await begin(ofMinutes(10));
    expect(notices()).toEqual([]);
    jest.advanceTimersByTime(301_000);
    expect(notices()).toEqual([expect.stringMatching(/ends in 5 min:/)]);
    // Prolonged, it gets to have more: what counts is when it began.
    bench.tell([ofMinutes(40)]);
    jest.advanceTimersByTime(20 * 60_000);
    expect(notices()).toHaveLength(2);
    expect(notices().join()).toMatch(/ends in 15 min:/);
  });

  it('knows a short job by its walltime if nothing else tells', async () => {
    await begin(ending(NOW + 240, {}, 300));
    jest.advanceTimersByTime(200_000);
    expect(notices()).toEqual([]);
  });

  it('warns again when the walltime was prolonged', async () => {
    await begin(ending(NOW + 800));
    expect(notices()).toHaveLength(1);
    bench.tell([ending(NOW + 800 + 3600)]);
    expect(notices()).toHaveLength(1);
    jest.advanceTimersByTime(3600_000);
    expect(notices()).toHaveLength(2);
  });

  it('is silent about what has ended or is over', async () => {
    await begin(
      ending(NOW - 1),
      ending(NOW + 60, { key: 'b', state: 'stopped' })
    );
    expect(notices()).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits for an end that is weeks away', async () => {
    const weeks = 40 * 86400;
    await begin(ending(NOW + weeks));
    jest.advanceTimersByTime((weeks - 901) * 1000);
    expect(notices()).toEqual([]);
    jest.advanceTimersByTime(2000);
    expect(notices()).toHaveLength(1);
  });

  it('can be turned off, and on again', async () => {
    settings.showNotices = false;
    await begin(starting(), ending(NOW + 120));
    bench.tell([cluster()]);
    expect(notices()).toEqual([]);
    settings.showNotices = true;
    settings.changed.emit();
    expect(notices()).toHaveLength(1);
  });
});
