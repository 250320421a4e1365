/**
 * Writes times for people. Pure: no clock.
 *
 * #### Notes
 * A span has two forms and no third. What ticks or stands in a column is a clock, as `qstat`
 * writes it: `00:06:45`. What stands in a sentence is words: `6 min`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** Write a span in seconds as `qstat` does: `00:06:45`; hours go on counting where a day ends. */
export function clockLabel(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return [whole / 3600, (whole / 60) % 60, whole % 60]
    .map(part => String(Math.floor(part)).padStart(2, '0'))
    .join(':');
}

/** Write a span in words, never longer than it is: `1 h 30 min`; seconds only below a minute. */
export function spanWords(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) {
    return trans.__('%1 s', whole);
  }
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  const parts = [];
  if (days > 0) {
    parts.push(trans.__('%1 d', days));
  }
  if (hours > 0) {
    parts.push(trans.__('%1 h', hours));
  }
  // Nobody plans two days to the minute.
  if (minutes > 0 && days === 0) {
    parts.push(trans.__('%1 min', minutes));
  }
  return parts.join(' ');
}

/** Say how long ago something was: the largest unit is enough. */
export function ageLabel(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) {
    return trans.__('%1 s ago', whole);
  }
  if (whole < 3600) {
    return trans.__('%1 min ago', Math.floor(whole / 60));
  }
  if (whole < 2 * 86_400) {
    return trans.__('%1 h ago', Math.floor(whole / 3600));
  }
  return trans.__('%1 days ago', Math.floor(whole / 86_400));
}

/** Write the hour of the day, of seconds since 1970-01-01 UTC, as the user's language does. */
export function timeOfDay(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit'
  });
}
