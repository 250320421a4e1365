/**
 * Words each way a cluster can fail: the cause, and the next step.
 *
 * #### Notes
 * The parameters of each code are listed in `jupyterlab_engines/clusters/words.py`. Where a
 * parameter that the sentence needs is missing or empty, the server's English is shown.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Failure } from '../api/generated';
import { batchFailureWords } from './failuresBatch';

export interface IFailureWords {
  cause: string;
  nextStep: string;
}

export function failureWords(
  failure: Failure,
  trans: TranslationBundle
): IFailureWords {
  return (
    wordsOf(failure, trans) ?? {
      cause: failure.message,
      nextStep: failure.next_step
    }
  );
}

/** Return the words, or null if a parameter that they need is not there. */
function wordsOf(
  { code, params }: Failure,
  trans: TranslationBundle
): IFailureWords | null {
  const startAgain = trans.__('Start the cluster again.');
  const { python, detail, status } = params;
  switch (code) {
    case 'mpiexec_missing':
      return params.command
        ? {
            cause: trans.__(
              'The MPI launcher %1 was not found.',
              params.command
            ),
            nextStep: trans.__(
              'Install an MPI, for example with `pip install mpich`, or load your site’s MPI module before you start Jupyter.'
            )
          }
        : null;
    case 'mpi4py_missing':
      return python && detail
        ? {
            cause: trans.__(
              'mpi4py cannot be imported by %1: %2',
              python,
              detail
            ),
            nextStep: trans.__(
              'Install it with `%1 -m pip install mpi4py`, then start the cluster again.',
              python
            )
          }
        : null;
    case 'mpi_library_missing':
      return python && detail
        ? {
            cause: trans.__(
              'mpi4py of %1 finds no MPI library: %2',
              python,
              detail
            ),
            nextStep: trans.__(
              'Install one with `%1 -m pip install mpich`, or load your site’s MPI module before you start Jupyter.',
              python
            )
          }
        : null;
    case 'ipyparallel_missing':
      return python && detail
        ? {
            cause: trans.__(
              'ipyparallel cannot be imported by %1: %2',
              python,
              detail
            ),
            nextStep: trans.__(
              'Install it with `%1 -m pip install ipyparallel`, then start the cluster again.',
              python
            )
          }
        : null;
    case 'mpi_world_split':
      return splitWords(params, trans);
    case 'mpi_world_mixed':
      return mixedWords(params, trans);
    case 'engines_exited':
      return exitedWords(params, trans);
    case 'engine_died':
      return diedWords(params, trans);
    case 'controller_exited':
      return status
        ? {
            cause: trans.__(
              'The controller ended unexpectedly (%1), and the engines with it.',
              status
            ),
            nextStep: trans.__(
              'Read the controller’s log, then start the cluster again.'
            )
          }
        : null;
    case 'job_killed':
      return {
        cause: trans.__(
          'The process that held the cluster together was killed, and the controller and the engines ended with it.'
        ),
        nextStep: startAgain
      };
    case 'start_interrupted':
      return {
        cause: trans.__(
          'The Jupyter server ended while this cluster was starting.'
        ),
        nextStep: startAgain
      };
    case 'profile_unwritable':
      return params.path && detail
        ? {
            cause: trans.__(
              'The folder %1 cannot be written: %2',
              params.path,
              detail
            ),
            nextStep: trans.__(
              'Make it writable, or set the environment variable IPYTHONDIR to a folder you can write before you start Jupyter.'
            )
          }
        : null;
    case 'stop_incomplete':
      return params.pids && params.host
        ? {
            cause: trans.__(
              'Some processes of this cluster did not end on %1: %2.',
              params.host,
              params.pids
            ),
            nextStep: trans.__(
              'End them in a terminal with `kill -9 %1`, then start the cluster again.',
              params.pids.replace(/,/g, '')
            )
          }
        : null;
    case 'internal':
      return detail
        ? {
            cause: trans.__(
              'Something went wrong inside jupyterlab-engines: %1',
              detail
            ),
            nextStep: trans.__(
              'Look into the Jupyter server’s log and report it. Then start the cluster again.'
            )
          }
        : null;
    case 'job_deleted':
    case 'job_exited':
    case 'job_lost':
    case 'job_memory':
    case 'job_never_runs':
    case 'job_refused':
    case 'job_walltime':
    case 'scheduler_missing':
    case 'submit_unknown':
      return batchFailureWords(code, params, trans);
    default:
      return unknownCode(code);
  }
}

