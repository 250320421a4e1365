import {
  NO_RUN,
  readAnswer,
  readModelId,
  withTraits
} from '../../results/contract';
import { block, traits } from './runs';

describe('what the kernel tells', () => {
  it('is read whole', () => {
    const run = withTraits(
      NO_RUN,
      traits({
        states: 'wdfl',
        ended_at: 12.5,
        blocks: [
          block({ ranks: '0–2, 5', count: 4, dropped: { lines: 3, bytes: 40 } })
        ],
        dropped_blocks: 7
      })
    );
    expect(run).toMatchObject({
      label: 'psum(a)',
      cluster: 'pbs',
      ranks: [0, 1, 2, 3],
      states: ['waiting', 'done', 'failed', 'lost'],
      state: 'running',
      endedAt: 12.5,
      droppedBlocks: 7,
      isBlocking: true
    });
    expect(run.blocks).toEqual([
      {
        key: 'a',
        kind: 'stdout',
        ranks: '0–2, 5',
        ranges: [
          [0, 2],
          [5, 5]
        ],
        count: 4,
        title: null,
        text: 'hello\n',
        data: null,
        metadata: {},
        dropped: { lines: 3, bytes: 40 }
      }
    ]);
  });

  it('changes only what it names', () => {
    const run = withTraits(NO_RUN, traits({ ended_at: 3 }));
    const next = withTraits(run, { states: 'dddd' });
    expect(next).toEqual({ ...run, states: Array(4).fill('done') });
    expect(next.blocks).toBe(run.blocks);
    expect(withTraits(run, { ended_at: null }).endedAt).toBeNull();
  });

  it('leaves a block that has not changed the same object', () => {
    const run = withTraits(
      NO_RUN,
      traits({
        blocks: [block(), block({ key: 'b', data: { 'text/plain': '1' } })]
      })
    );
    const next = withTraits(run, {
      blocks: [
        block({ text: 'hello\nworld\n' }),
        block({ key: 'b', data: { 'text/plain': '1' } })
      ]
    });
    expect(next.blocks[0]).not.toBe(run.blocks[0]);
    expect(next.blocks[1]).toBe(run.blocks[1]);
  });

  it.each([
    ['another version’s kind', { kind: 'video' }],
    ['ranks nobody can read', { ranks: 'most' }],
    ['no key', { key: null }]
  ])('passes over a block with %s', (_, changes) => {
    expect(
      withTraits(NO_RUN, { blocks: [block(changes), null] }).blocks
    ).toEqual([]);
  });

  it('takes a state it does not know for nothing new', () => {
    const run = withTraits(NO_RUN, traits({ state: 'done' }));
    expect(withTraits(run, { state: 'odd', states: 'd?' })).toMatchObject({
      state: 'done',
      states: ['done', 'waiting']
    });
  });

  it('answers what was asked', () => {
    expect(readAnswer({ whole: 'a', text: 'all', data: null })).toEqual({
      type: 'whole',
      key: 'a',
      text: 'all',
      data: null,
      metadata: {}
    });
    expect(readAnswer({ all: [block()] })).toMatchObject({
      type: 'all',
      blocks: [{ key: 'a' }]
    });
    expect(readAnswer({ other: 1 })).toBeNull();
    expect(readAnswer(null)).toBeNull();
  });

  it('names the model of an output', () => {
    expect(readModelId({ model_id: 'm' })).toBe('m');
    expect(readModelId({})).toBeNull();
    expect(readModelId('m')).toBeNull();
  });
});
