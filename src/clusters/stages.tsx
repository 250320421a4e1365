import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import {
  spanLabel,
  stageIcon,
  stageLabel,
  stageSeconds,
  stageStatusLabel
} from './words';

export interface IStagesProps {
  cluster: Cluster;
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
}

/** The steps of a start, and how long each takes or took. */
export function Stages({ cluster, now, trans }: IStagesProps): JSX.Element {
  return (
    <ol
      className="jp-Engines-Stages"
      aria-label={trans.__('Stages of the start')}
    >
      {cluster.stages.map(stage => {
        const icon = stageIcon(stage.status);
        const seconds = stageSeconds(stage, now);
        return (
          <li
            key={stage.name}
            className="jp-Engines-Stage"
            data-status={stage.status}
            aria-current={stage.status === 'active' ? 'step' : undefined}
          >
            <icon.react
              tag="span"
              className="jp-Engines-icon"
              data-status={stage.status}
              aria-hidden
            />
            <span className="jp-Engines-Stage-name">
              {stageLabel(stage, cluster, trans)}
            </span>
            <span className="jp-Engines-visuallyHidden">
              {stageStatusLabel(stage.status, trans)}
            </span>
            <span className="jp-Engines-Stage-time">
              {seconds !== null &&
                spanLabel(seconds, stage.ended_at !== null, trans)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
