import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Job, SchedulerStatus } from '../api/generated';
import { Icon } from '../icon';
import { alertIcon } from '../icons';
import { Output } from '../problemView';
import { schedulerLabel } from '../schedulerName';
import { ageLabel, timeOfDay } from '../times';
import { shortId } from './row';

export interface IStatusProps {
  status: SchedulerStatus;
  /** Whether the Jupyter server itself cannot be reached. */
  isLinkLost: boolean;
  /** The server's clock, in seconds; goes on where the table's stands still. */
  serverNow: number;
  trans: TranslationBundle;
}

/** Whose jobs these are, as of when, and who says so. */
export function StatusLine(props: IStatusProps): React.JSX.Element {
  const { status, trans } = props;
  return (
    <p className="jp-Engines-JobsStatus">
      <strong>{trans.__('Jobs of %1', status.user)}</strong>
      {' · '}
      {status.read_at === null
        ? trans.__('not read yet')
        : trans.__(
            'updated %1',
            ageLabel(props.serverNow - status.read_at, trans)
          )}
      {' · '}
      {schedulerLabel(status, trans)}
    </p>
  );
}

/** Says that nobody knows what the queue is like now; nothing while the scheduler answers. */
export function StaleNotice(props: IStatusProps): React.JSX.Element | null {
  const { isLinkLost, status, trans } = props;
  if (status.answering && !isLinkLost) {
    return null;
  }
  return (
    <div role="alert" className="jp-Engines-Notice">
      <Icon icon={alertIcon} tone="warning" />
      <div className="jp-Engines-Problem-text">
        <p>
          {isLinkLost
            ? trans.__('The Jupyter server does not answer.')
            : trans.__(
                'Unknown since %1: PBS does not answer.',
                timeOfDay(status.since)
              )}{' '}
          {status.read_at === null
            ? trans.__('The queue has not been read yet.')
            : trans.__(
                'The jobs below are as of %1; they may have changed.',
                timeOfDay(status.read_at)
              )}
        </p>
        {!isLinkLost && status.problem !== null && status.problem !== '' && (
          <Output text={status.problem} label={trans.__('Show output')} />
        )}
      </div>
    </div>
  );
}

/** More orphans than these are shown by the table only. */
const FIRST_ORPHANS = 5;

export interface IOrphanNoticeProps {
  orphans: readonly Job[];
  /** Where there is little room: leave which they are to the table. */
  isBrief?: boolean;
  trans: TranslationBundle;
  onShow: () => void;
  onDelete: (jobId: string) => void;
}

/** Offers to clean up jobs of ours that nobody waits for; never does it by itself. */
export function OrphanNotice(
  props: IOrphanNoticeProps
): React.JSX.Element | null {
  const { orphans, trans } = props;
  if (orphans.length === 0) {
    return null;
  }
  return (
    <div role="status" className="jp-Engines-Notice">
      <Icon icon={alertIcon} tone="warning" />
      <div className="jp-Engines-Problem-text">
        <div className="jp-Engines-Orphans-head">
          {trans._n(
            '%1 job carries our tag and belongs to no cluster known here.',
            '%1 jobs carry our tag and belong to no cluster known here.',
            orphans.length
          )}{' '}
          {!props.isBrief &&
            trans.__(
              'Another Jupyter of yours, with another IPython folder, may use them: delete only what you know you do not need.'
            )}
          <button
            className="jp-Engines-button jp-mod-quiet"
            onClick={props.onShow}
          >
            {trans.__('Show')}
          </button>
        </div>
        {!props.isBrief && (
          <ul className="jp-Engines-Orphans">
            {orphans.slice(0, FIRST_ORPHANS).map(job => (
              <li key={job.job_id}>
                <span title={job.job_id}>
                  {trans.__('%1 %2', shortId(job.job_id), job.name)}
                </span>
                <button
                  className="jp-Engines-button jp-mod-quiet"
                  aria-label={trans.__('Delete job %1', job.job_id)}
                  onClick={() => props.onDelete(job.job_id)}
                >
                  {trans.__('Delete…')}
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
