import type { TranslationBundle } from '@jupyterlab/translation';

import type { FieldProblem } from '../api/generated';

/** As the server's rule: one part of a path, which a URL keeps as it is. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_ .+@-]{0,63}$/u;

/**
 * Return what is wrong with the name of a new profile, for its field.
 *
 * Checked before any request: `..` would leave the address of the profiles.
 *
 * @param name - without blanks around it; an empty one is not judged.
 * @param taken - names of the profiles that there are.
 */
export function nameProblems(
  name: string,
  taken: readonly string[],
  trans: TranslationBundle
): FieldProblem[] {
  const problem = (message: string): FieldProblem[] => [
    { field: 'name', message, severity: 'error' }
  ];
  if (name === '') {
    return [];
  }
  if (name === 'local') {
    return problem(trans.__('`local` is built in: choose another name.'));
  }
  if (!NAME.test(name) || name.includes('..')) {
    return problem(
      trans.__(
        'A name begins with a letter or digit, has letters, digits, blanks and . + @ - _ in it, and at most 64 of them.'
      )
    );
  }
  if (taken.includes(name)) {
    return problem(
      trans.__('There is a profile `%1` already: choose another name.', name)
    );
  }
  return [];
}
