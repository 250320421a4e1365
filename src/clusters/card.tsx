import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { codeText } from '../codeText';
import { Icon } from '../icon';
import { spanWords } from '../times';
import { BatchView, History } from './batchView';
import { batchSentence } from './batchWords';
import { FailureView } from './failureView';
import { Stages } from './stages';
import { iconOf, toneOf } from './stateIcon';
import { useKeptFocus } from './focus';
import {
  isLive,
  isUsable,
  lostEngines,
  mpiSentence,
  sentenceOf
} from './words';

export interface ICardActions {
  onStop: (key: string) => void;
  onConnect: (key: string) => void;
  onLog: (key: string) => void;
  onRestart: (key: string) => void;
  onDismiss: (key: string) => void;
}

export interface ICardProps extends ICardActions {
  cluster: Cluster;
  /** The server's clock, in seconds. */
  now: number;
  /** Names of the notebooks whose kernels are connected to it. */
  notebooks: readonly string[];
  trans: TranslationBundle;
}

/** One cluster: what is true of it now, and the one next thing to do. */
export function Card(props: ICardProps): React.JSX.Element {
  const { cluster, now, notebooks, trans } = props;
  const { key, state } = cluster;
  const id = React.useId();
  const root = React.useRef<HTMLElement>(null);
  useKeptFocus(root);

  const stopping = state === 'stopping';
  const lost = state === 'degraded' ? lostEngines(cluster, trans) : '';
  return (
    <article
      ref={root}
      className="jp-Engines-Card"
      data-state={state}
      data-key={key}
      aria-labelledby={`${id}-name`}
      tabIndex={-1}
    >
      <header className="jp-Engines-Card-header">
        <Icon icon={iconOf(cluster)} tone={toneOf(cluster)} />
        <h3 id={`${id}-name`} className="jp-Engines-Card-name" title={key}>
          {key}
        </h3>
        <span className="jp-Engines-Card-size">
          {cluster.engines_requested !== null &&
            trans._n('%1 engine', '%1 engines', cluster.engines_requested)}
        </span>
        {isLive(cluster) && (
          <button
            className="jp-Engines-button jp-mod-quiet"
            aria-disabled={stopping}
            aria-label={trans.__('Stop %1', key)}
            title={
              cluster.state === 'queued'
                ? trans.__('Delete the job of %1 from the queue', key)
                : trans.__('End the controller and all engines of %1', key)
            }
            onClick={() => {
              if (!stopping) {
                props.onStop(key);
              }
            }}
          >
            {trans.__('Stop')}
          </button>
        )}
      </header>
      <p className="jp-Engines-Card-sentence">
        {cluster.batch === null
          ? sentenceOf(cluster, trans)
          : codeText(batchSentence(cluster, cluster.batch, now, trans))}
      </p>
      {cluster.batch !== null && (
        <BatchView
          cluster={cluster}
          batch={cluster.batch}
          now={now}
          trans={trans}
        />
      )}
      {cluster.origin === 'terminal' && (
        <p className="jp-Engines-hint">{trans.__('Started in a terminal')}</p>
      )}
      {cluster.mpi !== null && isUsable(cluster) && (
        <p className="jp-Engines-hint" title={cluster.mpi.library}>
          {mpiSentence(cluster.mpi, trans)}
        </p>
      )}
      {lost !== '' && <p className="jp-Engines-warning">{lost}</p>}
      {cluster.failure !== null && (
        <FailureView failure={cluster.failure} trans={trans} />
      )}
      <StartStory cluster={cluster} now={now} trans={trans} />
      {cluster.batch !== null && (
        <History cluster={cluster} now={now} trans={trans} />
      )}
      {notebooks.length > 0 && isUsable(cluster) && (
        <p className="jp-Engines-hint">
          {trans.__('Connected: %1', notebooks.join(', '))}
        </p>
      )}
      <CardButtons {...props} />
    </article>
  );
}

/** The stages: open while they run or where one failed, folded once all are done. */
function StartStory({
  cluster,
  now,
  trans
}: Pick<ICardProps, 'cluster' | 'now' | 'trans'>): React.JSX.Element | null {
  if (
    cluster.stages.length === 0 ||
    cluster.state === 'stopping' ||
    cluster.state === 'stopped'
  ) {
    return null;
  }
  const stages = <Stages cluster={cluster} now={now} trans={trans} />;
  const last = cluster.stages[cluster.stages.length - 1];
  if (last?.status !== 'done' || last.ended_at === null) {
    return stages;
  }
  if (!isUsable(cluster)) {
    return null; // What failed later has nothing to do with the start.
  }
  return (
    <details className="jp-Engines-Output">
      <summary>
        {trans.__(
          'Start took %1',
          spanWords(last.ended_at - cluster.created_at, trans)
        )}
      </summary>
      {stages}
    </details>
  );
}

function CardButtons(props: ICardProps): React.JSX.Element {
  const { cluster, trans } = props;
  const { key } = cluster;
  const button = (
    label: string,
    name: string,
    title: string,
    onClick: (key: string) => void,
    isPrimary = false
  ) => (
    <button
      key={label}
      className={
        isPrimary
          ? 'jp-Engines-button jp-mod-primary'
          : 'jp-Engines-button jp-mod-quiet'
      }
      aria-label={name}
      title={title}
      onClick={() => onClick(key)}
    >
      {label}
    </button>
  );
  return (
    <div className="jp-Engines-Card-buttons">
      {isUsable(cluster) &&
        button(
          trans.__('Connect notebook'),
          trans.__('Connect notebook to %1', key),
          trans.__('Connect the current notebook to these engines'),
          props.onConnect,
          true
        )}
      {!isLive(cluster) &&
        button(
          trans.__('Start again'),
          trans.__('Start %1 again', key),
          trans.__('Start with the same profile and number of engines'),
          props.onRestart,
          true
        )}
      {button(
        trans.__('Log'),
        trans.__('Log of %1', key),
        trans.__('Show what engines, controller and job have written'),
        props.onLog
      )}
      {!isLive(cluster) &&
        button(
          trans.__('Dismiss'),
          trans.__('Dismiss %1', key),
          trans.__('Remove this card and delete its logs'),
          props.onDismiss
        )}
    </div>
  );
}
