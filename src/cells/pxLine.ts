/** Finds, takes out and puts in the line that sends a cell to engines. Pure. */

/** A replacement in a cell's source: offsets in UTF-16 units, and what comes there. */
export interface IEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A line that was taken out, and what stood before it. */
export interface IRemoved {
  readonly before: string;
  readonly line: string;
}

/** Why a cell cannot be sent to engines as a whole. */
export type Obstacle =
  /** Another view's cell magic sends it there. */
  | { type: 'other-view'; magic: string }
  /** It speaks to the notebook's kernel about engines, which do not know this magic. */
  | { type: 'kernel-magic'; magic: string };

/** Cell magics that run the rest of their cell as a cell, so that `%%px` may follow them. */
const TRANSPARENT = /^[ \t]*%%(?:time|timeit|capture)(?:[ \t]|\r?$)/;

const PX = /^[ \t]*%%px(?:[ \t]|\r?$)/;

const OTHER_VIEW = /^\s*(%%px\w+)/;

const KERNEL_MAGIC =
  /^[ \t]*(?:[\w., \t]+=[ \t]*)?(%(?:px\w*|autopx\w*|engines|psum|load_ext[ \t]+pxengines))(?!\w)/m;

/**
 * Return where the `%%px` line stands, its line break included; null: there is none.
 *
 * #### Notes
 * As IPython reads it: blank lines may come before it, comments may not.
 */
export function findPx(source: string): IEdit | null {
  let start = 0;
  while (start < source.length) {
    const newline = source.indexOf('\n', start);
    const end = newline < 0 ? source.length : newline + 1;
    const line = source.slice(start, newline < 0 ? end : newline);
    if (PX.test(line)) {
      return { start, end, text: '' };
    }
    if (line.trim() !== '' && !TRANSPARENT.test(line)) {
      return null;
    }
    start = end;
  }
  return null;
}

/** Tell why `%%px` cannot be put above a cell; null: it can. */
export function obstacleOf(source: string): Obstacle | null {
  const other = OTHER_VIEW.exec(source)?.[1];
  if (other !== undefined && other !== '%%px') {
    return { type: 'other-view', magic: other };
  }
  const magic = KERNEL_MAGIC.exec(source)?.[1];
  return magic === undefined
    ? null
    : { type: 'kernel-magic', magic: magic.replace(/[ \t]+/, ' ') };
}

/**
 * Return the edit that puts the line in.
 *
 * @param removed - what was taken out of this cell before: it comes back with its flags
 *
 * #### Notes
 * Other cell magics stay below: they then run on the engines.
 */
export function insertPx(source: string, removed: IRemoved | null): IEdit {
  if (removed === null || !source.startsWith(removed.before)) {
    return { start: 0, end: 0, text: '%%px\n' };
  }
  const { before, line } = removed;
  const isWhole = line.endsWith('\n') || source.length === before.length;
  return {
    start: before.length,
    end: before.length,
    text: isWhole ? line : `${line}\n`
  };
}

/** Return a source after an edit. */
export function edited(source: string, { start, end, text }: IEdit): string {
  return source.slice(0, start) + text + source.slice(end);
}
