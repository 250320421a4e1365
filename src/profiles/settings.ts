/** Turns the settings of a profile into texts of a form, and back. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FieldProblem, ProfileSettings } from '../api/generated';
import { parseCount } from './amounts';
import { NO_RESOURCES, readTexts, textsOf } from './resources';
import type { ResourceTexts } from './resources';

export type Placement = ProfileSettings['placement'];

export const PLACEMENTS: readonly Placement[] = ['in_job', 'own_job', 'server'];

/** What stands in the form, right or wrong. */
export interface ISettingsTexts {
  readonly placement: Placement;
  readonly engines: string;
  readonly resources: ResourceTexts;
  /** One shell line a line. */
  readonly prologue: string;
  /** One option a line. */
  readonly directives: string;
  /** Command lines, quoted as in a shell. */
  readonly python: string;
  readonly mpiexec: string;
  readonly mpi_args: string;
  readonly controller_address: string;
}

/** The fields that are one text. */
export type TextField = Exclude<
  keyof ISettingsTexts,
  'placement' | 'resources'
>;

/** What a new profile proposes: all that can be left to the scheduler is. */
export const NEW_SETTINGS: ProfileSettings = {
  placement: 'in_job',
  engines: 8,
  resources: { ...NO_RESOURCES, walltime_seconds: 3600 },
  prologue: [],
  directives: [],
  python: [],
  mpiexec: [],
  mpi_args: [],
  controller_address: ''
};

export function settingsTexts(settings: ProfileSettings): ISettingsTexts {
  return {
    placement: settings.placement,
    engines: String(settings.engines),
    resources: textsOf(settings.resources),
    prologue: settings.prologue.join('\n'),
    directives: settings.directives.join('\n'),
    python: joinWords(settings.python),
    mpiexec: joinWords(settings.mpiexec),
    mpi_args: joinWords(settings.mpi_args),
    controller_address: settings.controller_address
  };
}

/** Read the form; the settings are null where something cannot be read. */
export function readSettings(
  texts: ISettingsTexts,
  trans: TranslationBundle
): { settings: ProfileSettings | null; problems: FieldProblem[] } {
  const { resources, problems } = readTexts(texts.resources, trans);
  const refuse = (field: string, message: string) => {
    problems.push({ field, message, severity: 'error' });
  };
  const engines = parseCount(texts.engines);
  if (engines === null) {
    refuse('engines', trans.__('Type a whole number, for example 8.'));
  }
  const words = (field: 'python' | 'mpiexec' | 'mpi_args'): string[] => {
    const split = splitWords(texts[field]);
    if (split === null) {
      refuse(field, trans.__('A quotation mark is not closed.'));
    }
    return split ?? [];
  };
  const settings: ProfileSettings = {
    placement: texts.placement,
    engines: engines ?? 1,
    resources,
    prologue: lines(texts.prologue),
    directives: lines(texts.directives).filter(line => line.trim() !== ''),
    python: words('python'),
    mpiexec: words('mpiexec'),
    mpi_args: words('mpi_args'),
    controller_address: texts.controller_address.trim()
  };
  return { settings: problems.length === 0 ? settings : null, problems };
}

/** Return lines, without empty ones at the end. */
function lines(text: string): string[] {
  const trimmed = text.replace(/\s+$/, '');
  return trimmed === '' ? [] : trimmed.split(/\r?\n/);
}

/** Split a command line as a shell does, without its expansions; null: a quote is not closed. */
export function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== '') {
      if (character === quote) {
        quote = '';
      } else if (
        character === '\\' &&
        quote === '"' &&
        '"\\'.includes(text.charAt(at + 1))
      ) {
        word = (word ?? '') + text.charAt(++at);
      } else {
        word = (word ?? '') + character;
      }
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === '\\') {
      word = (word ?? '') + text.charAt(++at);
    } else if (/\s/.test(character)) {
      if (word !== null) {
        words.push(word);
      }
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) {
    words.push(word);
  }
  return quote === '' ? words : null;
}

/** Write words so that `splitWords` reads the same. */
export function joinWords(words: readonly string[]): string {
  return words
    .map(word =>
      /^[^\s'"\\]+$/.test(word)
        ? word
        : `"${word.replace(/["\\]/g, match => `\\${match}`)}"`
    )
    .join(' ');
}
