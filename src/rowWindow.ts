/** Which rows of a long table are in the document: only those in sight. */
import * as React from 'react';

/** All rows are of one height, in pixels, as in the CSS of the tables: so each knows where it stands. */
export const ROW_HEIGHT = 28;
/** Rows drawn beyond each edge, so that scrolling shows no gap. */
const BEYOND = 3;
/** The window moves by so many rows at a time: fewer renders while scrolling. */
const STEP = 2;
/** However tall the window is. */
const MOST_ROWS = 120;

/**
 * Return the positions of the rows to draw.
 *
 * @param first - Where the window begins, by `firstRow`.
 * @param height - Of the grid, in pixels.
 * @param active - The row that the grid names as active: it has to be there.
 */
export function windowOf(
  first: number,
  height: number,
  rows: number,
  active: number | null
): number[] {
  const count = Math.min(
    MOST_ROWS,
    Math.ceil(height / ROW_HEIGHT) + 2 * BEYOND + STEP
  );
  const start = Math.max(0, Math.min(first, rows - count));
  const end = Math.min(rows, start + count);
  const shown = Array.from({ length: end - start }, (_, n) => start + n);
  if (active !== null && (active < start || active >= end)) {
    shown.push(active);
  }
  return shown;
}

/** Tell whether a drawn row is the active one, far from the others. */
export function isApart(shown: readonly number[], position: number): boolean {
  return (
    position > 0 &&
    position === shown.length - 1 &&
    shown[position] !== (shown[position - 1] ?? 0) + 1
  );
}

/** Return the first row of the window for a scroll position. */
export function firstRow(scrollTop: number): number {
  const row = Math.floor(scrollTop / ROW_HEIGHT) - BEYOND;
  return Math.max(0, Math.floor(row / STEP) * STEP);
}

/** Return the height of the grid in pixels; before it is laid out, a usual one. */
export function useHeight(grid: React.RefObject<HTMLDivElement>): number {
  const [height, setHeight] = React.useState(600);
  React.useLayoutEffect(() => {
    const element = grid.current;
    if (element === null || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (element.clientHeight > 0) {
        setHeight(element.clientHeight);
      }
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [grid]);
  return height;
}

/** Scroll a row into sight, below the header. */
export function reveal(grid: HTMLElement | null, index: number): void {
  if (grid === null) {
    return;
  }
  const top = index * ROW_HEIGHT;
  // The header stands above the rows, over the first of those in sight.
  const visible = grid.clientHeight - ROW_HEIGHT;
  if (top < grid.scrollTop) {
    grid.scrollTop = top;
  } else if (top + ROW_HEIGHT > grid.scrollTop + visible) {
    grid.scrollTop = top + ROW_HEIGHT - visible;
  }
}
