/** Reads and writes sets of ranks as people do: `0–7, 9`. Pure. */

/** Ranks from a first to a last one, both included; in order, without overlap. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/** Read `0-7, 9` or `0–7 9`; null if it is something else. No ranks: no ranges. */
export function parseRanks(text: string): Ranges | null {
  const ranges: [number, number][] = [];
  // Spaces around a dash do not part what it joins.
  const words = text
    .replace(/\s*[-–]\s*/g, '-')
    .split(/[,;\s]+/)
    .filter(word => word !== '');
  for (const word of words) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(word);
    if (match === null) {
      return null;
    }
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    ranges.push([Math.min(first, last), Math.max(first, last)]);
  }
  return merged(ranges);
}

/** Write ranks as people do. */
export function ranksLabel(ranges: Ranges): string {
  return ranges
    .map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`))
    .join(', ');
}

/** Return single ranks as ranges. */
export function rangesOf(ranks: readonly number[]): Ranges {
  return merged(ranks.map(rank => [rank, rank]));
}

export function hasRank(ranges: Ranges, rank: number): boolean {
  return ranges.some(([first, last]) => first <= rank && rank <= last);
}

/** Whether two sets have a rank in common. */
export function overlaps(ranges: Ranges, others: Ranges): boolean {
  return ranges.some(([first, last]) =>
    others.some(([from, to]) => first <= to && from <= last)
  );
}

/** Add a rank, or take it out if it is there. */
export function toggled(ranges: Ranges, rank: number): Ranges {
  return hasRank(ranges, rank)
    ? ranges.flatMap(([first, last]): Ranges =>
        first <= rank && rank <= last
          ? [[first, rank - 1] as const, [rank + 1, last] as const].filter(
              ([from, to]) => from <= to
            )
          : [[first, last]]
      )
    : merged([
        ...ranges.map(([a, b]): [number, number] => [a, b]),
        [rank, rank]
      ]);
}

function merged(ranges: [number, number][]): Ranges {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.sort(([a], [b]) => a - b)) {
    const previous = result[result.length - 1];
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else {
      result.push([first, last]);
    }
  }
  return result;
}
