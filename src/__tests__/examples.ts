/** Wire objects as the server sends them, with what a test is about changed. */
import type {
  ActivityPoint,
  Batch,
  Cluster,
  ClusterActivity,
  Engine,
  EngineActivity,
  Failure,
  Job,
  Preview,
  Profile,
  ProfileDetail,
  ProfileSettings,
  Resources,
  SchedulerStatus,
  Stage
} from '../api/generated';
import type { IActivity } from '../tokens';

export function engine(rank: number, changes: Partial<Engine> = {}): Engine {
  return {
    engine_id: rank,
    rank,
    host: 'n1',
    pid: 4000 + rank,
    alive: true,
    ...changes
  };
}

export function engines(count: number): Engine[] {
  return Array.from({ length: count }, (_, rank) => engine(rank));
}

export function stages(...statuses: Stage['status'][]): Stage[] {
  const names = ['submitted', 'controller', 'engines', 'mpi_check'] as const;
  return names.map((name, index) => {
    const status = statuses[index] ?? 'waiting';
    return {
      name,
      status,
      started_at: status === 'waiting' ? null : 1000 + index,
      ended_at: status === 'done' || status === 'failed' ? 1001 + index : null
    };
  });
}

/** A cluster of four engines that is ready. */
export function cluster(changes: Partial<Cluster> = {}): Cluster {
  return {
    key: 'local',
    profile: 'local',
    cluster_id: '',
    run_id: 'run-1',
    origin: 'panel',
    state: 'ready',
    state_since: 1004,
    created_at: 1000,
    stages: stages('done', 'done', 'done', 'done'),
    engines_requested: 4,
    engines_registered: 4,
    engines: engines(4),
    mpi: {
      size: 4,
      library: 'MPICH Version:      5.0.2',
      mpi4py_version: '4.1.1',
      python_version: '3.11.2'
    },
    failure: null,
    batch: null,
    history: [],
    ...changes
  };
}

/** A cluster of four engines, two of which have registered. */
export function starting(changes: Partial<Cluster> = {}): Cluster {
  return cluster({
    state: 'starting',
    stages: stages('done', 'done', 'active'),
    engines_registered: 2,
    engines: engines(2),
    mpi: null,
    ...changes
  });
}

export function failed(
  failure: Partial<Failure> = {},
  changes: Partial<Cluster> = {}
): Cluster {
  return cluster({
    state: 'failed',
    stages: stages('done', 'done', 'failed'),
    engines_registered: 0,
    engines: [],
    mpi: null,
    failure: {
      code: 'job_killed',
      params: {},
      message: 'The server’s sentence.',
      next_step: 'The server’s next step.',
      log_tail: '',
      ...failure
    },
    ...changes
  });
}

export function profile(changes: Partial<Profile> = {}): Profile {
  return {
    name: 'local',
    origin: 'builtin',
    kind: 'local',
    placement: null,
    engines: null,
    resources: null,
    locked: [],
    notes: [],
    summary: 'Starts engines on this machine.',
    startable: true,
    problem: null,
    max_engines: 256,
    ...changes
  };
}

/** A server without a batch system. */
export function noScheduler(
  changes: Partial<SchedulerStatus> = {}
): SchedulerStatus {
  return {
    dialect: null,
    version: '',
    server: '',
    user: 'alice',
    actions: [],
    all_users: false,
    answering: true,
    since: 1000,
    read_at: null,
    problem: null,
    ...changes
  };
}

/** An OpenPBS server that answers and allows all. */
export function scheduler(
  changes: Partial<SchedulerStatus> = {}
): SchedulerStatus {
  return noScheduler({
    dialect: 'openpbs',
    version: '23.06.06',
    server: 'pbshead',
    actions: ['hold', 'release', 'delete', 'alter_walltime'],
    read_at: 4990,
    ...changes
  });
}

/** A job of eight cores on two nodes that has run for a minute. */
export function job(changes: Partial<Job> = {}): Job {
  return {
    job_id: '16.pbshead',
    name: 'sim_042',
    owner: 'alice',
    queue: 'default',
    state: 'running',
    letter: 'R',
    array_id: null,
    nodes: 2,
    cores: 8,
    memory_bytes: null,
    walltime_seconds: 3600,
    elapsed_seconds: null,
    submitted_at: 4900,
    started_at: 4940,
    ended_at: null,
    estimated_start_at: null,
    hosts: [
      { name: 'n2', cores: 4 },
      { name: 'n1', cores: 4 }
    ],
    comment: null,
    never_runs: false,
    outcome: null,
    cluster: null,
    role: null,
    orphan: false,
    ...changes
  };
}

