import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster, Engine } from '../api/generated';
import { Icon } from '../icon';
import { alertIcon, doneIcon, failedIcon } from '../icons';
import { rankOf } from './words';

/** More rows than this are shown on request: a panel of thousands of rows is slow. */
const FIRST_ROWS = 64;

export interface IEngineTableProps {
  cluster: Cluster;
  trans: TranslationBundle;
}

/** The engines of one cluster, by rank. */
export function EngineTable({
  cluster,
  trans
}: IEngineTableProps): React.JSX.Element {
  const [showsAll, setShowsAll] = React.useState(false);
  const engines = [...cluster.engines].sort((a, b) => rankOf(a) - rankOf(b));
  // While the scheduler is silent nobody knows whether the job still runs.
  const isKnown = (cluster.batch?.unknown_since ?? null) === null;
  const rows = showsAll ? engines : engines.slice(0, FIRST_ROWS);
  return (
    <>
      <table className="jp-Engines-Table" data-key={cluster.key}>
        <caption>{trans.__('Engines of %1', cluster.key)}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Rank')}</th>
            <th scope="col">{trans.__('Host')}</th>
            <th scope="col">{trans.__('Process')}</th>
            <th scope="col">{trans.__('State')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(engine => (
            <EngineRow
              key={engine.engine_id}
              engine={engine}
              isKnown={isKnown}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      {rows.length < engines.length && (
        <button
          className="jp-Engines-button jp-mod-quiet"
          onClick={() => setShowsAll(true)}
        >
          {trans._n(
            'Show all %1 engine',
            'Show all %1 engines',
            engines.length
          )}
        </button>
      )}
    </>
  );
}

function EngineRow(props: {
  engine: Engine;
  isKnown: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { engine, trans } = props;
  const isUnknown = engine.alive && !props.isKnown;
  return (
    <tr data-alive={engine.alive}>
      <th scope="row">{rankOf(engine)}</th>
      <td title={engine.host ?? undefined} className="jp-Engines-Table-host">
        {engine.host ?? trans.__('not known')}
      </td>
      <td>{engine.pid ?? trans.__('not known')}</td>
      <td>
        {isUnknown ? (
          <Icon icon={alertIcon} tone="warning" />
        ) : (
          <Icon
            icon={engine.alive ? doneIcon : failedIcon}
            tone={engine.alive ? 'good' : 'bad'}
          />
        )}
        {isUnknown
          ? trans.__('unknown')
          : engine.alive
            ? trans.__('alive')
            : trans.__('lost')}
      </td>
    </tr>
  );
}
