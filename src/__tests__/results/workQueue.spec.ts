import { WorkQueue } from '../../results/workQueue';

describe('WorkQueue', () => {
  let now: number;
  let done: string[];
  let queue: WorkQueue;

  beforeEach(() => {
    jest.useFakeTimers();
    now = 0;
    done = [];
    queue = new WorkQueue(() => now);
  });

  afterEach(() => {
    queue.dispose();
    jest.useRealTimers();
  });

  function add(owner: object, name: string, takes: number): void {
    queue.add(owner, () => {
      done.push(name);
      now += takes;
    });
  }

  it('leaves the page to others when its time is over', () => {
    add({}, 'a', 8);
    add({}, 'b', 8);
    add({}, 'c', 8);
    expect(done).toEqual([]);
    jest.advanceTimersToNextTimer();
    expect(done).toEqual(['a', 'b']);
    jest.advanceTimersToNextTimer();
    expect(done).toEqual(['a', 'b', 'c']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does only the newest for one owner, in the place of the first', () => {
    const owner = {};
    add(owner, 'old', 0);
    add({}, 'other', 0);
    add(owner, 'new', 0);
    jest.runAllTimers();
    expect(done).toEqual(['new', 'other']);
  });

  it('goes on after what fails', () => {
    queue.add({}, () => {
      throw new Error('no');
    });
    add({}, 'other', 0);
    expect(() => jest.runAllTimers()).toThrow('no');
    jest.runAllTimers();
    expect(done).toEqual(['other']);
  });

  it('does nothing for who is gone', () => {
    const owner = {};
    add(owner, 'a', 0);
    queue.remove(owner);
    jest.runAllTimers();
    add({}, 'b', 0);
    queue.dispose();
    add({}, 'c', 0);
    jest.runAllTimers();
    expect(done).toEqual([]);
    expect(queue.isDisposed).toBe(true);
  });
});
