import type { TranslationBundle } from '@jupyterlab/translation';
import type { Column } from './filter';

/** The columns in the order they stand; `owner` only where all users' jobs are shown. */
export const COLUMNS: readonly Column[] = [
  'state',
  'id',
  'name',
  'owner',
  'queue',
  'nodes',
  'cores',
  'memory',
  'elapsed',
  'walltime',
  'remark'
];

export function columnLabel(column: Column, trans: TranslationBundle): string {
  switch (column) {
    case 'state':
      return trans.__('State');
    case 'id':
      return trans.__('Job');
    case 'name':
      return trans.__('Name');
    case 'owner':
      return trans.__('User');
    case 'queue':
      return trans.__('Queue');
    case 'nodes':
      return trans.__('Nodes');
    case 'cores':
      return trans.__('Cores');
    case 'memory':
      return trans.__('Memory');
    case 'elapsed':
      return trans.__('Elapsed');
    case 'walltime':
      return trans.__('Walltime');
    case 'remark':
      return trans.__('Hosts, or why');
    default:
      return unknownColumn(column);
  }
}

/** What the label of a column cannot say. */
export function columnCaption(
  column: Column,
  trans: TranslationBundle
): string {
  switch (column) {
    case 'memory':
      return trans.__('Memory asked for');
    case 'elapsed':
      return trans.__('How long it has run, or waits');
    case 'walltime':
      return trans.__('Longest time it may run');
    case 'remark':
      return trans.__('Where it runs, why it waits, how it ended');
    default:
      return columnLabel(column, trans);
  }
}

function unknownColumn(column: never): never {
  throw new Error(`No words for the column ${String(column)}`);
}
