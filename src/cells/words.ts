/** Says why cells cannot run on engines. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IRefused } from './toggle';

/** So many cells are named; there may be hundreds. */
const NAMED = 3;

/** Say which cells were left as they are, and why. */
export function refusedWords(
  refused: readonly IRefused[],
  trans: TranslationBundle
): string {
  const sentences = refused
    .slice(0, NAMED)
    .map(refusal => refusedSentence(refusal, trans));
  const more = refused.length - sentences.length;
  if (more > 0) {
    sentences.push(
      trans._n(
        '%1 more cell was left as it is.',
        '%1 more cells were left as they are.',
        more
      )
    );
  }
  return sentences.join(' ');
}

function refusedSentence(
  { cell, obstacle }: IRefused,
  trans: TranslationBundle
): string {
  const which =
    cell.number === null
      ? trans.__('The prompt')
      : trans.__('Cell %1', cell.number);
  switch (obstacle.type) {
    case 'read-only':
      return trans.__(
        '%1 is read-only, and its first line says where it runs.',
        which
      );
    case 'other-view':
      return trans.__(
        '%1 runs on the engines of another view, by %2.',
        which,
        obstacle.magic
      );
    case 'kernel-magic':
      return trans.__(
        '%1 has %2, which works in this kernel and is not known to the engines. Put it into a cell of its own.',
        which,
        obstacle.magic
      );
    default:
      return noWords(obstacle);
  }
}

function noWords(obstacle: never): never {
  throw new Error(`No words for ${JSON.stringify(obstacle)}`);
}