/** A job that waits for nodes. */
export function queuedJob(changes: Partial<Job> = {}): Job {
  return job({
    job_id: '17.pbshead',
    state: 'queued',
    letter: 'Q',
    nodes: 1,
    cores: 16,
    started_at: null,
    hosts: [],
    comment: 'Not Running: Insufficient amount of resource: ncpus',
    ...changes
  });
}

/** Two nodes for an hour. */
export function resources(changes: Partial<Resources> = {}): Resources {
  return {
    queue: 'default',
    walltime_seconds: 3600,
    nodes: 2,
    engines_per_node: 4,
    cores_per_engine: null,
    memory_bytes: 4 * 1024 ** 3,
    account: null,
    ...changes
  };
}

export function settings(
  changes: Partial<ProfileSettings> = {}
): ProfileSettings {
  return {
    placement: 'in_job',
    engines: 8,
    resources: resources(),
    prologue: ['module load mpi', '', 'ulimit -c 0'],
    directives: ['-l place=excl'],
    python: ['/opt/my python/bin/python'],
    mpiexec: [],
    mpi_args: ['-launcher', 'ssh'],
    controller_address: 'ib0',
    ...changes
  };
}

/** A profile of one job on two nodes. */
export function batchProfile(changes: Partial<Profile> = {}): Profile {
  return profile({
    name: 'pbs',
    origin: 'user',
    kind: 'batch',
    placement: 'in_job',
    engines: 8,
    resources: resources(),
    summary: 'One job of 8 engines.',
    ...changes
  });
}

export function preview(changes: Partial<Preview> = {}): Preview {
  return {
    scripts: [
      { role: 'cluster', text: '#!/bin/sh\n#PBS -q default\n', diff: null }
    ],
    problems: [],
    ...changes
  };
}

export function profileDetail(
  changes: Partial<ProfileDetail> = {}
): ProfileDetail {
  return {
    profile: batchProfile(),
    settings: settings(),
    preview: preview(),
    ...changes
  };
}

/** One job that runs, with 53 minutes left at 1010. */
export function batch(changes: Partial<Batch> = {}): Batch {
  return {
    dialect: 'openpbs',
    placement: 'in_job',
    resources: resources(),
    jobs: [
      {
        role: 'cluster',
        name: 'engines-pbs',
        job_id: '16.pbshead',
        state: 'running',
        since: 1000,
        outcome: null
      }
    ],
    reason: null,
    estimated_start_at: null,
    ends_at: 1010 + 53 * 60,
    unknown_since: null,
    unknown_why: null,
    ...changes
  };
}

/** An idle engine that was measured. */
export function doing(
  engineId: number,
  changes: Partial<EngineActivity> = {}
): EngineActivity {
  return {
    engine_id: engineId,
    busy_since: null,
    what: null,
    queued: 0,
    silent_since: null,
    cpu_percent: 100,
    memory_mib: 180,
    ...changes
  };
}

export function point(
  at: number,
  changes: Partial<ActivityPoint> = {}
): ActivityPoint {
  return { at, busy: 1, cpu_percent: 40, memory_mib: 1536, ...changes };
}

/** What the server tells of engines of the cluster `local`. */
export function told(
  changed: EngineActivity[],
  changes: Partial<ClusterActivity> = {}
): ClusterActivity {
  return {
    key: 'local',
    run_id: 'run-1',
    engines: changed,
    points: [],
    heard_at: 4998,
    problem: null,
    ...changes
  };
}

/** What is known of the engines of the cluster `local`. */
export function activity(
  known: EngineActivity[],
  changes: Partial<IActivity> = {}
): IActivity {
  return {
    runId: 'run-1',
    engines: new Map(known.map(engine => [engine.engine_id, engine])),
    points: [
      point(4990, { busy: 3, cpu_percent: 98, memory_mib: 900 }),
      point(4995)
    ],
    heardAt: 4998,
    problem: null,
    ...changes
  };
}
