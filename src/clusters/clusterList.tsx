import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import type { Link } from '../tokens';
import { Card } from './card';
import type { ICardActions } from './card';
import { useKeptFocus } from './focus';
import { LinkNotice } from './linkNotice';
import { SchedulerLine } from './schedulerLine';
import type { ISchedulerLineProps } from './schedulerLine';
import { StartForm } from './startForm';
import type { IStartFormProps } from './startForm';

export interface IClusterListProps extends ICardActions {
  link: Link;
  /** Whether the server has ever told its clusters. */
  isKnown: boolean;
  clusters: readonly Cluster[];
  /** The server's clock, in seconds. */
  now: number;
  announcement: string;
  form: IStartFormProps;
  /** Null until the server has told of a batch system. */
  scheduler: ISchedulerLineProps | null;
  trans: TranslationBundle;
  notebooksOf: (key: string) => readonly string[];
  onRetry: () => void;
  onCopy: (text: string) => void;
}

/** The form, and a card for each cluster. */
export function ClusterList(props: IClusterListProps): React.JSX.Element {
  const { clusters, link, trans } = props;
  const root = React.useRef<HTMLDivElement>(null);
  useKeptFocus(root);
  const isUsable =
    props.isKnown &&
    link.state !== 'missing' &&
    link.state !== 'mismatch' &&
    link.state !== 'refused';
  return (
    <div
      ref={root}
      className="jp-Engines-Clusters"
      role="region"
      aria-label={trans.__('Clusters')}
      tabIndex={-1}
    >
      <LinkNotice
        link={link}
        trans={trans}
        onRetry={props.onRetry}
        onCopy={props.onCopy}
      />
      {isUsable && (
        <>
          <StartForm {...props.form} />
          {props.scheduler && <SchedulerLine {...props.scheduler} />}
          {clusters.length === 0 && (
            <p className="jp-Engines-hint jp-Engines-empty">
              {trans.__(
                'No engines are running. Choose how many you want and press Start.'
              )}
            </p>
          )}
          {clusters.map(cluster => (
            <Card
              key={cluster.key}
              cluster={cluster}
              now={props.now}
              notebooks={props.notebooksOf(cluster.key)}
              trans={trans}
              onStop={props.onStop}
              onConnect={props.onConnect}
              onLog={props.onLog}
              onRestart={props.onRestart}
              onDismiss={props.onDismiss}
            />
          ))}
        </>
      )}
      <div
        role="status"
        aria-live="polite"
        className="jp-Engines-visuallyHidden"
      >
        {props.announcement}
      </div>
    </div>
  );
}
