import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Job } from '../api/generated';
import { Icon } from '../icon';
import { clockLabel } from '../times';
import type { IJobRequest } from '../tokens';
import type { Column, IRow, SubjobCounts } from './filter';
import type { RowWords } from './rowWords';
import {
  conditionOf,
  conditionWord,
  elapsedSeconds,
  isWaiting,
  memoryLabel,
  remarkOf,
  requestWord,
  walltimeUsed
} from './words';

/** What ARIA counts the first job's row as: the header's is 1. */
export const FIRST_ROW_INDEX = 2;

export interface IJobRowProps {
  /** Of the element; only what is named by others needs one. */
  id: string | undefined;
  row: IRow;
  /** Position among all rows, from 0. */
  index: number;
  /** In pixels, from the first row; null for a row that stands below the one before. */
  top: number | null;
  isActive: boolean;
  showsOwner: boolean;
  /** The server's clock in seconds; 0 for a row that does not tick. */
  now: number;
  request: IJobRequest['action'] | null;
  hasMenu: boolean;
  words: RowWords;
}

/**
 * One job. Its clicks are the table's: it has no listeners of its own.
 *
 * #### Notes
 * Of as few components and elements as can be: all rows in sight are written anew in each
 * frame of a scroll.
 */
export const JobRow = React.memo((props: IJobRowProps): React.JSX.Element => {
  const { now, row, words } = props;
  const { job } = row;
  const { trans } = words;
  const condition = conditionOf(job);
  const name = words.name(job);
  return (
    <div
      id={props.id}
      role="row"
      aria-rowindex={props.index + FIRST_ROW_INDEX}
      aria-selected={props.isActive}
      className="jp-Engines-JobRow"
      data-job={job.job_id}
      data-condition={condition}
      data-depth={row.depth}
      data-active={props.isActive}
      style={props.top === null ? undefined : apart(props.top)}
    >
      <div {...CELLS.state} data-condition={condition}>
        {props.request === null
          ? words.condition(condition)
          : requestWord(props.request, trans)}
      </div>
      <div {...CELLS.id}>
        {row.subjobs !== null && <Fold row={row} trans={trans} />}
        {shortId(job.job_id)}
      </div>
      <div {...CELLS.name} data-badge={job.orphan}>
        {job.orphan ? <Orphan name={name} trans={trans} /> : name}
      </div>
      {props.showsOwner && <div {...CELLS.owner}>{job.owner}</div>}
      <div {...CELLS.queue}>{job.queue}</div>
      <div {...CELLS.nodes}>{job.nodes}</div>
      <div {...CELLS.cores}>{job.cores}</div>
      <div {...CELLS.memory}>
        {job.memory_bytes === null ? '' : memoryLabel(job.memory_bytes)}
      </div>
      <div {...CELLS.elapsed} {...bar(walltimeUsed(job, now))}>
        {elapsedLabel(job, now, words)}
      </div>
      <div {...CELLS.walltime}>
        {job.walltime_seconds === null ? '' : clockLabel(job.walltime_seconds)}
      </div>
      <div {...CELLS.remark}>
        {row.subjobs === null
          ? remarkOf(job, trans)
          : subjobsLabel(row.subjobs, trans)}
      </div>
      <div {...CELLS.menu}>
        {props.hasMenu && (
          <button
            tabIndex={-1}
            className="jp-Engines-JobMenuButton"
            data-part="menu"
            aria-label={words.menu(job.job_id)}
            title={words.menuTitle}
          >
            ⋯
          </button>
        )}
      </div>
    </div>
  );
});
JobRow.displayName = 'JobRow';

/** What the cells of a column share. */
function cell(column: Column | 'menu') {
  return {
    role: 'gridcell',
    className: 'jp-Engines-JobCell',
    'data-column': column
  };
}

const CELLS = {
  state: cell('state'),
  id: cell('id'),
  name: cell('name'),
  owner: cell('owner'),
  queue: cell('queue'),
  nodes: cell('nodes'),
  cores: cell('cores'),
  memory: cell('memory'),
  elapsed: cell('elapsed'),
  walltime: cell('walltime'),
  remark: cell('remark'),
  menu: cell('menu')
} satisfies Record<Column | 'menu', object>;

function apart(top: number): React.CSSProperties {
  return { position: 'absolute', top, left: 0, right: 0 };
}

function Fold(props: {
  row: IRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { row, trans } = props;
  const { job_id: jobId } = row.job;
  return (
    <button
      tabIndex={-1}
      className="jp-Engines-JobFold"
      data-part="fold"
      aria-expanded={row.isOpen}
      aria-label={
        row.isOpen
          ? trans.__('Hide the subjobs of %1', jobId)
          : trans.__('Show the subjobs of %1', jobId)
      }
    >
      <Icon icon={row.isOpen ? caretDownIcon : caretRightIcon} />
    </button>
  );
}

/** Return a job's id without the server's name, which is the same for all. */
export function shortId(jobId: string): string {
  const match = /^(\d+(?:\[\d*\])?)\./.exec(jobId);
  return match?.[1] ?? jobId;
}

/** The name of a job that was ours, which says so: it may be shortened, the badge is not. */
function Orphan(props: {
  name: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { name, trans } = props;
  return (
    <>
      <span className="jp-Engines-JobName">{name}</span>
      <span
        className="jp-Engines-JobBadge"
        data-tone="warning"
        title={trans.__(
          'It carries the tag of jobs that start engines, and belongs to no cluster.'
        )}
      >
        {trans.__('orphan')}
      </span>
    </>
  );
}

/** Say how long a job has run, or waits. */
function elapsedLabel(job: Job, now: number, words: RowWords): string {
  if (isWaiting(job)) {
    return job.submitted_at === null
      ? ''
      : words.waiting(clockLabel(now - job.submitted_at));
  }
  const seconds = elapsedSeconds(job, now);
  return seconds === null ? '' : clockLabel(seconds);
}

/** How wide the bar of the walltime is, in pixels. */
const BAR_WIDTH = 48;

/** Return what draws how much of its walltime, 0 to 1, a job has used: the cell's background. */
function bar(used: number | null) {
  if (used === null) {
    return undefined;
  }
  return {
    'data-tone': used > 0.9 ? 'warning' : 'neutral',
    style: {
      backgroundSize: `${Math.round(used * BAR_WIDTH)}px 6px, ${BAR_WIDTH}px 6px`
    }
  };
}

/** Return what the mouse is told at a cell; null: what is in it, if that does not fit. */
export function hintOf(
  column: string | undefined,
  { job }: IRow,
  words: RowWords
): string | null {
  if (column === 'id') {
    return job.job_id;
  }
  if (column === 'name' && job.cluster !== null) {
    return job.name;
  }
  return column === 'state' && job.letter !== ''
    ? words.printed(job.letter)
    : null;
}

/** Say how many subjobs are in which state. */
export function subjobsLabel(
  counts: SubjobCounts,
  trans: TranslationBundle
): string {
  const states = Object.entries(counts) as [Job['state'], number][];
  const total = states.reduce((sum, [, count]) => sum + count, 0);
  const parts = states.map(([state, count]) =>
    trans.__('%1 %2', count, conditionWord(state, trans).toLowerCase())
  );
  return trans._n('%1 subjob: %2', '%1 subjobs: %2', total, parts.join(', '));
}
