import type { ServerMessage, Snapshot } from '../../api/generated';
import { EventStream } from '../../api/stream';
import { noScheduler } from '../examples';
import { FakeNetwork, FakePage, HELLO, settle } from '../fakes';

const SNAPSHOT: Snapshot = {
  type: 'snapshot',
  revision: 7,
  profiles: [],
  clusters: [],
  scheduler: noScheduler(),
  jobs: [],
  activity: []
};

describe('EventStream', () => {
  let network: FakeNetwork;
  let page: FakePage;
  let snapshot: jest.Mock<Promise<Snapshot>, []>;
  let stream: EventStream;
  let received: ServerMessage[];
  let states: EventStream.State[];

  beforeEach(() => {
    jest.useFakeTimers();
    network = new FakeNetwork();
    page = new FakePage();
    snapshot = jest.fn(() => Promise.resolve(SNAPSHOT));
    received = [];
    states = [];
    stream = new EventStream({
      serverSettings: network.settings,
      snapshot,
      page,
      // The longest of each delay.
      random: () => 1
    });
    stream.received.connect((_, message) => {
      received.push(message);
    });
    stream.stateChanged.connect((_, state) => {
      states.push(state);
    });
  });

  afterEach(() => {
    stream.dispose();
    jest.useRealTimers();
  });

  it('connects with the token below the base URL', () => {
    stream.open();
    expect(network.last.url).toBe(
      'ws://host/user/some%20one/jupyterlab-engines/stream?token=a%20token'
    );
    expect(stream.state).toBe('connecting');
  });

  it('hands on messages in order, and is live', () => {
    stream.open();
    network.last.receive(HELLO);
    network.last.receive(SNAPSHOT);
    expect(received).toEqual([HELLO, SNAPSHOT]);
    expect(states).toEqual(['connecting', 'live']);
  });

  it('asks for a snapshot when told that a delta did not fit', () => {
    stream.open();
    network.last.receive(HELLO);
    stream.resync();
    expect(network.last.sent).toEqual([{ type: 'resync' }]);
  });

  it('backs off further at each failure, and starts over after a success', () => {
    stream.open();
    network.last.receive(HELLO);
    network.last.drop();
    expect(stream.state).toBe('lost');
    for (const delay of [500, 1000, 2000, 4000]) {
      const before = network.sockets.length;
      jest.advanceTimersByTime(delay - 1);
      expect(network.sockets).toHaveLength(before);
      jest.advanceTimersByTime(1);
      expect(network.sockets).toHaveLength(before + 1);
      network.last.drop();
    }
    jest.advanceTimersByTime(8000);
    network.last.receive(HELLO);
    expect(stream.state).toBe('live');
    network.last.drop();
    const before = network.sockets.length;
    jest.advanceTimersByTime(500);
    expect(network.sockets).toHaveLength(before + 1);
  });

  it('never waits longer than half a minute', () => {
    stream.open();
    for (let attempt = 0; attempt < 12; attempt++) {
      network.last.drop();
      jest.advanceTimersByTime(30_000);
    }
    expect(network.sockets).toHaveLength(13);
  });

  it('asks by plain requests where sockets are blocked, until one gets through', async () => {
    stream.open();
    network.last.drop();
    expect(snapshot).not.toHaveBeenCalled();
    jest.advanceTimersByTime(500);
    network.last.drop();
    await jest.advanceTimersByTimeAsync(1);
    expect(stream.state).toBe('polling');
    expect(received).toEqual([SNAPSHOT]);

    const asked = snapshot.mock.calls.length;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(snapshot.mock.calls.length).toBeGreaterThan(asked);

    network.last.receive(HELLO);
    expect(stream.state).toBe('live');
    const askedUntilLive = snapshot.mock.calls.length;
    await jest.advanceTimersByTimeAsync(120_000);
    expect(snapshot).toHaveBeenCalledTimes(askedUntilLive);
  });

  it('takes a socket that speaks something else for a blocked one', () => {
    stream.open();
    const socket = network.last;
    socket.receive('<html>');
    expect(received).toEqual([]);
    expect(socket.readyState).toBe(3);
    expect(stream.state).toBe('lost');
  });

  it('says that the connection is lost when plain requests fail, too', async () => {
    snapshot.mockRejectedValue(new Error('no route'));
    stream.open();
    network.last.drop();
    jest.advanceTimersByTime(500);
    network.last.drop();
    await jest.advanceTimersByTimeAsync(1);
    expect(stream.state).toBe('lost');
    snapshot.mockResolvedValue(SNAPSHOT);
    stream.retry();
    await jest.advanceTimersByTimeAsync(1);
    expect(stream.state).toBe('polling');
  });

  it('asks at once while polling when a command has changed something', async () => {
    stream.open();
    network.last.drop();
    jest.advanceTimersByTime(500);
    network.last.drop();
    await jest.advanceTimersByTimeAsync(1);
    const asked = snapshot.mock.calls.length;
    stream.hurry();
    await jest.advanceTimersByTimeAsync(1);
    expect(snapshot.mock.calls.length).toBe(asked + 1);
  });

  it('closes when the page has been hidden for a while, and opens when it is shown', () => {
    stream.open();
    network.last.receive(HELLO);
    const socket = network.last;
    page.show(false);
    expect(stream.state).toBe('live');
    jest.advanceTimersByTime(5_000);
    expect(stream.state).toBe('paused');
    expect(socket.readyState).toBe(3);
    jest.advanceTimersByTime(600_000);
    expect(network.sockets).toHaveLength(1);
    page.show(true);
    expect(network.sockets).toHaveLength(2);
    network.last.receive(HELLO);
    expect(stream.state).toBe('live');
  });

  it('keeps the socket when the page is only glanced away from', () => {
    stream.open();
    network.last.receive(HELLO);
    page.show(false);
    jest.advanceTimersByTime(4_000);
    page.show(true);
    jest.advanceTimersByTime(60_000);
    expect(network.sockets).toHaveLength(1);
    expect(stream.state).toBe('live');
  });

  it('does not connect a hidden page', () => {
    page.hidden = true;
    stream.open();
    expect(network.sockets).toHaveLength(0);
    expect(stream.state).toBe('paused');
  });

  it('leaves nothing behind when disposed', async () => {
    stream.open();
    const socket = network.last;
    socket.drop();
    stream.dispose();
    await settle();
    jest.advanceTimersByTime(600_000);
    expect(network.sockets).toHaveLength(1);
    expect(page.listeners).toBe(0);
    expect(stream.isDisposed).toBe(true);
  });
});
