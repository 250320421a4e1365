import { ApiClient } from '../../api/client';
import type { Cluster, Delta, Snapshot } from '../../api/generated';
import { EventStream } from '../../api/stream';
import { ClusterModel, fetchSnapshot } from '../../clusters/model';
import type { IClusterChange } from '../../tokens';
import { cluster, noScheduler, profile, starting } from '../examples';
import { FakeNetwork, FakePage, HELLO, settle, waitUntil } from '../fakes';
import type { IAnswer } from '../fakes';

const SERVER: IAnswer = {
  status: 200,
  body: { version: '0.1.0', api_version: 1, host: 'h' }
};

function snapshot(revision: number, clusters: Cluster[]): Snapshot {
  return {
    type: 'snapshot',
    revision,
    profiles: [profile()],
    clusters,
    scheduler: noScheduler(),
    jobs: [],
    activity: []
  };
}

function delta(
  base: number,
  changed: Cluster[],
  removed: string[] = []
): Delta {
  return {
    type: 'delta',
    base,
    revision: base + 1,
    changed,
    removed,
    profiles: null,
    scheduler: null,
    jobs_changed: [],
    jobs_removed: [],
    activity: []
  };
}

describe('ClusterModel', () => {
  let network: FakeNetwork;
  let model: ClusterModel;
  let changes: IClusterChange[];
  let now: number;

  beforeEach(() => {
    network = new FakeNetwork();
    network.answer = () => SERVER;
    const client = new ApiClient({ serverSettings: network.settings });
    now = 1_000_000;
    model = new ClusterModel({
      client,
      stream: new EventStream({
        serverSettings: network.settings,
        snapshot: () => fetchSnapshot(client),
        page: new FakePage()
      }),
      now: () => now
    });
    changes = [];
    model.clusterChanged.connect((_, change) => {
      changes.push(change);
    });
  });

  afterEach(() => {
    model.dispose();
  });

  async function connected(...clusters: Cluster[]): Promise<void> {
    await model.connect();
    network.last.receive(HELLO);
    network.last.receive(snapshot(7, clusters));
  }

  it('knows nothing before the first snapshot', async () => {
    expect(model.isKnown).toBe(false);
    expect(model.link.state).toBe('connecting');
    await connected(cluster());
    expect(model.isKnown).toBe(true);
    expect(model.link.state).toBe('live');
    expect(model.get('local')).toEqual(cluster());
    expect(model.profiles).toEqual([profile()]);
    expect(changes).toEqual([]);
  });

  it('lists the newest cluster first', async () => {
    await connected(
      cluster({ key: 'old', created_at: 1 }),
      cluster({ key: 'new', created_at: 2 })
    );
    expect(model.clusters.map(({ key }) => key)).toEqual(['new', 'old']);
  });

  it('applies a delta to what it is based on', async () => {
    await connected(starting(), cluster({ key: 'gone' }));
    network.last.receive(delta(7, [cluster()], ['gone']));
    expect(model.clusters).toEqual([cluster()]);
    expect(changes).toEqual([
      { key: 'gone', previous: cluster({ key: 'gone' }), current: null },
      { key: 'local', previous: starting(), current: cluster() }
    ]);
    network.last.receive(delta(8, [], ['local']));
    expect(model.clusters).toEqual([]);
  });

  it('asks for a snapshot when a delta was missed, and does not apply half of it', async () => {
    await connected(starting());
    network.last.receive(delta(9, [cluster()]));
    expect(model.get('local')?.state).toBe('starting');
    expect(network.last.sent).toEqual([{ type: 'resync' }]);
    network.last.receive(snapshot(10, [cluster()]));
    expect(model.get('local')?.state).toBe('ready');
    expect(changes).toEqual([
      { key: 'local', previous: starting(), current: cluster() }
    ]);
  });

  it('tells of nothing when a snapshot says the same again', async () => {
    await connected(cluster());
    network.last.receive(snapshot(7, [cluster()]));
    expect(changes).toEqual([]);
  });

  it('replaces the profiles only when a delta brings them', async () => {
    await connected();
    network.last.receive(delta(7, [cluster()]));
    expect(model.profiles).toEqual([profile()]);
    network.last.receive({
      ...delta(8, []),
      profiles: [profile({ name: 'b' })]
    });
    expect(model.profiles.map(({ name }) => name)).toEqual(['b']);
  });

  it('keeps what it knew when the connection is lost, and says since when', async () => {
    await connected(cluster());
    now = 2_000_000;
    network.last.drop();
    expect(model.link).toEqual({ state: 'lost', knownAt: 2_000_000 });
    expect(model.clusters).toEqual([cluster()]);
  });

  it('says when the server half is missing, and asks again when told to', async () => {
    network.answer = () => ({ status: 404, body: { message: 'Not Found' } });
    await model.connect();
    expect(model.link.state).toBe('missing');
    expect(network.sockets).toHaveLength(0);
    network.answer = () => SERVER;
    model.retry();
    await waitUntil(() => network.sockets.length > 0);
    network.last.receive(HELLO);
    expect(model.link.state).toBe('live');
  });

  it('says when the user may not use engines', async () => {
    network.answer = () => ({
      status: 403,
      body: {
        code: 'forbidden',
        message: 'alice may not read.',
        next_step: '',
        detail: null
      }
    });
    await model.connect();
    expect(model.link).toEqual({
      state: 'refused',
      message: 'alice may not read.'
    });
  });

  it('keeps trying when nobody answers', async () => {
    network.answer = () => {
      throw new TypeError('Failed to fetch');
    };
    await model.connect();
    expect(network.sockets).toHaveLength(1);
    network.last.drop();
    expect(model.link).toEqual({ state: 'lost', knownAt: null });
  });

  it.each([
    [2, 'page'],
    [0, 'server']
  ])(
    'does not listen to a server of contract %i: the %s is older',
    async (version, older) => {
      network.answer = () => ({
        status: 200,
        body: { version: '9.0', api_version: version, host: 'h' }
      });
      await model.connect();
      expect(model.link).toEqual({
        state: 'mismatch',
        serverVersion: '9.0',
        older
      });
      expect(network.sockets).toHaveLength(0);
    }
  );

  it('notices a server that was updated behind its back', async () => {
    await connected(cluster());
    network.last.receive({
      type: 'hello',
      api_version: 2,
      server: { version: '2.0', api_version: 2, host: 'h' },
      now: 5000
    });
    expect(model.link).toMatchObject({ state: 'mismatch', older: 'page' });
    expect(network.last.readyState).toBe(3);
  });

  it('tells the server’s time', async () => {
    await connected();
    expect(model.serverNow()).toBe(5000);
    now += 2500;
    expect(model.serverNow()).toBe(5002.5);
  });

  describe('#start', () => {
    beforeEach(async () => {
      await connected();
      network.requests.length = 0;
    });

    const keys = () =>
      network.requests.map(
        ({ body }) => (body as { idempotency_key: string }).idempotency_key
      );

    it('asks once for a double click', async () => {
      network.answer = () => ({ status: 202, body: starting() });
      const replies = await Promise.all([
        model.start('local', 4),
        model.start('local', 4)
      ]);
      expect(replies).toEqual([starting(), starting()]);
      expect(network.requests).toHaveLength(1);
      expect(network.requests[0]?.body).toMatchObject({
        profile: 'local',
        engines: 4
      });
      expect(keys()[0]).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
    });

    it('asks for another cluster with another key', async () => {
      network.answer = () => ({ status: 202, body: starting() });
      await model.start('local', 4);
      await model.start('local', 4);
      expect(new Set(keys()).size).toBe(2);
    });

    it('asks again with the same key when the answer got lost', async () => {
      network.answer = () => {
        throw new TypeError('Failed to fetch');
      };
      await expect(model.start('local', 4)).rejects.toThrow();
      network.answer = () => ({ status: 202, body: starting() });
      await model.start('local', 4);
      expect(new Set(keys()).size).toBe(1);
    });

    it('asks with a new key once a snapshot has told what happened', async () => {
      network.answer = () => {
        throw new TypeError('Failed to fetch');
      };
      await expect(model.start('local', 4)).rejects.toThrow();
      network.last.receive(snapshot(9, []));
      network.answer = () => ({ status: 202, body: starting() });
      await model.start('local', 4);
      expect(new Set(keys()).size).toBe(2);
    });

    it('asks with a new key after a refusal', async () => {
      network.answer = () => ({
        status: 409,
        body: { code: 'wrong_state', message: 'm', next_step: '', detail: null }
      });
      await expect(model.start('local', 4)).rejects.toThrow('m');
      await expect(model.start('local', 4)).rejects.toThrow('m');
      expect(new Set(keys()).size).toBe(2);
    });
  });

  it('stops, dismisses and reads logs through the routes', async () => {
    await connected(cluster());
    network.requests.length = 0;
    network.answer = ({ method, url }) =>
      method === 'DELETE'
        ? { status: 204 }
        : url.includes('/log')
          ? {
              status: 200,
              body: { source: 'job', text: 'x', truncated: true }
            }
          : { status: 202, body: cluster({ state: 'stopping' }) };
    expect((await model.stop('local')).state).toBe('stopping');
    await model.dismiss('local');
    expect((await model.log('local', 'job', 9)).truncated).toBe(true);
    expect(network.requests.map(({ method }) => method)).toEqual([
      'POST',
      'DELETE',
      'GET'
    ]);
    // Shown only when the stream tells it.
    expect(model.get('local')?.state).toBe('ready');
  });

  it('is silent after it was disposed', async () => {
    await connected(cluster());
    const socket = network.last;
    const changed = jest.fn();
    model.changed.connect(changed);
    model.dispose();
    socket.drop();
    await settle();
    expect(changed).not.toHaveBeenCalled();
    expect(model.isDisposed).toBe(true);
  });
});
