/** Turns the resources of a job into texts of a form, and back. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FieldProblem, Queue, Resources } from '../api/generated';
import { clockLabel, spanWords } from '../times';
import { memoryText, parseCount, parseMemory, parseWalltime } from './amounts';

export type ResourceField = keyof Resources;
/** What stands in the fields; empty: not asked for. */
export type ResourceTexts = Readonly<Record<ResourceField, string>>;

export const RESOURCE_FIELDS: readonly ResourceField[] = [
  'queue',
  'walltime_seconds',
  'nodes',
  'engines_per_node',
  'cores_per_engine',
  'memory_bytes',
  'account'
];

export const NO_RESOURCES: Resources = {
  queue: null,
  walltime_seconds: null,
  nodes: null,
  engines_per_node: null,
  cores_per_engine: null,
  memory_bytes: null,
  account: null
};

/** Name a field of the resources as the server does in its problems. */
export function pathOf(field: ResourceField): string {
  return `resources.${field}`;
}

export function textsOf(resources: Resources): ResourceTexts {
  const count = (value: number | null) => (value === null ? '' : String(value));
  return {
    queue: resources.queue ?? '',
    walltime_seconds:
      resources.walltime_seconds === null
        ? ''
        : clockLabel(resources.walltime_seconds),
    nodes: count(resources.nodes),
    engines_per_node: count(resources.engines_per_node),
    cores_per_engine: count(resources.cores_per_engine),
    memory_bytes:
      resources.memory_bytes === null ? '' : memoryText(resources.memory_bytes),
    account: resources.account ?? ''
  };
}

export interface IReadResources {
  /** What could be read; fields with a problem are null. */
  resources: Resources;
  /** What cannot be read at all. What is not allowed is for the server to say. */
  problems: FieldProblem[];
}

/** Read the texts of a form. */
export function readTexts(
  texts: ResourceTexts,
  trans: TranslationBundle
): IReadResources {
  const problems: FieldProblem[] = [];
  const read = (
    field: ResourceField,
    parse: (text: string) => number | null,
    message: string
  ): number | null => {
    if (texts[field].trim() === '') {
      return null;
    }
    const value = parse(texts[field]);
    if (value === null) {
      problems.push({ field: pathOf(field), message, severity: 'error' });
    }
    return value;
  };
  const whole = trans.__('Type a whole number, or nothing.');
  const text = (field: ResourceField) => {
    const trimmed = texts[field].trim();
    return trimmed === '' ? null : trimmed;
  };
  return {
    resources: {
      queue: text('queue'),
      walltime_seconds: read(
        'walltime_seconds',
        parseWalltime,
        trans.__(
          'Type a walltime with its unit, for example 1:30:00, 90m or 2h.'
        )
      ),
      nodes: read('nodes', parseCount, whole),
      engines_per_node: read('engines_per_node', parseCount, whole),
      cores_per_engine: read('cores_per_engine', parseCount, whole),
      memory_bytes: read(
        'memory_bytes',
        parseMemory,
        trans.__('Type an amount with its unit, for example 4 GB.')
      ),
      account: text('account')
    },
    problems
  };
}

/** Say in one line what a job asks for: `default · 2 nodes · 1 h`. */
export function resourcesSummary(
  resources: Resources,
  trans: TranslationBundle
): string {
  const { nodes, queue, walltime_seconds, memory_bytes } = resources;
  const parts = [queue ?? trans.__('default queue')];
  if (nodes !== null) {
    parts.push(trans._n('%1 node', '%1 nodes', nodes));
  }
  parts.push(
    walltime_seconds === null
      ? trans.__('queue’s walltime')
      : spanWords(walltime_seconds, trans)
  );
  if (memory_bytes !== null) {
    parts.push(memoryText(memory_bytes));
  }
  return parts.join(' · ');
}

/** Say what a queue allows; empty if it sets no limit that is known. */
export function queueLimits(queue: Queue, trans: TranslationBundle): string {
  const parts = [];
  if (queue.max_walltime_seconds !== null) {
    parts.push(
      trans.__('up to %1', spanWords(queue.max_walltime_seconds, trans))
    );
  }
  if (queue.max_nodes !== null) {
    parts.push(trans._n('%1 node', '%1 nodes', queue.max_nodes));
  }
  if (queue.max_cores !== null) {
    parts.push(trans._n('%1 core', '%1 cores', queue.max_cores));
  }
  if (!queue.enabled) {
    parts.push(trans.__('takes no jobs'));
  } else if (!queue.started) {
    parts.push(trans.__('runs no jobs now'));
  }
  return parts.join(', ');
}

/** Whether the site has fixed a field of the resources. */
export function isLocked(
  locked: readonly string[],
  field: ResourceField
): boolean {
  return (
    locked.includes(pathOf(field)) ||
    locked.includes(field) ||
    locked.includes('resources')
  );
}
