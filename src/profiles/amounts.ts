/** Reads and writes amounts as people type them: walltime, memory, counts. Pure. */
const UNIT_SECONDS: readonly (readonly [RegExp, number])[] = [
  [/^s(ecs?|econds?)?$/, 1],
  [/^m(ins?|inutes?)?$/, 60],
  [/^h(rs?|ours?)?$/, 3600],
  [/^d(ays?)?$/, 86_400]
];
/** PBS counts in powers of 1024. */
const UNIT_BYTES = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['KB', 1024]
] as const;

/**
 * Return a walltime in seconds, or null if it cannot be told what is meant.
 *
 * #### Notes
 * Takes `1:30` (hours and minutes), `01:30:00`, `1:12:00:00` and `1-12:00:00` (days first), `90m`,
 * `2h`, `1h 30m`, `2h30` (the next smaller unit), `1d12h`, `1.5 h`, `2 hours`. A bare number is none:
 * PBS reads it as seconds, Slurm as minutes. Units go from large to small, each once.
 */
export function parseWalltime(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  const clock =
    /^(?:(\d{1,3})[:-](?=\d+:\d+:))?(\d{1,5}):([0-5]\d)(?::([0-5]\d))?$/.exec(
      trimmed
    );
  if (clock !== null) {
    const [, days = '0', hours, minutes, seconds = '0'] = clock;
    if (clock[1] !== undefined && Number(hours) > 23) {
      return null;
    }
    return positive(
      Number(days) * 86_400 +
        Number(hours) * 3600 +
        Number(minutes) * 60 +
        Number(seconds)
    );
  }
  const parts = [...trimmed.matchAll(/(\d+(?:[.,]\d+)?)\s*([a-z]*)[\s.]*/g)];
  if (parts.map(([whole]) => whole).join('') !== trimmed) {
    return null;
  }
  let total = 0;
  let last = Infinity;
  for (const [, number = '', unit = ''] of parts) {
    const size = unit === '' ? nextSmaller(last, number) : secondsOf(unit);
    if (size === null || size >= last) {
      return null;
    }
    total += Number(number.replace(',', '.')) * size;
    last = size;
  }
  return positive(total);
}

/** The seconds of a unit, abbreviated or not; null if it is none. */
function secondsOf(unit: string): number | null {
  return UNIT_SECONDS.find(([words]) => words.test(unit))?.[1] ?? null;
}

/** The unit of the `30` in `2h30`; null if it is not clear. */
function nextSmaller(last: number, number: string): number | null {
  if (!/^\d\d?$/.test(number)) {
    return null;
  }
  const unit = { 86_400: 3600, 3600: 60, 60: 1 }[last] ?? null;
  return unit !== null && Number(number) * unit < last ? unit : null;
}

/** Return an amount of memory in bytes, e.g. of `4 GB`, `4gb`, `512M`; null if it is none. */
export function parseMemory(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt])i?b?$/i.exec(text.trim());
  if (match === null) {
    return null;
  }
  const [, number, letter = ''] = match;
  const unit = UNIT_BYTES.find(([name]) =>
    name.startsWith(letter.toUpperCase())
  );
  return unit === undefined ? null : positive(Number(number) * unit[1]);
}

/** Write an amount of memory in the largest unit that keeps it a whole number. */
export function memoryText(bytes: number): string {
  const unit = UNIT_BYTES.find(
    ([, size]) => bytes >= size && bytes % size === 0
  );
  return unit === undefined
    ? `${Math.ceil(bytes / 1024)} KB`
    : `${bytes / unit[1]} ${unit[0]}`;
}

/** Return a whole number of at least one, or null. */
export function parseCount(text: string): number | null {
  const trimmed = text.trim();
  const count = /^\d{1,9}$/.test(trimmed) ? Number(trimmed) : 0;
  return count > 0 ? count : null;
}

function positive(amount: number): number | null {
  const whole = Math.round(amount);
  return whole > 0 && Number.isSafeInteger(whole) ? whole : null;
}
