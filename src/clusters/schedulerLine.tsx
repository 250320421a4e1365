import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { SchedulerStatus } from '../api/generated';
import { Icon } from '../icon';
import { alertIcon, doneIcon } from '../icons';
import { Output } from '../problemView';
import { schedulerLabel } from '../schedulerName';
import { answerSentence } from './schedulerWords';

export interface ISchedulerLineProps {
  status: SchedulerStatus;
  /** It answers, but there is no profile to start a job from. */
  lacksProfile: boolean;
  isRefreshing: boolean;
  trans: TranslationBundle;
  onRefresh: () => void;
  onNewProfile: () => void;
}

/** Which batch system there is and whether it answers; nothing where there is none. */
export function SchedulerLine(
  props: ISchedulerLineProps
): React.JSX.Element | null {
  const { status, trans } = props;
  const name = schedulerLabel(status, trans);
  if (name === '') {
    return null;
  }
  return (
    <div className="jp-Engines-Scheduler" data-answering={status.answering}>
      <div className="jp-Engines-Scheduler-line">
        <Icon
          icon={status.answering ? doneIcon : alertIcon}
          tone={status.answering ? 'good' : 'warning'}
        />
        <p className="jp-Engines-Scheduler-name" title={name} role="status">
          <span className="jp-Engines-hint">{name}</span>
          {' · '}
          {answerSentence(status, trans)}
        </p>
        <button
          type="button"
          className="jp-Engines-IconButton"
          aria-label={trans.__('Ask the scheduler now')}
          title={trans.__('Ask the scheduler now')}
          aria-disabled={props.isRefreshing}
          onClick={() => {
            if (!props.isRefreshing) {
              props.onRefresh();
            }
          }}
        >
          <Icon icon={refreshIcon} />
        </button>
      </div>
      {!status.answering && status.problem !== null && (
        <Output text={status.problem} label={trans.__('Show what it said')} />
      )}
      {props.lacksProfile && (
        <div className="jp-Engines-Notice" data-tone="offer">
          <div className="jp-Engines-Problem-text">
            <p>
              {trans.__(
                '%1 was found here. A profile says how its jobs run your engines.',
                name
              )}
            </p>
            <button
              type="button"
              className="jp-Engines-button jp-mod-primary"
              onClick={props.onNewProfile}
            >
              {trans.__('Make a PBS profile')}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
