import type { TranslationBundle } from '@jupyterlab/translation';
import { launchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Cluster } from '../api/generated';
import { Icon } from '../icon';
import { spanWords } from '../times';
import type { IActivity, Link } from '../tokens';
import {
  cpuLabel,
  engineStateWord,
  memoryWords,
  rowsOf,
  unknownReason,
  unmeasuredReason,
  whatWords
} from './engineRows';
import type { IEngineRow } from './engineRows';

/** More rows than this are shown on request: a panel of thousands of rows is slow. */
const FIRST_ROWS = 64;

export interface IEngineTableProps {
  cluster: Cluster;
  activity: IActivity | null;
  link: Link;
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
  /** Open the large table; absent where there is none. */
  onOpen?: (key: string) => void;
}

/** The engines of one cluster by rank, as the sidebar has room for. */
export function EngineTable(props: IEngineTableProps): React.JSX.Element {
  const { activity, cluster, link, now, onOpen, trans } = props;
  const [showsAll, setShowsAll] = React.useState(false);
  const all = rowsOf(cluster, activity, now);
  const rows = showsAll ? all : all.slice(0, FIRST_ROWS);
  const reason =
    unknownReason(cluster, activity, link, trans) ??
    unmeasuredReason(all, activity, trans);
  // One host needs no column.
  const hosts = new Set(cluster.engines.map(engine => engine.host));
  const [first] = hosts;
  const host = hosts.size === 1 && first !== undefined ? first : null;
  const id = React.useId();
  return (
    <>
      <div className="jp-Engines-TableHeader">
        <h3 id={id}>{trans.__('Engines of %1', cluster.key)}</h3>
        {host !== null && (
          <span className="jp-Engines-hint" title={host}>
            {host}
          </span>
        )}
        {onOpen !== undefined && (
          <button
            className="jp-Engines-IconButton"
            aria-label={trans.__('Open the engines of %1', cluster.key)}
            title={trans.__('All columns, charts, interrupt and restart')}
            onClick={() => onOpen(cluster.key)}
          >
            <Icon icon={launchIcon} />
          </button>
        )}
      </div>
      <table
        className="jp-Engines-Table"
        data-key={cluster.key}
        aria-labelledby={id}
      >
        <thead>
          <tr>
            <th scope="col">{trans.__('Rank')}</th>
            {host === null && <th scope="col">{trans.__('Host')}</th>}
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('CPU')}</th>
            <th scope="col">{trans.__('Memory')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <EngineRow
              key={row.engine.engine_id}
              row={row}
              showsHost={host === null}
              seconds={busySeconds(row, now)}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      {reason !== null && <p className="jp-Engines-hint">{reason}</p>}
      {rows.length < all.length && (
        <button
          className="jp-Engines-button jp-mod-quiet"
          onClick={() => {
            // The large table draws only what is in sight.
            if (onOpen === undefined) {
              setShowsAll(true);
            } else {
              onOpen(cluster.key);
            }
          }}
        >
          {trans._n('Show all %1 engine', 'Show all %1 engines', all.length)}
        </button>
      )}
    </>
  );
}

/** Whole seconds that an engine has been busy; null for one that is not. */
export function busySeconds(row: IEngineRow, now: number): number | null {
  const since = row.doing?.busy_since ?? null;
  return row.state === 'busy' && since !== null
    ? Math.max(0, Math.floor(now - since))
    : null;
}

interface IEngineRowProps {
  row: IEngineRow;
  showsHost: boolean;
  seconds: number | null;
  trans: TranslationBundle;
}

const EngineRow = React.memo(
  (props: IEngineRowProps): React.JSX.Element => {
    const { row, seconds, trans } = props;
    const { doing, engine, state } = row;
    const word = engineStateWord(state, trans);
    const what = state === 'busy' ? whatWords(doing, trans) : '';
    return (
      <tr data-state={state}>
        <th scope="row">{row.rank}</th>
        {props.showsHost && (
          <td
            className="jp-Engines-Table-host"
            title={hostTitle(row, trans) ?? undefined}
          >
            {engine.host ?? '—'}
          </td>
        )}
        <td className="jp-Engines-Table-state">
          <div data-engine={state}>
            {/* Beside what it works on there is no room; its icon says it too. */}
            <span
              className={what === '' ? undefined : 'jp-Engines-visuallyHidden'}
            >
              {word}
            </span>
            {what !== '' && seconds !== null && (
              <code
                title={trans.__('%1, for %2', what, spanWords(seconds, trans))}
              >
                {what}
              </code>
            )}
          </div>
        </td>
        <td className="jp-Engines-Table-number">
          {cpuLabel(doing?.cpu_percent ?? null, trans)}
        </td>
        <td className="jp-Engines-Table-number">
          {memoryWords(doing?.memory_mib ?? null, trans)}
        </td>
      </tr>
    );
  },
  // What a row shows of its objects, which are made anew each time.
  (a, b) =>
    a.seconds === b.seconds &&
    a.showsHost === b.showsHost &&
    a.trans === b.trans &&
    a.row.state === b.row.state &&
    a.row.doing === b.row.doing &&
    a.row.engine === b.row.engine
);
EngineRow.displayName = 'EngineRow';

function hostTitle(
  { engine }: IEngineRow,
  trans: TranslationBundle
): string | null {
  if (engine.host === null || engine.pid === null) {
    return engine.host;
  }
  return trans.__('%1, process %2', engine.host, engine.pid);
}
