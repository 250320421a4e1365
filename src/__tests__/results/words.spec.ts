import { NO_RUN, withTraits } from '../../results/contract';
import {
  blockRanks,
  blockTitle,
  conditionIcon,
  conditionOf,
  conditionTone,
  droppedWords,
  elapsedLabel,
  ranksWords,
  runSentence,
  sizeLabel
} from '../../results/words';
import type { Condition } from '../../results/words';
import { trans } from '../fakes';
import { block, traits } from './runs';

function sentence(states: string, state: string, isConnected = true): string {
  const run = withTraits(
    NO_RUN,
    traits({ states, state, ranks: Array.from(states, (_, rank) => rank) })
  );
  return runSentence(run, conditionOf(run, isConnected), trans);
}

describe('words of a run', () => {
  it.each([
    ['rrrr', 'running', 'Running on 4 engines'],
    ['r', 'running', 'Running on 1 engine'],
    ['wwww', 'running', 'Running on 4 engines: waiting'],
    ['dddd', 'done', 'Done on 4 engines'],
    ['ffff', 'failed', 'Failed on 4 engines'],
    ['iiii', 'timeout', 'Out of time on 4 engines'],
    ['llll', 'failed', 'Failed on 4 engines: lost'],
    ['ddrw', 'running', 'Running: 2 done · 1 running (rank 2) · 1 waiting'],
    ['dddf', 'failed', 'Failed: 3 done · 1 failed (rank 3)'],
    [
      'fiil',
      'failed',
      'Failed: 1 failed (rank 0) · 2 interrupted (ranks 1–2) · 1 lost (rank 3)'
    ],
    ['', 'running', 'Running']
  ])('of %p, %s: %s', (states, state, words) => {
    expect(sentence(states, state)).toBe(words);
  });

  it('does not claim to know what the kernel has taken along', () => {
    expect(sentence('rrrr', 'running', false)).toMatch(/^How it ended is not/);
    expect(sentence('dddd', 'done', false)).toBe('Done on 4 engines');
  });

  it('names only the first of many ranks', () => {
    expect(ranksWords([0, 2, 4, 6, 8, 10, 12, 14], trans)).toBe(
      'ranks 0, 2, 4, 6, 8, 10, …'
    );
  });

  it('has an icon and a tone for each condition', () => {
    const conditions: Condition[] = [
      'running',
      'done',
      'failed',
      'interrupted',
      'timeout',
      'unknown'
    ];
    const icons = conditions.map(condition => conditionIcon(condition).name);
    expect(new Set(icons).size).toBe(conditions.length);
    expect(conditions.map(conditionTone)).toEqual([
      'busy',
      'good',
      'bad',
      'neutral',
      'warning',
      'warning'
    ]);
  });

  it.each([
    [0.84, false, '0.8 s'],
    [3.9, true, '3 s'],
    [59.2, false, '59.2 s'],
    [59.96, false, '00:01:00'],
    [3725, true, '01:02:05']
  ])('writes %p s, running: %p, as %p', (seconds, isRunning, label) => {
    expect(elapsedLabel(seconds, isRunning, trans)).toBe(label);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [250_000, '250 kB'],
    [12_300_000, '12 MB'],
    [4.2e12, '4200 GB']
  ])('writes %p bytes as %p', (bytes, label) => {
    expect(sizeLabel(bytes)).toBe(label);
  });

  it('names the ranks of a block in little room', () => {
    const run = withTraits(NO_RUN, {
      blocks: [
        block({ ranks: '0–7' }),
        block({ key: 'b', ranks: '0, 2, 4, 6, 8, 10, 12–99', count: 94 })
      ]
    });
    expect(run.blocks.map(one => blockRanks(one, trans))).toEqual([
      '0–7',
      '0, 2, 4, 6, 8, 10, … (94)'
    ]);
  });

  it('says what is left out, and whose a block is', () => {
    expect(droppedWords({ lines: 1, bytes: 20 }, trans)).toBe(
      '1 line (20 B) is left out'
    );
    expect(droppedWords({ lines: 0, bytes: 3_000_000 }, trans)).toBe(
      '3.0 MB are left out'
    );
    const run = withTraits(NO_RUN, {
      blocks: [block(), block({ key: 'b', ranks: '0–7', count: 8 })]
    });
    expect(run.blocks.map(one => blockTitle(one, trans))).toEqual([
      'rank 0',
      '8 ranks: 0–7'
    ]);
  });
});
