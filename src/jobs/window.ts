/** Which element shows which job, and where the eye is kept. */
import * as React from 'react';
import { ROW_HEIGHT } from '../rowWindow';
import type { IRow } from './filter';

/** Where the window is, and which of its elements comes first. */
export interface IPlace {
  /** The first row, by `firstRow`. */
  first: number;
  /** Of how many rows the elements went from the top to the end so far. */
  turned: number;
}

export const FIRST_WINDOW: IPlace = { first: 0, turned: 0 };

/**
 * Return the place of a window that begins at another row.
 *
 * #### Notes
 * An element that leaves the document and a new one that enters it cost several times what it
 * costs to write another job into one that stays. So all stay, unless the window goes down
 * over its own rows: then those that leave at its top enter at its end, and the others are
 * not touched. (Up, React would move all the others instead.)
 */
export function moveWindow(
  place: IPlace,
  first: number,
  count: number
): IPlace {
  if (first === place.first) {
    return place;
  }
  const rows = first - place.first;
  const isTurned = rows > 0 && rows < count;
  return { first, turned: isTurned ? place.turned + rows : place.turned };
}

/** Return which element shows what stands at a position of the window. */
export function keyOf(place: IPlace, position: number, count: number): number {
  return (position + place.turned) % count;
}

/** Return where the active job stands now; if it is gone, the row that took its place. */
export function useActiveIndex(
  rows: readonly IRow[],
  activeId: string | null
): number | null {
  const last = React.useRef(0);
  const index = React.useMemo(
    () =>
      activeId === null
        ? -1
        : rows.findIndex(({ job }) => job.job_id === activeId),
    [rows, activeId]
  );
  if (activeId === null || rows.length === 0) {
    return null;
  }
  if (index < 0) {
    return Math.min(last.current, rows.length - 1);
  }
  last.current = index;
  return index;
}

/**
 * Keep the rows that the user looks at where they are when others come or go above them.
 *
 * @param scrolled - Where the last `scroll` event left the grid: to ask the grid itself would
 *   have the browser lay out all rows at once, and once more when it has moved.
 *
 * #### Notes
 * What stays is the active row while the grid has the focus and the row is in sight, else
 * the topmost one. A table that is scrolled to its top stays there.
 */
export function useAnchor(
  grid: React.RefObject<HTMLDivElement>,
  scrolled: React.RefObject<number>,
  height: number,
  rows: readonly IRow[],
  active: number | null
): void {
  const before = React.useRef(rows);
  React.useLayoutEffect(() => {
    const element = grid.current;
    const old = before.current;
    before.current = rows;
    if (element === null || old === rows || !scrolled.current) {
      return;
    }
    const top = Math.floor(scrolled.current / ROW_HEIGHT);
    const bottom = top + Math.floor(height / ROW_HEIGHT);
    const activeJob = active === null ? undefined : rows[active]?.job.job_id;
    const oldActive =
      activeJob !== undefined && element.ownerDocument.activeElement === element
        ? old.findIndex(({ job }) => job.job_id === activeJob)
        : -1;
    const anchor = oldActive >= top && oldActive < bottom ? oldActive : top;
    const jobId = old[anchor]?.job.job_id;
    const now = rows.findIndex(({ job }) => job.job_id === jobId);
    if (now >= 0 && now !== anchor) {
      element.scrollTop += (now - anchor) * ROW_HEIGHT;
    }
  });
}
