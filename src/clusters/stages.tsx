import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { Icon } from '../icon';
import { clockLabel } from '../times';
import { stageDetail } from './batchWords';
import {
  stageIcon,
  stageLabel,
  stageSeconds,
  stageStatusLabel,
  stageTone
} from './stageWords';

export interface IStagesProps {
  cluster: Cluster;
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
}

/** The steps of a start, and how long each takes or took. */
export function Stages({
  cluster,
  now,
  trans
}: IStagesProps): React.JSX.Element {
  return (
    <ol
      className="jp-Engines-Stages"
      aria-label={trans.__('Stages of the start')}
    >
      {cluster.stages.map(stage => {
        const seconds = stageSeconds(stage, now);
        const detail = stageDetail(stage, cluster, trans);
        return (
          <li
            key={stage.name}
            className="jp-Engines-Stage"
            data-status={stage.status}
            aria-current={stage.status === 'active' ? 'step' : undefined}
          >
            <Icon
              icon={stageIcon(stage.status)}
              tone={stageTone(stage.status)}
            />
            <span className="jp-Engines-Stage-name">
              {stageLabel(stage, cluster, trans)}
              {detail !== '' && (
                <span className="jp-Engines-Stage-detail">{detail}</span>
              )}
            </span>
            <span className="jp-Engines-visuallyHidden">
              {stageStatusLabel(stage.status, trans)}
            </span>
            <span className="jp-Engines-Stage-time">
              {seconds !== null && clockLabel(seconds)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
