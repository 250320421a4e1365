/** Writes and reads times as `qstat` does. Pure: no clock. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** Shortest and longest walltime that can be asked for, in seconds: those of the wire. */
export const SHORTEST_WALLTIME = 60;
export const LONGEST_WALLTIME = 366 * 86400;

/** Write a time span as `qstat` does: `00:06:45`; hours go on counting where a day ends. */
export function clockLabel(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return [whole / 3600, (whole / 60) % 60, whole % 60]
    .map(part => String(Math.floor(part)).padStart(2, '0'))
    .join(':');
}

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

/** Say how long ago something was. */
export function ageLabel(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) {
    return trans.__('%1 s ago', whole);
  }
  if (whole < 3600) {
    return trans.__('%1 min ago', Math.floor(whole / 60));
  }
  if (whole < 2 * 86400) {
    return trans.__('%1 h ago', Math.floor(whole / 3600));
  }
  return trans.__('%1 days ago', Math.floor(whole / 86400));
}

/** Write the time of day, in hours and minutes, of seconds since 1970-01-01 UTC. */
export function timeOfDay(at: number): string {
  return new Date(at * 1000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit'
  });
}
