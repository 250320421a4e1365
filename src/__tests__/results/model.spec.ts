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

  it('goes on showing all while more comes, without asking each time', () => {
    const run = new SimulatedRun({ blocks: [block()], dropped_blocks: 1 });
    run.model.askAll();
    expect(run.model.isAllAsked).toBe(true);
    const all = [block(), block({ key: 'b' })];
    run.model.receive({ all, dropped_blocks: 7 });
    expect(run.model.isAllAsked).toBe(false);
    expect(run.model.droppedBlocks).toBe(7);
    const [, second] = run.model.blocks;
    run.model.update({ blocks: [block({ text: 'more' })] });
    run.model.update({ blocks: [block({ text: 'and more' })] });
    expect(run.model.blocks).toHaveLength(2);
    expect(run.sent).toHaveLength(1);
    run.clock += 6;
    run.model.update({ now: START + 8 });
    expect(run.sent).toHaveLength(2);
    run.model.update({ blocks: [block({ text: 'the end' })], state: 'done' });
    run.model.receive({ all: [block({ text: 'and more' }), all[1]] });
    // What has not changed is not drawn again.
    expect(run.model.blocks[1]).toBe(second);
    // It had ended since that was asked.
    expect(run.sent).toHaveLength(3);
    run.model.receive({ all: [block({ text: 'the end' }), all[1]] });
    expect(run.sent).toHaveLength(3);
    expect(run.model.blocks[0]?.text).toBe('the end');
  });

  it('asks nobody for ever when the connection has gone unnoticed', async () => {
    const run = new SimulatedRun({ blocks: [block()], blocking: false });
    run.isGone = true;
    const [first] = run.model.blocks;
    if (first === undefined) {
      throw new Error('There is no block');
    }
    run.model.askWhole(first);
    expect(run.model.wholeOf(first)).toMatchObject({ text: null, data: null });
    run.model.askAll();
    expect(run.model.isAllAsked).toBe(false);
    await run.model.stop();
    expect(run.model.isStopping).toBe(false);
    expect(run.model.stopError?.message).toBe('Cannot send');
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
