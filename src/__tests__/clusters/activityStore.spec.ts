import type { Delta } from '../../api/generated';
import { EventStream } from '../../api/stream';
import { ActivityStore } from '../../clusters/activityStore';
import { EngineTableModel } from '../../clusters/engineTableModel';
import { cluster, doing, noScheduler, point, told } from '../examples';
import { Bench, FakeNetwork, FakePage, trans } from '../fakes';

describe('ActivityStore', () => {
  let network: FakeNetwork;
  let stream: EventStream;
  let store: ActivityStore;
  let changes: number;

  function tell(changed: Partial<Delta>): void {
    network.last.receive({
      type: 'delta',
      base: 1,
      revision: 2,
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
    store = new ActivityStore({ stream });
    changes = 0;
    store.changed.connect(() => (changes += 1));
    stream.open();
    network.last.receive({
      type: 'snapshot',
      revision: 1,
      profiles: [],
      clusters: [],
      scheduler: noScheduler(),
      jobs: [],
      activity: [told([doing(0), doing(1)], { points: [point(100)] })]
    });
  });

  afterEach(() => {
    store.dispose();
    stream.dispose();
  });

  it('merges what changed into what it knows', () => {
    tell({
      activity: [
        told([doing(1, { queued: 3 })], { points: [point(105)], heard_at: 104 })
      ]
    });
    const known = store.get('local');
    expect([...(known?.engines.values() ?? [])].map(e => e.queued)).toEqual([
      0, 3
    ]);
    expect(known?.points.map(({ at }) => at)).toEqual([100, 105]);
    expect(known?.heardAt).toBe(104);
    expect(changes).toBe(2);
  });

  it('forgets what charts show no more, other runs, and clusters that are gone', () => {
    tell({ activity: [told([], { points: [point(701)] })] });
    expect(store.get('local')?.points.map(({ at }) => at)).toEqual([701]);
    tell({ activity: [told([doing(5)], { run_id: 'run-2' })] });
    expect([...(store.get('local')?.engines.keys() ?? [])]).toEqual([5]);
    expect(store.get('local')?.points).toEqual([]);
    tell({ removed: ['local'] });
    expect(store.get('local')).toBeNull();
  });

  it('says nothing where nothing changed', () => {
    tell({});
    expect(changes).toBe(1);
  });
});

describe('EngineTableModel', () => {
  it('tells of changes, and of time while engines are busy, only to who looks', async () => {
    jest.useFakeTimers();
    const bench = new Bench();
    const store = new ActivityStore({ stream: bench.stream });
    const model = new EngineTableModel({
      manager: bench.model,
      activity: store,
      trans
    });
    const drawn = jest.fn();
    model.stateChanged.connect(drawn);
    await bench.connect([cluster()], []);
    bench.tell([], [], { activity: [told([doing(0, { busy_since: 4990 })])] });
    jest.advanceTimersByTime(5000);
    expect(drawn).not.toHaveBeenCalled();
    model.isVisible = true;
    expect(drawn).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(3000);
    expect(drawn).toHaveBeenCalledTimes(4);
    bench.tell([], [], { activity: [told([doing(0)])] });
    expect(drawn).toHaveBeenCalledTimes(5);
    jest.advanceTimersByTime(3000);
    expect(drawn).toHaveBeenCalledTimes(5);
    model.sortBy('cpu');
    model.sortBy('cpu');
    expect([model.column, model.isDescending]).toEqual(['cpu', true]);
    model.dispose();
    store.dispose();
    bench.model.dispose();
    jest.useRealTimers();
  });
});
