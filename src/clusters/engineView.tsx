import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import type { IActivity, Link } from '../tokens';
import { EngineCharts } from './engineCharts';
import { EngineGrid } from './engineGrid';
import {
  rowsOf,
  sortRows,
  unknownReason,
  unmeasuredReason
} from './engineRows';
import type { EngineColumn } from './engineRows';
import { LinkNotice } from './linkNotice';
import { isUsable, sentenceOf } from './words';

export interface IEngineViewProps {
  clusterKey: string;
  /** How far what is shown can be trusted. */
  link: Link;
  /** Undefined when there is none of that key any more. */
  cluster: Cluster | undefined;
  activity: IActivity | null;
  now: number;
  column: EngineColumn;
  isDescending: boolean;
  trans: TranslationBundle;
  onSort: (column: EngineColumn) => void;
  onInterrupt: (key: string) => void;
  onRestart: (key: string) => void;
  onRetry: () => void;
  onCopy: (text: string) => void;
}

/** The engines of one cluster with all that is known of them, and what can be done to them. */
export function EngineView(props: IEngineViewProps): React.JSX.Element {
  const { activity, cluster, clusterKey, link, now, trans } = props;
  const notice = (
    <LinkNotice
      link={link}
      trans={trans}
      onRetry={props.onRetry}
      onCopy={props.onCopy}
    />
  );
  if (cluster === undefined) {
    return (
      <>
        {notice}
        <p className="jp-Engines-hint jp-Engines-empty" role="status">
          {trans.__('There is no cluster named %1.', clusterKey)}
        </p>
      </>
    );
  }
  const rows = rowsOf(cluster, activity, now);
  const busy = rows.filter(({ state }) => state === 'busy').length;
  const reason =
    unknownReason(cluster, activity, link, trans) ??
    unmeasuredReason(rows, activity, trans);
  const isTold = rows.some(({ doing }) => doing !== null);
  return (
    <div className="jp-Engines-EngineView">
      {notice}
      <div className="jp-Engines-EngineBar">
        <p className="jp-Engines-EngineBar-words">
          <strong>{cluster.key}</strong> {sentenceOf(cluster, trans)}
          {isTold &&
            ` · ${trans.__('%1 busy, %2 idle', busy, rows.filter(({ state }) => state === 'idle').length)}`}
        </p>
        <div className="jp-Engines-EngineBar-buttons">
          {cluster.origin === 'panel' && (
            <button
              className="jp-Engines-button jp-mod-quiet"
              aria-disabled={!isUsable(cluster)}
              title={trans.__(
                'Interrupt what the engines do; they and their variables stay'
              )}
              onClick={() => {
                if (isUsable(cluster)) {
                  props.onInterrupt(clusterKey);
                }
              }}
            >
              {trans.__('Interrupt')}
            </button>
          )}
          {cluster.origin === 'panel' && (
            <button
              className="jp-Engines-button jp-mod-quiet"
              aria-disabled={!isUsable(cluster)}
              title={trans.__(
                'End all engines and start them anew: what they hold is lost; controller and job stay'
              )}
              onClick={() => {
                if (isUsable(cluster)) {
                  props.onRestart(clusterKey);
                }
              }}
            >
              {trans.__('Restart engines…')}
            </button>
          )}
        </div>
      </div>
      {reason !== null && <p className="jp-Engines-hint">{reason}</p>}
      {activity !== null && activity.points.length > 0 && (
        <EngineCharts
          points={activity.points}
          engines={rows.length}
          trans={trans}
        />
      )}
      <EngineGrid
        label={trans.__('Engines of %1', clusterKey)}
        rows={
          props.column === 'rank' && !props.isDescending
            ? rows
            : sortRows(rows, props.column, props.isDescending)
        }
        column={props.column}
        isDescending={props.isDescending}
        now={now}
        trans={trans}
        onSort={props.onSort}
      />
    </div>
  );
}
