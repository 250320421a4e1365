import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Job } from '../api/generated';
import { Icon } from '../icon';
import type { IJobRequest } from '../tokens';
import { COLUMNS } from './columns';
import type { Column, IRow, SubjobCounts } from './filter';
import { clockLabel } from './times';
import {
  conditionIcon,
  conditionOf,
  conditionTone,
  conditionWord,
  elapsedSeconds,
  isWaiting,
  memoryLabel,
  remarkOf,
  requestWord,
  walltimeUsed
} from './words';

export interface IJobRowProps {
  id: string;
  row: IRow;
  /** Position among all rows, from 0. */
  index: number;
  /** In pixels, from the first row. */
  top: number;
  isActive: boolean;
  showsOwner: boolean;
  /** The server's clock in seconds; 0 for a row that does not tick. */
  now: number;
  request: IJobRequest['action'] | null;
  hasMenu: boolean;
  trans: TranslationBundle;
}

/** One job. Its clicks are the table's: it has no listeners of its own. */
export const JobRow = React.memo((props: IJobRowProps): React.JSX.Element => {
  const { row, trans } = props;
  const { job } = row;
  const condition = conditionOf(job);
  return (
    <div
      id={props.id}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.isActive}
      className="jp-Engines-JobRow"
      data-index={props.index}
      data-job={job.job_id}
      data-condition={condition}
      data-depth={row.depth}
      data-active={props.isActive}
      style={{ top: props.top }}
    >
      {COLUMNS.map(
        column =>
          (column !== 'owner' || props.showsOwner) && (
            <Cell key={column} column={column} {...props} />
          )
      )}
      <div role="gridcell" className="jp-Engines-JobCell" data-column="menu">
        {props.hasMenu && (
          <button
            tabIndex={-1}
            className="jp-Engines-JobMenuButton"
            data-part="menu"
            aria-label={trans.__('What can be done to %1', job.job_id)}
            title={trans.__('Hold, delete, change walltime…')}
          >
            ⋯
          </button>
        )}
      </div>
    </div>
  );
});
JobRow.displayName = 'JobRow';

function Cell(props: IJobRowProps & { column: Column }): React.JSX.Element {
  const { column, row, now, trans } = props;
  const { job } = row;
  const cell = (content: React.ReactNode, title?: string) => (
    <div
      role="gridcell"
      className="jp-Engines-JobCell"
      data-column={column}
      title={title}
    >
      {content}
    </div>
  );
  switch (column) {
    case 'state':
      return cell(<State {...props} />);
    case 'id':
      return cell(<JobId row={row} trans={trans} />, job.job_id);
    case 'name':
      return cell(<Name job={job} trans={trans} />, job.name);
    case 'owner':
      return cell(job.owner, job.owner);
    case 'queue':
      return cell(job.queue, job.queue);
    case 'nodes':
      return cell(job.nodes);
    case 'cores':
      return cell(job.cores);
    case 'memory':
      return cell(
        job.memory_bytes === null ? '' : memoryLabel(job.memory_bytes)
      );
    case 'elapsed':
      return cell(<Elapsed job={job} now={now} trans={trans} />);
    case 'walltime':
      return cell(
        job.walltime_seconds === null ? '' : clockLabel(job.walltime_seconds)
      );
    case 'remark': {
      const text =
        row.subjobs === null
          ? remarkOf(job, trans)
          : subjobsLabel(row.subjobs, trans);
      return cell(text, text);
    }
    default:
      return unknownColumn(column);
  }
}

function State(props: IJobRowProps): React.JSX.Element {
  const { row, request, trans } = props;
  const condition = conditionOf(row.job);
  return (
    <>
      <Icon icon={conditionIcon(condition)} tone={conditionTone(condition)} />
      <span
        className="jp-Engines-JobState"
        title={
          row.job.letter === ''
            ? undefined
            : trans.__('As the scheduler prints it: %1', row.job.letter)
        }
      >
        {request === null
          ? conditionWord(condition, trans)
          : requestWord(request, trans)}
      </span>
    </>
  );
}

function JobId(props: {
  row: IRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { row, trans } = props;
  const { job_id: jobId } = row.job;
  return (
    <>
      {row.subjobs !== null && (
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
      )}
      <span className="jp-Engines-JobId">{shortId(jobId)}</span>
    </>
  );
}

/** Return a job's id without the server's name, which is the same for all. */
export function shortId(jobId: string): string {
  const match = /^(\d+(?:\[\d*\])?)\./.exec(jobId);
  return match?.[1] ?? jobId;
}

function Name(props: {
  job: Job;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { job, trans } = props;
  return (
    <>
      <span className="jp-Engines-JobName">{job.name}</span>
      {job.cluster !== null && (
        <span
          className="jp-Engines-JobBadge"
          title={trans.__('Engines of %1', job.cluster)}
        >
          <span className="jp-Engines-visuallyHidden">
            {trans.__('engines of')}{' '}
          </span>
          {job.cluster}
        </span>
      )}
      {job.orphan && (
        <span
          className="jp-Engines-JobBadge"
          data-tone="warning"
          title={trans.__(
            'It carries the tag of jobs that start engines, and belongs to no cluster.'
          )}
        >
          {trans.__('orphan')}
        </span>
      )}
    </>
  );
}

function Elapsed(props: {
  job: Job;
  now: number;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { job, now, trans } = props;
  if (isWaiting(job)) {
    return job.submitted_at === null ? null : (
      <span className="jp-Engines-JobWaiting">
        {trans.__('waiting %1', clockLabel(now - job.submitted_at))}
      </span>
    );
  }
  const seconds = elapsedSeconds(job, now);
  if (seconds === null) {
    return null;
  }
  const used = walltimeUsed(job, now);
  return (
    <>
      <span>{clockLabel(seconds)}</span>
      {used !== null && (
        <span
          className="jp-Engines-JobBar"
          data-tone={used > 0.9 ? 'warning' : 'neutral'}
          aria-hidden
        >
          <span style={{ width: `${Math.round(used * 100)}%` }} />
        </span>
      )}
    </>
  );
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

function unknownColumn(column: never): never {
  throw new Error(`No cell for the column ${String(column)}`);
}
