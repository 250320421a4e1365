import type { TranslationBundle } from '@jupyterlab/translation';
import { RequestError } from './api/client';

/** Something that did not work, for people: what, what to do, and the system's own words. */
export interface IProblem {
  message: string;
  /** May be empty. */
  nextStep: string;
  detail: string | null;
}

/** Word an error of `IClusterManager`, or any other. */
export function problemOf(error: unknown, trans: TranslationBundle): IProblem {
  if (!(error instanceof RequestError)) {
    return {
      message: trans.__('Something unexpected happened.'),
      nextStep: trans.__(
        'Try again. If it happens again, report it with the text below.'
      ),
      detail: error instanceof Error ? error.message : String(error)
    };
  }
  switch (error.kind) {
    case 'refused':
      // The server half words its refusals, naming the thing.
      return {
        message: error.message,
        nextStep: error.nextStep,
        detail: error.detail
      };
    case 'unreachable':
      return {
        message: trans.__('The Jupyter server did not answer.'),
        nextStep: trans.__(
          'Check that it is running and that you are online, then try again.'
        ),
        detail: error.detail
      };
    case 'missing':
      return {
        message: trans.__(
          'The Jupyter server does not have the server half of this extension.'
        ),
        nextStep: trans.__(
          'Install jupyterlab-engines where the Jupyter server runs, then restart the server.'
        ),
        detail: error.message
      };
    case 'unreadable':
      return {
        message: trans.__(
          'Something between this page and the Jupyter server gave an unexpected answer.'
        ),
        nextStep: trans.__('Reload the page and log in again if asked to.'),
        detail: error.message
      };
    default:
      return unknownKind(error.kind);
  }
}

/** Return a problem in one line, for notifications. */
export function problemLine(
  problem: IProblem,
  trans: TranslationBundle
): string {
  return problem.nextStep === ''
    ? problem.message
    : trans.__('%1 %2', problem.message, problem.nextStep);
}

function unknownKind(kind: never): never {
  throw new Error(`No words for ${String(kind)}`);
}
