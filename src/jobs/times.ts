/** Reads a walltime as `qstat` writes it. Pure: no clock. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** Shortest and longest walltime that can be asked for, in seconds: those of the wire. */
export const SHORTEST_WALLTIME = 60;
export const LONGEST_WALLTIME = 366 * 86400;

/** Read `HH:MM:SS`; null if it is none. */
export function parseClock(text: string): number | null {
  const match = /^\s*(\d{1,4}):([0-5]\d):([0-5]\d)\s*$/.exec(text);
  if (match === null) {
    return null;
  }
  const [, hours, minutes, seconds] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** Say what keeps a text from being a walltime; null: it is one. */
export function walltimeProblem(
  text: string,
  trans: TranslationBundle
): string | null {
  const seconds = parseClock(text);
  if (seconds === null) {
    return trans.__(
      'Write hours, minutes and seconds as HH:MM:SS, e.g. 01:30:00.'
    );
  }
  if (seconds < SHORTEST_WALLTIME) {
    return trans.__('The shortest walltime is one minute, 00:01:00.');
  }
  if (seconds > LONGEST_WALLTIME) {
    return trans.__('The longest walltime is 366 days, 8784:00:00.');
  }
  return null;
}
