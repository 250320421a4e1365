import type { Failure } from '../../api/generated';
import { failureWords } from '../../clusters/failures';
import { failed } from '../examples';
import { trans } from '../fakes';

/** For each code: the parameters as the server sends them, and what the sentences must hold. */
const CASES: Record<
  Failure['code'],
  { params: Record<string, string>; cause: RegExp; next: RegExp }
> = {
  mpiexec_missing: {
    params: { command: '/opt/mpi/mpiexec' },
    cause: /launcher \/opt\/mpi\/mpiexec was not found/,
    next: /pip install mpich/
  },
  mpi4py_missing: {
    params: { python: '/v/python', detail: 'No module named mpi4py' },
    cause: /mpi4py cannot be imported by \/v\/python: No module/,
    next: /\/v\/python -m pip install mpi4py/
  },
  mpi_library_missing: {
    params: { python: '/v/python', detail: 'cannot load MPI library' },
    cause: /mpi4py of \/v\/python finds no MPI library: cannot load/,
    next: /\/v\/python -m pip install mpich/
  },
  ipyparallel_missing: {
    params: { python: '/v/python', detail: 'No module named ipyparallel' },
    cause: /ipyparallel cannot be imported by \/v\/python/,
    next: /\/v\/python -m pip install ipyparallel/
  },
  mpi_world_split: {
    params: {
      engines: '8',
      sizes: '1',
      library: 'Open MPI v5.0.8',
      launcher: 'MPICH'
    },
    cause: /Each of the 8 engines is alone.*Open MPI v5\.0\.8.*of MPICH/,
    next: /MPI library of MPICH/
  },
  mpi_world_mixed: {
    params: { what: 'mpi4py', groups: 'ranks 0-2: 4.1.2; rank 3: 4.0.0' },
    cause:
      /different versions of mpi4py \(ranks 0-2: 4\.1\.2; rank 3: 4\.0\.0\)/,
    next: /same environment/
  },
  engines_exited: {
    params: { engines: '8', registered: '3', status: 'exit status 1' },
    cause: /ended \(exit status 1\); 3 of 8 had registered/,
    next: /engines’ log/
  },
  engine_died: {
    params: {
      rank: '3',
      host: 'n2',
      pid: '77',
      status: 'signal 9 (SIGKILL)'
    },
    cause: /rank 3 \(process 77 on n2\) died: signal 9.*MPI world is broken/,
    next: /Start the cluster again/
  },
  controller_exited: {
    params: { status: 'signal 9 (SIGKILL)' },
    cause: /controller ended unexpectedly \(signal 9 \(SIGKILL\)\)/,
    next: /controller’s log/
  },
  job_killed: { params: {}, cause: /was killed/, next: /Start the cluster/ },
  start_interrupted: {
    params: {},
    cause: /Jupyter server ended while/,
    next: /Start the cluster again/
  },
  profile_unwritable: {
    params: { path: '/home/a/.ipython', detail: 'Read-only file system' },
    cause: /\/home\/a\/\.ipython cannot be written: Read-only/,
    next: /IPYTHONDIR/
  },
  stop_incomplete: {
    params: { pids: '12, 13', host: 'n1' },
    cause: /did not end on n1: 12, 13/,
    next: /kill -9 12 13/
  },
  job_refused: {
    params: {
      queue: 'debug',
      detail: 'the queue allows 30 minutes.',
      hint: 'Ask for less walltime.'
    },
    cause: /refused the job for the queue `debug`: the queue allows 30 min/,
    next: /Ask for less walltime/
  },
  job_never_runs: {
    params: {
      job_id: '17.pbs',
      comment: 'Can Never Run: Insufficient amount of resource: ncpus'
    },
    cause: /job 17\.pbs, but it can never run.*Insufficient amount.*ncpus/,
    next: /fewer nodes, cores or memory/
  },
  job_walltime: {
    params: { job_id: '17.pbs', walltime: '01:00:00' },
    cause: /walltime of job 17\.pbs \(01:00:00\) was over/,
    next: /more walltime/
  },
  job_memory: {
    params: { job_id: '17.pbs', memory: '4 GB' },
    cause: /job 17\.pbs, because it used more memory.*: 4 GB on each node/,
    next: /more memory or put fewer engines/
  },
  job_deleted: {
    params: { job_id: '17.pbs' },
    cause: /Somebody deleted job 17\.pbs/,
    next: /Start the cluster again/
  },
  job_exited: {
    params: { job_id: '17.pbs', status: 'exit status 127: command not found' },
    cause: /Job 17\.pbs ended by itself \(exit status 127: command not found\)/,
    next: /job’s log/
  },
  job_lost: {
    params: { job_id: '17.pbs' },
    cause: /no longer knows job 17\.pbs, and the job left no note/,
    next: /job’s log/
  },
  submit_unknown: {
    params: { seconds: '60' },
    cause: /did not answer within 60 s, and no job/,
    next: /Start the cluster again/
  },
  scheduler_missing: {
    params: { command: 'qsub' },
    cause: /`qsub` was not found/,
    next: /Load the module/
  },
  internal: {
    params: { detail: 'KeyError' },
    cause: /inside jupyterlab-engines: KeyError/,
    next: /server’s log/
  }
};
/** Parameters that the words do without. */
const MAY_BE_UNKNOWN: Partial<Record<Failure['code'], string[]>> = {
  engine_died: ['status'],
  job_refused: ['queue', 'hint']
};
const CODES = Object.keys(CASES) as Failure['code'][];

