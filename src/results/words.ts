/** Says in words how a cell does on engines. Pure: no clock, no document. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Tone } from '../icon';
import {
  alertIcon,
  clockIcon,
  doneIcon,
  failedIcon,
  offIcon,
  progressIcon
} from '../icons';
import { clockLabel } from '../times';
import type { IBlock, IRun, RankState, RunState } from './contract';
import { rangesOf, ranksLabel } from './ranks';

/** In the order in which they are told. */
const RANK_STATES: readonly RankState[] = [
  'done',
  'running',
  'waiting',
  'failed',
  'interrupted',
  'lost'
];

/** So many groups of ranks are named; the squares tell the others. */
const NAMED_RANGES = 6;

/** How a run is, the loss of its kernel included. */
export type Condition = RunState | 'unknown';

export function conditionOf(run: IRun, isConnected: boolean): Condition {
  return run.state === 'running' && !isConnected ? 'unknown' : run.state;
}

export function conditionIcon(condition: Condition): LabIcon {
  switch (condition) {
    case 'running':
      return progressIcon;
    case 'done':
      return doneIcon;
    case 'failed':
      return failedIcon;
    case 'interrupted':
      return offIcon;
    case 'timeout':
      return clockIcon;
    case 'unknown':
      return alertIcon;
    default:
      return noWords(condition);
  }
}

export function conditionTone(condition: Condition): Tone {
  switch (condition) {
    case 'running':
      return 'busy';
    case 'done':
      return 'good';
    case 'failed':
      return 'bad';
    case 'interrupted':
      return 'neutral';
    case 'timeout':
    case 'unknown':
      return 'warning';
    default:
      return noWords(condition);
  }
}

/** One word for how a run is. */
export function conditionWord(
  condition: Condition,
  trans: TranslationBundle
): string {
  switch (condition) {
    case 'running':
      return trans.__('Running');
    case 'done':
      return trans.__('Done');
    case 'failed':
      return trans.__('Failed');
    case 'interrupted':
      return trans.__('Interrupted');
    case 'timeout':
      return trans.__('Out of time');
    case 'unknown':
      return trans.__('Unknown');
    default:
      return noWords(condition);
  }
}

/** One word for what a rank does. */
export function rankStateWord(
  state: RankState,
  trans: TranslationBundle
): string {
  switch (state) {
    case 'waiting':
      return trans.__('waiting');
    case 'running':
      return trans.__('running');
    case 'done':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    case 'lost':
      return trans.__('lost');
    case 'interrupted':
      return trans.__('interrupted');
    default:
      return noWords(state);
  }
}

/** Say what a square stands for: `rank 3: running`. */
export function squareLabel(
  rank: number,
  state: RankState,
  trans: TranslationBundle
): string {
  return trans.__('rank %1: %2', rank, rankStateWord(state, trans));
}

/** Say how a run is and on which ranks: `Failed: 7 done · 1 failed (rank 7)`. */
export function runSentence(
  run: IRun,
  condition: Condition,
  trans: TranslationBundle
): string {
  if (condition === 'unknown') {
    return trans.__(
      'How it ended is not known: its kernel does not have it any more'
    );
  }
  const parts = countsOf(run, trans);
  const all = run.states[0];
  if (parts.length === 1 && all !== undefined) {
    const engines = trans._n('%1 engine', '%1 engines', run.ranks.length);
    const agrees =
      all === condition || (condition === 'timeout' && all === 'interrupted');
    return agrees
      ? trans.__('%1 on %2', conditionWord(condition, trans), engines)
      : trans.__(
          '%1 on %2: %3',
          conditionWord(condition, trans),
          engines,
          rankStateWord(all, trans)
        );
  }
  return parts.length === 0
    ? conditionWord(condition, trans)
    : trans.__('%1: %2', conditionWord(condition, trans), parts.join(' · '));
}

/** Say for each state how many ranks are in it, and which if that needs looking at. */
function countsOf(run: IRun, trans: TranslationBundle): string[] {
  const groups = new Map<RankState, number[]>();
  run.states.forEach((state, index) => {
    const rank = run.ranks[index];
    if (rank !== undefined) {
      const group = groups.get(state);
      if (group === undefined) {
        groups.set(state, [rank]);
      } else {
        group.push(rank);
      }
    }
  });
  return RANK_STATES.flatMap(state => {
    const ranks = groups.get(state);
    if (ranks === undefined) {
      return [];
    }
    const count = trans.__('%1 %2', ranks.length, rankStateWord(state, trans));
    // Those for whom all others wait are worth a name, and those with whom something is wrong.
    const isNamed =
      state !== 'done' &&
      state !== 'waiting' &&
      ranks.length * 2 <= run.ranks.length;
    return isNamed
      ? [trans.__('%1 (%2)', count, ranksWords(ranks, trans))]
      : [count];
  });
}

/** Name ranks: `rank 7`, `ranks 0–3, 9`; only the first ones if there are many. */
export function ranksWords(
  ranks: readonly number[],
  trans: TranslationBundle
): string {
  const ranges = rangesOf(ranks);
  const label = ranksLabel(ranges.slice(0, NAMED_RANGES));
  return trans._n(
    'rank %2',
    'ranks %2',
    ranks.length,
    ranges.length > NAMED_RANGES ? trans.__('%1, …', label) : label
  );
}

/** Name the ranks of a block in little room: only the first ones if there are many. */
export function blockRanks(block: IBlock, trans: TranslationBundle): string {
  return block.ranges.length > NAMED_RANGES
    ? trans.__(
        '%1, … (%2)',
        ranksLabel(block.ranges.slice(0, NAMED_RANGES)),
        block.count
      )
    : block.ranks;
}

/** Say whose a block is. */
export function blockTitle(block: IBlock, trans: TranslationBundle): string {
  return block.count === 1
    ? trans.__('rank %1', block.ranks)
    : trans.__('%1 ranks: %2', block.count, block.ranks);
}

/** Write how long a run took or takes: `0.8 s`, from a minute on a clock. */
export function elapsedLabel(
  seconds: number,
  isRunning: boolean,
  trans: TranslationBundle
): string {
  // Tenths of what goes on would only flicker.
  const shown = isRunning ? Math.floor(seconds) : Math.round(seconds * 10) / 10;
  if (shown >= 60) {
    return clockLabel(shown);
  }
  return trans.__('%1 s', isRunning ? shown : shown.toFixed(1));
}

/** Say how much of a block is not shown. */
export function droppedWords(
  dropped: NonNullable<IBlock['dropped']>,
  trans: TranslationBundle
): string {
  const size = sizeLabel(dropped.bytes);
  return dropped.lines > 0
    ? trans._n(
        '%1 line (%2) is left out',
        '%1 lines (%2) are left out',
        dropped.lines,
        size
      )
    : trans.__('%1 are left out', size);
}

/** Write a size in the largest unit that leaves a number people can read. */
export function sizeLabel(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(
    units.length - 1,
    Math.floor(Math.log10(Math.max(1, bytes)) / 3)
  );
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power] ?? ''}`;
}

function noWords(value: never): never {
  throw new Error(`No words for ${String(value)}`);
}
