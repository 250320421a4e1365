import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Icon } from '../icon';
import {
  firstRow,
  isApart,
  reveal,
  ROW_HEIGHT,
  useHeight,
  windowOf
} from '../rowWindow';
import type { IJobRequest } from '../tokens';
import { COLUMNS, columnCaption, columnLabel } from './columns';
import type { Column, IRow } from './filter';
import { FIRST_ROW_INDEX, hintOf, JobRow } from './row';
import { RowWords } from './rowWords';
import {
  FIRST_WINDOW,
  keyOf,
  moveWindow,
  useActiveIndex,
  useAnchor
} from './window';
import { isTicking } from './words';

export interface IJobTableProps {
  rows: readonly IRow[];
  column: Column;
  isDescending: boolean;
  showsOwner: boolean;
  isStale: boolean;
  /** The time that the rows tell, in seconds. */
  now: number;
  requests: ReadonlyMap<string, IJobRequest>;
  trans: TranslationBundle;
  hasMenu: (row: IRow) => boolean;
  onSort: (column: Column) => void;
  onFold: (jobId: string, isOpen: boolean) => void;
  /** Open the menu of a job at a point of the window; the second is the element to return to. */
  onMenu: (
    row: IRow,
    point: { x: number; y: number },
    anchor: HTMLElement
  ) => void;
}

/**
 * All jobs, of which only those in sight are in the document.
 *
 * #### Notes
 * The grid itself has the focus and names the active row: rows can come and go under it
 * without the keyboard being lost.
 */
