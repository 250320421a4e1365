import type { TranslationBundle } from '@jupyterlab/translation';
import type { Profile } from '../api/generated';

/** Either a number of engines, or what is wrong with it. */
export type EnginesCheck =
  | { engines: number; message: null }
  | { engines: null; message: string | null };

/** Tell whether `text` is a number of engines that `profile` can start. */
export function checkEngines(
  text: string,
  profile: Profile,
  trans: TranslationBundle
): EnginesCheck {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) {
    return {
      engines: null,
      message: trans.__('Type a whole number, for example 4.')
    };
  }
  const engines = Number(trimmed);
  if (engines < 1) {
    return {
      engines: null,
      message: trans.__('A cluster needs at least 1 engine.')
    };
  }
  if (engines > profile.max_engines) {
    return {
      engines: null,
      message: trans.__(
        '%1 starts at most %2 engines.',
        profile.name,
        profile.max_engines
      )
    };
  }
  return { engines, message: null };
}
