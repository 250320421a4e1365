/** What is known of each engine, in the order and in the words of a table. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Cluster, Engine, EngineActivity } from '../api/generated';
import { clockLabel, spanWords } from '../times';
import type { IActivity, Link } from '../tokens';
import { isUsable, rankOf } from './words';

/**
 * - `alive`: the controller counts it; what it does is not known.
 * - `unheard`: it answers no heartbeats: its host is down, or out of memory.
 * - `unknown`: the scheduler is silent, so nobody knows whether its job runs.
 */
export type EngineState =
  'alive' | 'busy' | 'idle' | 'lost' | 'unheard' | 'unknown';

export interface IEngineRow {
  engine: Engine;
  rank: number;
  state: EngineState;
  /** Null if nothing is known. */
  doing: EngineActivity | null;
  /** The last heartbeat that it answered, in seconds of the server's clock. */
  heardAt: number | null;
}

export type EngineColumn =
  | 'rank'
  | 'host'
  | 'pid'
  | 'state'
  | 'what'
  | 'since'
  | 'queued'
  | 'cpu'
  | 'memory'
  | 'heartbeat';

/** The columns of the large table, in the order they stand. */
export const ENGINE_COLUMNS: readonly EngineColumn[] = [
  'rank',
  'host',
  'pid',
  'state',
  'what',
  'since',
  'queued',
  'cpu',
  'memory',
  'heartbeat'
];

/** So late, in seconds, may a beat be on a busy host before it is spoken of: they come every three. */
const LATE_BEAT = 10;

/** Return the engines of a cluster by rank. */
export function rowsOf(
  cluster: Cluster,
  activity: IActivity | null,
  now: number
): IEngineRow[] {
  // While the scheduler is silent nobody knows whether the job still runs.
  const isKnown = (cluster.batch?.unknown_since ?? null) === null;
  // What was told of an earlier run, or before its controller fell silent, is not true now.
  const isTold =
    activity !== null &&
    activity.runId === cluster.run_id &&
    activity.problem === null;
  const rows = cluster.engines.map((engine): IEngineRow => {
    const doing =
      isTold && engine.alive
        ? (activity.engines.get(engine.engine_id) ?? null)
        : null;
    return {
      engine,
      rank: rankOf(engine),
      state: stateOf(engine, isKnown, doing, now),
      doing,
      heardAt:
        doing === null
          ? null
          : (doing.silent_since ?? activity?.heardAt ?? null)
    };
  });
  return rows.sort((a, b) => a.rank - b.rank);
}

function stateOf(
  engine: Engine,
  isKnown: boolean,
  doing: EngineActivity | null,
  now: number
): EngineState {
  if (!engine.alive) {
    return 'lost';
  }
  if (!isKnown) {
    return 'unknown';
  }
  if (doing === null) {
    return 'alive';
  }
  if (doing.silent_since !== null && now - doing.silent_since > LATE_BEAT) {
    return 'unheard';
  }
  return doing.busy_since === null ? 'idle' : 'busy';
}

/** Sort rows by a column; engines of which it is not known come last, whatever the direction. */
export function sortRows(
  rows: readonly IEngineRow[],
  column: EngineColumn,
  isDescending: boolean
): IEngineRow[] {
  const sign = isDescending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = valueOf(a, column);
    const right = valueOf(b, column);
    if (left === null || right === null) {
      return left === right ? a.rank - b.rank : left === null ? 1 : -1;
    }
    const order =
      typeof left === 'string' && typeof right === 'string'
        ? left.localeCompare(right, undefined, { numeric: true })
        : Number(left) - Number(right);
    return sign * order || a.rank - b.rank;
  });
}

function valueOf(
  { doing, engine, heardAt, rank, state }: IEngineRow,
  column: EngineColumn
): number | string | null {
  switch (column) {
    case 'rank':
      return rank;
    case 'host':
      return engine.host;
    case 'pid':
      return engine.pid;
    case 'state':
      return state;
    case 'what':
      return doing?.what ?? null;
    case 'since':
      // The longest first when it goes down, as the other numbers.
      return negative(doing?.busy_since ?? null);
    case 'queued':
      return doing?.queued ?? null;
    case 'cpu':
      return doing?.cpu_percent ?? null;
    case 'memory':
      return doing?.memory_mib ?? null;
    case 'heartbeat':
      return negative(heardAt);
    default:
      return unknownColumn(column);
  }
}

/** What counts from a time is longest where that is smallest. */
function negative(at: number | null): number | null {
  return at === null ? null : -at;
}

export function engineStateWord(
  state: EngineState,
  trans: TranslationBundle
): string {
  switch (state) {
    case 'alive':
      return trans.__('alive');
    case 'busy':
      return trans.__('busy');
    case 'idle':
      return trans.__('idle');
    case 'lost':
      return trans.__('lost');
    case 'unheard':
      return trans.__('no heartbeat');
    case 'unknown':
      return trans.__('unknown');
    default:
      return unknownState(state);
  }
}