function words(code: Failure['code'], params: Record<string, string>) {
  const { failure } = failed({ code, params });
  if (failure === null) {
    throw new Error('The example has no failure');
  }
  return failureWords(failure, trans);
}

describe('failureWords', () => {
  it.each(CODES)('words %s by its parameters', code => {
    const { params, cause, next } = CASES[code];
    const { cause: said, nextStep } = words(code, params);
    expect(said).toMatch(cause);
    expect(nextStep).toMatch(next);
    expect(said + nextStep).not.toMatch(/%\d|undefined/);
  });

  it.each(CODES.filter(code => Object.keys(CASES[code].params).length > 0))(
    'shows the server’s words for %s where a parameter is missing',
    code => {
      const names = Object.keys(CASES[code].params).filter(
        name => !(MAY_BE_UNKNOWN[code] ?? []).includes(name)
      );
      for (const missing of names) {
        for (const value of [undefined, '']) {
          const params: Record<string, string> = {
            ...CASES[code].params
          };
          if (value === undefined) {
            Reflect.deleteProperty(params, missing);
          } else {
            params[missing] = value;
          }
          expect(words(code, params)).toEqual({
            cause: 'The server’s sentence.',
            nextStep: 'The server’s next step.'
          });
        }
      }
    }
  );

  it('tells worlds of several sizes from lonely engines', () => {
    const { params } = CASES.mpi_world_split;
    expect(
      words('mpi_world_split', { ...params, sizes: '2, 6' }).cause
    ).toMatch(/world sizes are 2, 6/);
  });

  it.each(['rank', 'library', 'mpi4py', 'python', 'ipyparallel'])(
    'says what is mixed: %s',
    what => {
      const { cause } = words('mpi_world_mixed', { what, groups: 'G' });
      expect(cause).toMatch(/\(G\)/);
      expect(cause).not.toBe('The server’s sentence.');
    }
  );

  it('names the rank that died even if nobody knows how', () => {
    const { params } = CASES.engine_died;
    expect(words('engine_died', { ...params, status: '' }).cause).toMatch(
      /rank 3 \(process 77 on n2\) died\. The MPI world is broken/
    );
  });

  it('words a refusal of which only the reason is known', () => {
    const { cause, nextStep } = words('job_refused', { detail: 'Too many.' });
    expect(cause).toBe('PBS refused the job: Too many.');
    expect(nextStep).toMatch(/Change what the job asks for/);
  });

  it('tells engines that never came from engines that left', () => {
    expect(
      words('engines_exited', {
        engines: '8',
        registered: '0',
        status: 'exit status 1'
      }).cause
    ).toMatch(/before any of them was ready/);
  });
});