export function JobTable(props: IJobTableProps): React.JSX.Element {
  const { rows, trans } = props;
  const id = React.useId();
  const grid = React.useRef<HTMLDivElement>(null);
  const words = React.useMemo(() => new RowWords(trans), [trans]);
  const [place, setPlace] = React.useState(FIRST_WINDOW);
  const height = useHeight(grid);
  const [activeId, setActiveId] = React.useState<string | null>(null);
  const active = useActiveIndex(rows, activeId);
  const scrolled = React.useRef(0);
  useAnchor(grid, scrolled, height, rows, active);

  const onScroll = (event: React.UIEvent<HTMLElement>) => {
    scrolled.current = event.currentTarget.scrollTop;
    const first = firstRow(scrolled.current);
    setPlace(old => moveWindow(old, first, shown.length));
  };

  const activate = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row !== undefined) {
      setActiveId(row.job.job_id);
      reveal(grid.current, rows.indexOf(row));
    }
  };

  const openMenu = (row: IRow, point?: { x: number; y: number }) => {
    const element = grid.current;
    if (element === null || !props.hasMenu(row)) {
      return;
    }
    const drawn = [...element.querySelectorAll<HTMLElement>('[data-job]')].find(
      ({ dataset }) => dataset.job === row.job.job_id
    );
    const { left, bottom } = (drawn ?? element).getBoundingClientRect();
    props.onMenu(row, point ?? { x: left + 24, y: bottom }, element);
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget) {
      return; // A button of the header.
    }
    const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 2);
    const index = active ?? -1;
    const row = rows[index];
    const moves: Record<string, number | undefined> = {
      ArrowDown: index + 1,
      ArrowUp: Math.max(0, index - 1),
      PageDown: index + page,
      PageUp: Math.max(0, index - page),
      Home: 0,
      End: rows.length - 1
    };
    const target = moves[event.key];
    if (target !== undefined) {
      activate(target);
    } else if (row === undefined) {
      return;
    } else if (
      event.key === 'Enter' ||
      event.key === 'ContextMenu' ||
      (event.key === 'F10' && event.shiftKey)
    ) {
      openMenu(row);
    } else if (row.subjobs !== null && event.key === 'ArrowRight') {
      props.onFold(row.job.job_id, true);
    } else if (row.subjobs !== null && event.key === 'ArrowLeft') {
      props.onFold(row.job.job_id, false);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const rowOf = (target: EventTarget): IRow | undefined =>
    target instanceof Element
      ? rows[
          Number(
            target.closest('[role="row"]')?.getAttribute('aria-rowindex')
          ) - FIRST_ROW_INDEX
        ]
      : undefined;

  // Written when they are wanted: as attributes of all cells they would slow scrolling.
  const onMouseOver = (event: React.MouseEvent<HTMLElement>) => {
    const row = rowOf(event.target);
    const cell = (event.target as Element).closest<HTMLElement>(
      '[role="gridcell"]'
    );
    if (row !== undefined && cell !== null) {
      const isCut = cell.scrollWidth > cell.clientWidth;
      cell.title =
        hintOf(cell.dataset.column, row, words) ??
        (isCut ? cell.textContent : '');
    }
  };

  const onClick = (event: React.MouseEvent<HTMLElement>) => {
    const row = rowOf(event.target);
    if (row === undefined) {
      return;
    }
    setActiveId(row.job.job_id);
    const part = (event.target as Element).closest<HTMLElement>('[data-part]');
    if (part?.dataset.part === 'fold') {
      props.onFold(row.job.job_id, !row.isOpen);
    } else if (part?.dataset.part === 'menu') {
      const { left, bottom } = part.getBoundingClientRect();
      openMenu(row, { x: left, y: bottom });
    }
  };

  const onContextMenu = (event: React.MouseEvent<HTMLElement>) => {
    const row = rowOf(event.target);
    // With Shift the browser's own menu, as everywhere in JupyterLab.
    if (row === undefined || event.shiftKey || !props.hasMenu(row)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    setActiveId(row.job.job_id);
    openMenu(row, { x: event.clientX, y: event.clientY });
  };

  const shown = windowOf(place.first, height, rows.length, active);
  const rowId = (row: IRow) => `${id}-${row.job.job_id}`;
  const activeRow = active === null ? undefined : rows[active];
  const columns = COLUMNS.filter(
    column => column !== 'owner' || props.showsOwner
  );
  return (
    <div
      ref={grid}
      role="grid"
      aria-label={trans.__('Jobs')}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={activeRow && rowId(activeRow)}
      tabIndex={0}
      className="jp-Engines-JobTable"
      data-stale={props.isStale}
      data-owner={props.showsOwner}
      onScroll={onScroll}
      onMouseOver={onMouseOver}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onContextMenu={onContextMenu}
      onFocus={event => {
        if (event.target === event.currentTarget && active === null) {
          setActiveId(rows[place.first]?.job.job_id ?? null);
        }
      }}
    >
      <div role="rowgroup" className="jp-Engines-JobHeader">
        <div role="row" aria-rowindex={1} className="jp-Engines-JobHeaderRow">
          {columns.map(column => (
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
          <div
            role="columnheader"
            className="jp-Engines-JobCell"
            data-column="menu"
          >
            <span className="jp-Engines-visuallyHidden">
              {trans.__('Actions')}
            </span>
          </div>
        </div>
      </div>
      <div
        role="rowgroup"
        className="jp-Engines-JobRows"
        style={{
          height: rows.length * ROW_HEIGHT,
          paddingTop: (shown[0] ?? 0) * ROW_HEIGHT
        }}
      >
        {shown.map((index, position) => {
          const row = rows[index];
          const isLone = isApart(shown, position);
          return (
            row && (
              <JobRow
                key={isLone ? 'active' : keyOf(place, position, shown.length)}
                id={index === active ? rowId(row) : undefined}
                row={row}
                index={index}
                top={isLone ? index * ROW_HEIGHT : null}
                isActive={index === active}
                showsOwner={props.showsOwner}
                now={isTicking(row.job) ? Math.floor(props.now) : 0}
                request={props.requests.get(row.job.job_id)?.action ?? null}
                hasMenu={props.hasMenu(row)}
                words={words}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

function HeaderCell(props: {
  column: Column;
  sort: 'ascending' | 'descending' | 'none';
  trans: TranslationBundle;
  onSort: (column: Column) => void;
}): React.JSX.Element {
  const { column, sort, trans } = props;
  return (
    <div
      role="columnheader"
      aria-sort={sort}
      className="jp-Engines-JobCell"
      data-column={column}
    >
      <button
        className="jp-Engines-JobSort"
        title={columnCaption(column, trans)}
        onClick={() => props.onSort(column)}
      >
        <span>{columnLabel(column, trans)}</span>
        {sort !== 'none' && (
          <Icon icon={sort === 'ascending' ? caretUpIcon : caretDownIcon} />
        )}
      </button>
    </div>
  );
}