type Params = Failure['params'];

function splitWords(
  { engines, sizes, library, launcher }: Params,
  trans: TranslationBundle
): IFailureWords | null {
  if (!engines || !sizes || !library || !launcher) {
    return null;
  }
  return {
    cause:
      sizes === '1'
        ? trans.__(
            'Each of the %1 engines is alone in its own MPI world, so a sum over the engines would be wrong. mpi4py loaded %2, and mpiexec is of %3.',
            engines,
            library,
            launcher
          )
        : trans.__(
            'The %1 engines are not one MPI world: the world sizes are %2, so a sum over the engines would be wrong. mpi4py loaded %3, and mpiexec is of %4.',
            engines,
            sizes,
            library,
            launcher
          ),
    nextStep: trans.__(
      'Use one MPI for both: let mpi4py load the MPI library of %1 (environment variable MPI4PY_MPIABI or MPI4PY_LIBMPI), or put the mpiexec of the loaded library first in PATH.',
      launcher
    )
  };
}

function mixedWords(
  { what, groups }: Params,
  trans: TranslationBundle
): IFailureWords | null {
  if (!groups) {
    return null;
  }
  const nextStep = trans.__(
    'Give all engines the same environment, then start the cluster again.'
  );
  switch (what) {
    case 'rank':
      return {
        cause: trans.__('Engine ids and MPI ranks differ (%1).', groups),
        nextStep: trans.__(
          'Stop all other engines that connect to this cluster, then start it again.'
        )
      };
    case 'library':
      return {
        cause: trans.__(
          'The engines use different MPI libraries (%1).',
          groups
        ),
        nextStep
      };
    case 'mpi4py':
      return {
        cause: trans.__(
          'The engines use different versions of mpi4py (%1).',
          groups
        ),
        nextStep
      };
    case 'python':
      return {
        cause: trans.__(
          'The engines use different versions of Python (%1).',
          groups
        ),
        nextStep
      };
    case 'ipyparallel':
      return {
        cause: trans.__(
          'The engines use different versions of ipyparallel (%1).',
          groups
        ),
        nextStep
      };
    default:
      return null;
  }
}

function exitedWords(
  { engines, registered, status }: Params,
  trans: TranslationBundle
): IFailureWords | null {
  if (!status || !registered || !engines) {
    return null;
  }
  return {
    cause:
      registered === '0'
        ? trans.__(
            'The engines ended before any of them was ready (%1).',
            status
          )
        : trans.__(
            'The engines ended (%1); %2 of %3 had registered.',
            status,
            registered,
            engines
          ),
    nextStep: trans.__(
      'Read the engines’ log: its last lines say why. Then start the cluster again.'
    )
  };
}

function diedWords(
  { rank, host, pid, status }: Params,
  trans: TranslationBundle
): IFailureWords | null {
  if (!rank || !host || !pid) {
    return null;
  }
  return {
    // mpiexec does not always tell how a rank ended.
    cause: status
      ? trans.__(
          'The engine of rank %1 (process %2 on %3) died: %4. The MPI world is broken, and the other engines ended with it.',
          rank,
          pid,
          host,
          status
        )
      : trans.__(
          'The engine of rank %1 (process %2 on %3) died. The MPI world is broken, and the other engines ended with it.',
          rank,
          pid,
          host
        ),
    nextStep: trans.__(
      'Variables on the engines are lost. Start the cluster again. If it happens again, look for too little memory.'
    )
  };
}

/** A server of the same contract sends no other code; if one does, its own words are shown. */
function unknownCode(code: never): null {
  console.error(`No words for the failure ${String(code)}`);
  return null;
}
