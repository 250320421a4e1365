/** Finds which cluster a notebook names in its own code. Pure. */

/** A literal in a cell's source: `profile = 'local'`. */
export interface IProfileLiteral {
  /** What stands between the quotes. */
  name: string;
  /** Where that begins and ends, in UTF-16 units of the source. */
  start: number;
  end: number;
}

/** A line that does nothing but assign a literal to `profile`, with or without a comment. */
const ASSIGNMENT =
  /^(profile[ \t]*=[ \t]*)(?:'([^'"\\\n]*)'|"([^'"\\\n]*)")[ \t]*;?[ \t]*(?:#.*)?$/m;

/**
 * Return the literal that a code cell assigns to `profile`; null if it assigns none.
 *
 * #### Notes
 * Only what is read without running it: no f-strings, no expressions. Cells of a `%%` magic may
 * be of another language.
 */
export function findProfile(source: string): IProfileLiteral | null {
  const match = source.trimStart().startsWith('%%')
    ? null
    : ASSIGNMENT.exec(source);
  if (match === null) {
    return null;
  }
  const [, head = '', single, double] = match;
  const name = single ?? double ?? '';
  const start = match.index + head.length + 1;
  return { name, start, end: start + name.length };
}