export function engineColumnLabel(
  column: EngineColumn,
  trans: TranslationBundle
): string {
  switch (column) {
    case 'rank':
      return trans.__('Rank');
    case 'host':
      return trans.__('Host');
    case 'pid':
      return trans.__('Process');
    case 'state':
      return trans.__('State');
    case 'what':
      return trans.__('Works on');
    case 'since':
      return trans.__('For');
    case 'queued':
      return trans.__('Waiting');
    case 'cpu':
      return trans.__('CPU');
    case 'memory':
      return trans.__('Memory');
    case 'heartbeat':
      return trans.__('Heartbeat');
    default:
      return unknownColumn(column);
  }
}

/** What the label of a column cannot say. */
export function engineColumnCaption(
  column: EngineColumn,
  trans: TranslationBundle
): string {
  switch (column) {
    case 'what':
      return trans.__('First line of the cell, or name of the call');
    case 'since':
      return trans.__('How long it has worked on that');
    case 'queued':
      return trans.__('Requests that wait for this engine');
    case 'cpu':
      return trans.__('Of one core, mean of the last 5 s');
    case 'memory':
      return trans.__('Resident memory of the engine’s process');
    case 'heartbeat':
      return trans.__('When it last answered a heartbeat');
    default:
      return engineColumnLabel(column, trans);
  }
}

/** What stands where a value is not known. */
export const NOTHING = '—';

/** Return the text of a cell of the large table. */
export function cellText(
  row: IEngineRow,
  column: EngineColumn,
  now: number,
  trans: TranslationBundle
): string {
  const { doing, engine } = row;
  const since = doing?.busy_since ?? null;
  switch (column) {
    case 'rank':
      return String(row.rank);
    case 'host':
      return engine.host ?? NOTHING;
    case 'pid':
      return engine.pid === null ? NOTHING : String(engine.pid);
    case 'state':
      return engineStateWord(row.state, trans);
    case 'what':
      return whatWords(doing, trans);
    case 'since':
      return since === null ? '' : clockLabel(now - since);
    case 'queued':
      return doing === null ? NOTHING : String(doing.queued);
    case 'cpu':
      return cpuLabel(doing?.cpu_percent ?? null, trans);
    case 'memory':
      return memoryWords(doing?.memory_mib ?? null, trans);
    case 'heartbeat':
      return row.heardAt === null
        ? NOTHING
        : trans.__('%1 ago', spanWords(now - row.heardAt, trans));
    default:
      return unknownColumn(column);
  }
}

/** Return what an engine works on; nothing for an idle one. */
export function whatWords(
  doing: EngineActivity | null,
  trans: TranslationBundle
): string {
  if ((doing?.busy_since ?? null) === null) {
    return '';
  }
  return doing?.what ?? trans.__('a function');
}

export function cpuLabel(
  percent: number | null,
  trans: TranslationBundle
): string {
  return percent === null ? NOTHING : trans.__('%1 %', percent);
}

export function memoryWords(
  mib: number | null,
  trans: TranslationBundle
): string {
  if (mib === null) {
    return NOTHING;
  }
  return mib < 1024
    ? trans.__('%1 MB', mib)
    : trans.__('%1 GB', (mib / 1024).toFixed(1));
}

/** Say why it is not known what engines do; null if it is known. */
export function unknownReason(
  cluster: Cluster,
  activity: IActivity | null,
  link: Link,
  trans: TranslationBundle
): string | null {
  if (activity?.problem === 'silent') {
    return trans.__(
      'The controller does not answer, so what the engines do is not known.'
    );
  }
  if (cluster.origin === 'terminal' || activity?.problem === 'foreign') {
    return trans.__(
      'What these engines do is not known: their controller, started in a terminal or by an older version, does not tell.'
    );
  }
  if (activity === null && link.state === 'polling' && isUsable(cluster)) {
    return trans.__(
      'What the engines do is not known: that is told by WebSockets only, which are blocked on the way to the server.'
    );
  }
  return null;
}

/** Say why processor and memory are not known although the rest is; null if they are. */
export function unmeasuredReason(
  rows: readonly IEngineRow[],
  activity: IActivity | null,
  trans: TranslationBundle
): string | null {
  const told = rows.filter(({ doing }) => doing !== null);
  const isSampled = (activity?.points.length ?? 0) > 0;
  return isSampled &&
    told.length > 0 &&
    told.every(({ doing }) => doing?.memory_mib === null)
    ? trans.__(
        'CPU and memory are not known: no engine’s host could measure them.'
      )
    : null;
}

function unknownColumn(column: never): never {
  throw new Error(`No words for the column ${String(column)}`);
}

function unknownState(state: never): never {
  throw new Error(`No words for the state ${String(state)}`);
}
