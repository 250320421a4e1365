import { block, SimulatedRun, START, traits } from './runs';

describe('RunModel', () => {
  it('counts time by the kernel’s clock, going on with the page’s', () => {
    const { model } = new SimulatedRun();
    const run = new SimulatedRun();
    expect(model.elapsed()).toBe(2);
    run.clock += 3;
    expect(run.model.elapsed()).toBe(5);
    run.model.update({ state: 'done', ended_at: START + 4 });
    run.clock += 60;
    expect(run.model.elapsed()).toBe(4);
  });

  it('stops counting when the kernel is gone', () => {
    const run = new SimulatedRun();
    run.model.setConnected(false);
    run.clock += 60;
    expect(run.model.elapsed()).toBe(2);
    expect(run.model.isRunning).toBe(false);
  });

  it('knows no time before the kernel has told any', () => {
    const run = new SimulatedRun({ started_at: 0 });
    expect(run.model.elapsed()).toBeNull();
  });

  it('interrupts the kernel that is busy with it', async () => {
    const run = new SimulatedRun();
    run.interrupt = jest.fn().mockResolvedValue(undefined);
    await run.model.stop();
    expect(run.interrupt).toHaveBeenCalled();
    expect(run.sent).toEqual([]);
    expect(run.model.isStopping).toBe(true);
    run.model.update({ state: 'interrupted' });
    expect(run.model.isStopping).toBe(false);
  });

  it('asks the kernel that is not', async () => {
    const run = new SimulatedRun({ blocking: false });
    await run.model.stop();
    await run.model.stop();
    expect(run.sent).toEqual([{ do: 'stop' }, { do: 'stop' }]);
  });

  it('is stopping until the kernel tells what came of it', async () => {
    const run = new SimulatedRun({
      blocking: false,
      notice: 'Rank 1 is busy.'
    });
    await run.model.stop();
    run.model.update({ now: START + 3 });
    run.model.update({ notice: '' });
    expect(run.model.isStopping).toBe(true);
    run.model.update({ notice: 'Rank 1 is busy.' });
    expect(run.model.isStopping).toBe(false);
    expect(run.model.isRunning).toBe(true);
  });

  it('tells when the kernel could not be interrupted', async () => {
    const run = new SimulatedRun();
    run.interrupt = () => Promise.reject(new Error('500'));
    await run.model.stop();
    expect(run.model.isStopping).toBe(false);
    expect(run.model.stopError?.message).toBe('500');
    run.interrupt = () => Promise.resolve();
    await run.model.stop();
    expect(run.model.stopError).toBeNull();
  });

  it('has the whole of a block until the block changes', () => {
    const run = new SimulatedRun({ blocks: [block()] });
    const [first] = run.model.blocks;
    if (first === undefined) {
      throw new Error('There is no block');
    }
    run.model.askWhole(first);
    expect(run.sent).toEqual([{ do: 'whole', key: 'a' }]);
    expect(run.model.wholeOf(first)).toBe('asked');
    run.model.receive({ whole: 'a', text: 'all of it', data: null });
    expect(run.model.wholeOf(first)).toMatchObject({ text: 'all of it' });
    // Still the same.
    run.model.update(traits({ blocks: [block()] }));
    expect(run.model.wholeOf(first)).toMatchObject({ text: 'all of it' });
    run.model.update({ blocks: [block({ text: 'more' })] });
    expect(run.model.blocks.map(one => run.model.wholeOf(one))).toEqual([
      undefined
    ]);
    // What was asked of one that is gone comes too late.
    run.model.receive({ whole: 'b', text: 'late', data: null });
    expect(run.model.blocks.map(({ text }) => text)).toEqual(['more']);
  });

  it('shows blocks that were left out once they were asked for', () => {
    const run = new SimulatedRun({ blocks: [block()], dropped_blocks: 1 });
    run.model.askAll();
    expect(run.sent).toEqual([{ do: 'all' }]);
    run.model.receive({ all: [block(), block({ key: 'b' })] });
    expect(run.model.blocks.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(run.model.droppedBlocks).toBe(0);
  });

  it('keeps what it shows when it is told nothing that it knows', () => {
    const run = new SimulatedRun();
    const changed = jest.fn();
    run.model.changed.connect(changed);
    run.model.receive({ nothing: 'known' });
    run.model.setConnected(true);
    expect(changed).not.toHaveBeenCalled();
    run.model.dispose();
    run.model.dispose();
    expect(run.model.isDisposed).toBe(true);
  });
});
