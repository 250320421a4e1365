import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Icon } from '../icon';
import { firstRow, ROW_HEIGHT, useHeight, windowOf } from '../rowWindow';
import {
  cellText,
  ENGINE_COLUMNS,
  engineColumnCaption,
  engineColumnLabel
} from './engineRows';
import type { EngineColumn, IEngineRow } from './engineRows';

export interface IEngineGridProps {
  label: string;
  rows: readonly IEngineRow[];
  column: EngineColumn;
  isDescending: boolean;
  /** The server's clock, in seconds. */
  now: number;
  trans: TranslationBundle;
  onSort: (column: EngineColumn) => void;
}

/** All columns of all engines, of which only the rows in sight are in the document. */
export function EngineGrid(props: IEngineGridProps): React.JSX.Element {
  const { now, rows, trans } = props;
  const table = React.useRef<HTMLDivElement>(null);
  const height = useHeight(table);
  const [first, setFirst] = React.useState(0);
  const shown = windowOf(first, height, rows.length, null);
  // Time ticks by the second: rows that show none of it are not drawn again.
  const second = Math.floor(now);
  return (
    <div
      ref={table}
      role="table"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      className="jp-Engines-EngineGrid"
      onScroll={event => setFirst(firstRow(event.currentTarget.scrollTop))}
    >
      <div role="rowgroup" className="jp-Engines-EngineGrid-header">
        <div role="row" aria-rowindex={1} className="jp-Engines-EngineGridRow">
          {ENGINE_COLUMNS.map(column => (
            <HeaderCell
              key={column}
              column={column}
              sort={
                column !== props.column
                  ? 'none'
                  : props.isDescending
                    ? 'descending'
                    : 'ascending'
              }
              trans={trans}
              onSort={props.onSort}
            />
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        className="jp-Engines-EngineGrid-rows"
        style={{
          height: rows.length * ROW_HEIGHT,
          paddingTop: (shown[0] ?? 0) * ROW_HEIGHT
        }}
      >
        {shown.map((index, position) => {
          const row = rows[index];
          return (
            row && (
              <GridRow
                key={position}
                row={row}
                index={index}
                now={row.heardAt === null ? 0 : second}
                trans={trans}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

const GridRow = React.memo(
  (props: {
    row: IEngineRow;
    index: number;
    now: number;
    trans: TranslationBundle;
  }): React.JSX.Element => {
    const { row, trans } = props;
    return (
      <div
        role="row"
        aria-rowindex={props.index + 2}
        className="jp-Engines-EngineGridRow"
        data-state={row.state}
      >
        {ENGINE_COLUMNS.map(column => {
          const text = cellText(row, column, props.now, trans);
          return (
            <div
              key={column}
              role={column === 'rank' ? 'rowheader' : 'cell'}
              className="jp-Engines-EngineGridCell"
              data-column={column}
              data-engine={column === 'state' ? row.state : undefined}
              title={column === 'what' || column === 'host' ? text : undefined}
            >
              {text}
            </div>
          );
        })}
      </div>
    );
  },
  (a, b) =>
    a.index === b.index &&
    a.now === b.now &&
    a.trans === b.trans &&
    a.row.state === b.row.state &&
    a.row.doing === b.row.doing &&
    a.row.heardAt === b.row.heardAt &&
    a.row.engine === b.row.engine
);
GridRow.displayName = 'GridRow';

function HeaderCell(props: {
  column: EngineColumn;
  sort: 'ascending' | 'descending' | 'none';
  trans: TranslationBundle;
  onSort: (column: EngineColumn) => void;
}): React.JSX.Element {
  const { column, sort, trans } = props;
  return (
    <div
      role="columnheader"
      aria-sort={sort}
      className="jp-Engines-EngineGridCell"
      data-column={column}
    >
      <button
        className="jp-Engines-JobSort"
        title={engineColumnCaption(column, trans)}
        onClick={() => props.onSort(column)}
      >
        <span>{engineColumnLabel(column, trans)}</span>
        {sort !== 'none' && (
          <Icon icon={sort === 'ascending' ? caretUpIcon : caretDownIcon} />
        )}
      </button>
    </div>
  );
}
