/** Words the failures of a cluster's batch job: part of `failures.ts`, and of the same rules. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Failure } from '../api/generated';
import type { IFailureWords } from './failures';

/** The codes that only clusters under a batch system have. */
export type BatchFailureCode = Extract<
  Failure['code'],
  | 'job_deleted'
  | 'job_exited'
  | 'job_lost'
  | 'job_memory'
  | 'job_never_runs'
  | 'job_refused'
  | 'job_walltime'
  | 'scheduler_missing'
  | 'submit_unknown'
>;

/** Return the words, or null if a parameter that they need is not there. */
export function batchFailureWords(
  code: BatchFailureCode,
  params: Failure['params'],
  trans: TranslationBundle
): IFailureWords | null {
  const job = params.job_id;
  const readLog = trans.__(
    'Read the job’s log: its last lines say why. Then start the cluster again.'
  );
  switch (code) {
    case 'job_refused':
      return refusedWords(params, trans);
    case 'job_never_runs':
      return job && params.comment
        ? {
            cause: trans.__(
              'PBS took job %1, but it can never run as it was asked for. PBS says: %2',
              job,
              params.comment
            ),
            nextStep: trans.__(
              'Ask for fewer nodes, cores or memory, or for another queue, then start the cluster again.'
            )
          }
        : null;
    case 'job_walltime':
      return job && params.walltime
        ? {
            cause: trans.__(
              'The walltime of job %1 (%2) was over, and PBS ended the controller and the engines.',
              job,
              params.walltime
            ),
            nextStep: trans.__(
              'Variables on the engines are lost. Start the cluster again, with more walltime if you need it.'
            )
          }
        : null;
    case 'job_memory':
      return job && params.memory
        ? {
            cause: trans.__(
              'PBS ended job %1, because it used more memory than it had asked for: %2 on each node.',
              job,
              params.memory
            ),
            nextStep: trans.__(
              'Ask for more memory or put fewer engines on a node, then start the cluster again.'
            )
          }
        : null;
    case 'job_deleted':
      return job
        ? {
            cause: trans.__(
              'Somebody deleted job %1, for example with `qdel`, and the cluster ended with it.',
              job
            ),
            nextStep: trans.__(
              'Start the cluster again. If it was not you, ask who runs the batch system.'
            )
          }
        : null;
    case 'job_exited':
      return job && params.status
        ? {
            cause: trans.__(
              'Job %1 ended by itself (%2), and the engines with it.',
              job,
              params.status
            ),
            nextStep: readLog
          }
        : null;
    case 'job_lost':
      return job
        ? {
            cause: trans.__(
              'PBS no longer knows job %1, and the job left no note of its end: its node may have failed, or its output could not be written.',
              job
            ),
            nextStep: readLog
          }
        : null;
    case 'submit_unknown':
      return params.seconds
        ? {
            cause: trans.__(
              '`qsub` did not answer within %1 s, and no job of this start was found in the queue.',
              params.seconds
            ),
            nextStep: trans.__(
              'Start the cluster again. Should the job turn up after all, the job table offers to delete it.'
            )
          }
        : null;
    case 'scheduler_missing':
      return params.command
        ? {
            cause: trans.__(
              'The command `%1` was not found where the Jupyter server runs.',
              params.command
            ),
            nextStep: trans.__(
              'Load the module of your batch system before you start Jupyter, or start Jupyter on a node that has its commands.'
            )
          }
        : null;
    default:
      return unknownCode(code);
  }
}

/** The queue and the hint may be unknown; what was refused is always told. */
function refusedWords(
  { queue, detail, hint }: Failure['params'],
  trans: TranslationBundle
): IFailureWords | null {
  if (!detail) {
    return null;
  }
  const otherwise = trans.__(
    'Change what the job asks for, then start the cluster again.'
  );
  return {
    cause: queue
      ? trans.__('PBS refused the job for the queue `%1`: %2', queue, detail)
      : trans.__('PBS refused the job: %1', detail),
    nextStep: hint !== '' ? (hint ?? otherwise) : otherwise
  };
}

function unknownCode(code: never): null {
  console.error(`No words for the failure ${String(code)}`);
  return null;
}
