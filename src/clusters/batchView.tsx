import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Batch, Cluster } from '../api/generated';
import { Icon } from '../icon';
import { alertIcon } from '../icons';
import { Output } from '../problemView';
import {
  dayAndTime,
  endsSoon,
  hostsSentence,
  leftLabel,
  secondsLeft,
  unknownSentence,
  usedShare
} from './batchWords';
import { isUsable, stateWord } from './words';

export interface IBatchViewProps {
  cluster: Cluster;
  batch: Batch;
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
}

/** What a card tells of a cluster's jobs: why they wait, what is left, whether anybody knows. */
export function BatchView(props: IBatchViewProps): React.JSX.Element {
  const { batch, cluster, now, trans } = props;
  const unknown = unknownSentence(batch, trans);
  const hosts = isUsable(cluster) ? hostsSentence(cluster, trans) : '';
  return (
    <>
      {unknown !== '' && (
        <div className="jp-Engines-Unknown">
          <p role="status">
            <Icon icon={alertIcon} tone="warning" /> {unknown}
          </p>
          {batch.unknown_why !== null && batch.unknown_why !== '' && (
            <Output
              text={batch.unknown_why}
              label={trans.__('Show what it said')}
            />
          )}
        </div>
      )}
      {cluster.state === 'queued' && batch.reason !== null && (
        <p className="jp-Engines-Reason">{trans.__('PBS: %1', batch.reason)}</p>
      )}
      <Walltime cluster={cluster} now={now} trans={trans} />
      {hosts !== '' && <p className="jp-Engines-hint">{hosts}</p>}
    </>
  );
}

/** How much of the walltime is used; the sentence above says what is left. */
function Walltime(
  props: Omit<IBatchViewProps, 'batch'>
): React.JSX.Element | null {
  const { cluster, now, trans } = props;
  const share = usedShare(cluster, now);
  const left = secondsLeft(cluster, now);
  if (share === null || left === null) {
    return null;
  }
  const isSoon = endsSoon(cluster, now);
  return (
    <>
      <div
        className="jp-Engines-Walltime"
        role="progressbar"
        aria-label={trans.__('Walltime of %1', cluster.key)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={leftLabel(left, trans)}
        title={leftLabel(left, trans)}
        data-soon={isSoon}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      {isSoon && (
        <p className="jp-Engines-warning">
          {trans.__(
            'The walltime ends soon: save what the engines hold, they end with it.'
          )}
        </p>
      )}
    </>
  );
}

/** The states that a cluster was in, and since when. */
export function History(props: {
  cluster: Cluster;
  now: number;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { cluster, now, trans } = props;
  return cluster.history.length === 0 ? null : (
    <details className="jp-Engines-Output">
      <summary>{trans.__('History')}</summary>
      <ol
        className="jp-Engines-History"
        aria-label={trans.__('History of %1', cluster.key)}
      >
        {cluster.history.map(({ at, state }, index) => (
          <li key={index}>
            <time dateTime={new Date(at * 1000).toISOString()}>
              {dayAndTime(at, now)}
            </time>{' '}
            {stateWord(state, trans)}
          </li>
        ))}
      </ol>
    </details>
  );
}
