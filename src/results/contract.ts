/**
 * What kernel and page say to each other about a cell that runs on engines. Pure.
 *
 * #### Notes
 * The kernel's half is `pxengines/dispatch/live.py`. What arrives is read here once, field by
 * field: a kernel may have another version of it than the page.
 */
import { JSONExt } from '@lumino/coreutils';
import type {
  PartialJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';
import { parseRanks } from './ranks';
import type { Ranges } from './ranks';

/** The name under which the widgets are registered: `_model_module` of the kernel's half. */
export const WIDGET_MODULE = 'jupyterlab-engines';

/** The version of what this file describes; the kernel asks for `^0.1.0`. */
export const WIDGET_VERSION = '0.1.0';

/** An output that shows a run: live where its model is, otherwise the output's own HTML. */
export const RUN_MIME_TYPE = 'application/vnd.jupyterlab-engines.run+json';

const RUN_STATES = [
  'running',
  'done',
  'failed',
  'interrupted',
  'timeout'
] as const;
export type RunState = (typeof RUN_STATES)[number];

const RANK_STATES = {
  w: 'waiting',
  r: 'running',
  d: 'done',
  f: 'failed',
  l: 'lost',
  i: 'interrupted'
} as const;
export type RankState = (typeof RANK_STATES)[keyof typeof RANK_STATES];

const BLOCK_KINDS = ['stdout', 'stderr', 'display', 'result', 'error'] as const;
export type BlockKind = (typeof BLOCK_KINDS)[number];

/** What some ranks have put out, all of them the same. */
export interface IBlock {
  readonly key: string;
  readonly kind: BlockKind;
  /** As people write them: `0–7, 9`. */
  readonly ranks: string;
  readonly ranges: Ranges;
  /** How many ranks. */
  readonly count: number;
  /** Of an error, what was raised, in a line. */
  readonly title: string | null;
  /** What there is besides `data`, or all there is. */
  readonly text: string | null;
  readonly data: PartialJSONObject | null;
  readonly metadata: ReadonlyPartialJSONObject;
  /** What was left out for its size; null: nothing. */
  readonly dropped: { readonly lines: number; readonly bytes: number } | null;
}

/** A cell that runs on engines, or has. */
export interface IRun {
  /** The first line of the code. */
  readonly label: string;
  /** Empty: a cluster that nobody here has started. */
  readonly cluster: string;
  readonly ranks: readonly number[];
  /** One for each of `ranks`. */
  readonly states: readonly RankState[];
  readonly state: RunState;
  /** By the kernel's clock, in seconds. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** The kernel's clock when it told this. */
  readonly now: number;
  readonly blocks: readonly IBlock[];
  /** Blocks that were left out because there are so many. */
  readonly droppedBlocks: number;
  /** Whether the kernel does nothing else meanwhile. */
  readonly isBlocking: boolean;
  /** What became of a wish to stop it, in the kernel's words; empty: nothing yet. */
  readonly notice: string;
}

/** What the page asks the kernel to do. */
export type Request =
  { do: 'stop' } | { do: 'all' } | { do: 'whole'; key: string };

/** What the kernel answers. */
export type Answer =
  | {
      type: 'whole';
      key: string;
      /** Both null: the kernel does not have it any more. */
      text: string | null;
      data: PartialJSONObject | null;
      metadata: ReadonlyPartialJSONObject;
    }
  | { type: 'all'; blocks: readonly IBlock[]; droppedBlocks: number };

export const NO_RUN: IRun = {
  label: '',
  cluster: '',
  ranks: [],
  states: [],
  state: 'running',
  startedAt: 0,
  endedAt: null,
  now: 0,
  blocks: [],
  droppedBlocks: 0,
  isBlocking: false,
  notice: ''
};

/**
 * Return a run after its traits have changed.
 *
 * @param run - the run before
 * @param traits - those that have changed, as the kernel sent them; others are passed over
 *
 * #### Notes
 * What is the same stays the same object, so that nothing of it is drawn again.
 */
export function withTraits(
  run: IRun,
  traits: Readonly<Record<string, unknown>>
): IRun {
  return {
    label: readText(traits.label) ?? run.label,
    cluster: readText(traits.cluster) ?? run.cluster,
    ranks: Array.isArray(traits.ranks)
      ? traits.ranks.filter(rank => typeof rank === 'number')
      : run.ranks,
    states:
      typeof traits.states === 'string'
        ? Array.from(traits.states, readRankState)
        : run.states,
    state: RUN_STATES.find(state => state === traits.state) ?? run.state,
    startedAt: readNumber(traits.started_at) ?? run.startedAt,
    endedAt: 'ended_at' in traits ? readNumber(traits.ended_at) : run.endedAt,
    now: readNumber(traits.now) ?? run.now,
    blocks: Array.isArray(traits.blocks)
      ? readBlocks(traits.blocks, run.blocks)
      : run.blocks,
    droppedBlocks: readNumber(traits.dropped_blocks) ?? run.droppedBlocks,
    isBlocking:
      typeof traits.blocking === 'boolean' ? traits.blocking : run.isBlocking,
    notice: readText(traits.notice) ?? run.notice
  };
}

/**
 * Read a message of the kernel; null: none that is known here.
 *
 * @param shown - the blocks there are: those that have not changed stay the same objects
 */
export function readAnswer(
  content: unknown,
  shown: readonly IBlock[] = []
): Answer | null {
  if (!isRecord(content)) {
    return null;
  }
  if (typeof content.whole === 'string') {
    return {
      type: 'whole',
      key: content.whole,
      text: readText(content.text),
      data: readBundle(content.data),
      metadata: readBundle(content.metadata) ?? {}
    };
  }
  return Array.isArray(content.all)
    ? {
        type: 'all',
        blocks: readBlocks(content.all, shown),
        droppedBlocks: readNumber(content.dropped_blocks) ?? 0
      }
    : null;
}

/** Read an output of `RUN_MIME_TYPE`: the model that shows the run; null: it names none. */
export function readModelId(data: unknown): string | null {
  return isRecord(data) ? readText(data.model_id) : null;
}

function readBlocks(
  values: readonly unknown[],
  previous: readonly IBlock[]
): readonly IBlock[] {
  const known = new Map(previous.map(block => [block.key, block]));
  return values.flatMap(value => {
    const block = readBlock(value);
    if (block === null) {
      return [];
    }
    const same = known.get(block.key);
    return same !== undefined &&
      JSONExt.deepEqual(comparable(same), comparable(block))
      ? [same]
      : [block];
  });
}

/** Return all of a block that is told, for comparison. */
function comparable(block: IBlock): ReadonlyPartialJSONObject {
  const { kind, ranks, count, title, text, data, metadata, dropped } = block;
  return { kind, ranks, count, title, text, data, metadata, dropped };
}

function readBlock(value: unknown): IBlock | null {
  if (!isRecord(value)) {
    return null;
  }
  const key = readText(value.key);
  const kind = BLOCK_KINDS.find(known => known === value.kind);
  const ranks = readText(value.ranks);
  const ranges = ranks === null ? null : parseRanks(ranks);
  if (key === null || kind === undefined || ranks === null || ranges === null) {
    return null;
  }
  const dropped = value.dropped;
  return {
    key,
    kind,
    ranks,
    ranges,
    count: readNumber(value.count) ?? 0,
    title: readText(value.title),
    text: readText(value.text),
    data: readBundle(value.data),
    metadata: readBundle(value.metadata) ?? {},
    dropped: isRecord(dropped)
      ? {
          lines: readNumber(dropped.lines) ?? 0,
          bytes: readNumber(dropped.bytes) ?? 0
        }
      : null
  };
}

/** A letter that is not known here stands for a rank of which nothing is known yet. */
function readRankState(letter: string): RankState {
  switch (letter) {
    case 'r':
    case 'd':
    case 'f':
    case 'l':
    case 'i':
      return RANK_STATES[letter];
    default:
      return RANK_STATES.w;
  }
}

function readText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function readNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function readBundle(value: unknown): PartialJSONObject | null {
  return isBundle(value) ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It came as JSON, so an object of it is an object of JSON. */
function isBundle(value: unknown): value is PartialJSONObject {
  return isRecord(value);
}
