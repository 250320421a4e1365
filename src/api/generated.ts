/**
 * Every type that crosses the wire between the server and the browser.
 *
 * Made by `npm run api` from jupyter_extension/jupyterlab_engines/api/models.py: change
 * that file, not this one.
 */

/** Version of the contract these types belong to; `Hello.api_version` must be the same. */
export const API_VERSION = 1;

/**
 * What the server sends on the stream.
 */
export type ServerMessage = Hello | Snapshot | Delta;

/**
 * A controller and its engines, from the moment Start is accepted.
 */
export interface Cluster {
  /**
   * Names a cluster for people and in URLs: `PROFILE`, or `PROFILE:CLUSTER_ID` when ipyparallel's cluster id is not empty.
   */
  key: string;
  /**
   * Name of an IPython profile, without the `profile_` prefix.
   */
  profile: string;
  /**
   * ipyparallel's cluster id; empty for a profile's default cluster.
   */
  cluster_id: string;
  /**
   * Unique for each start; a restarted cluster has a new one.
   */
  run_id: string;
  /**
   * `terminal`: started by `ipcluster`, found by its cluster file.
   */
  origin: 'panel' | 'terminal';
  state:
    | 'degraded'
    | 'failed'
    | 'queued'
    | 'ready'
    | 'starting'
    | 'stopped'
    | 'stopping'
    | 'submitting';
  /**
   * Seconds since 1970-01-01 UTC.
   */
  state_since: number;
  /**
   * Seconds since 1970-01-01 UTC.
   */
  created_at: number;
  stages: Stage[];
  /**
   * Null when a terminal did not record it.
   */
  engines_requested: number | null;
  /**
   * Engines the controller counts right now.
   */
  engines_registered: number;
  engines: Engine[];
  /**
   * Null until the world check has passed.
   */
  mpi: MpiWorld | null;
  failure: Failure | null;
}
/**
 * One step of a start, in the order they are shown on the card.
 */
export interface Stage {
  name: 'controller' | 'engines' | 'mpi_check' | 'submitted';
  status: 'active' | 'done' | 'failed' | 'waiting';
  started_at: number | null;
  ended_at: number | null;
}
/**
 * One engine, as the controller and the engine itself know it.
 */
export interface Engine {
  /**
   * The id clients use; equals the MPI rank in our clusters.
   */
  engine_id: number;
  /**
   * Rank in MPI.COMM_WORLD; null before the engine told it.
   */
  rank: number | null;
  host: string | null;
  pid: number | null;
  /**
   * False once the controller has lost it.
   */
  alive: boolean;
}
/**
 * What the world check found: one world, one library, one Python.
 */
export interface MpiWorld {
  size: number;
  /**
   * First line of MPI.Get_library_version().
   */
  library: string;
  mpi4py_version: string;
  python_version: string;
}
/**
 * Why a cluster is not usable: the cause, the next step, and the evidence.
 *
 * The browser words the cause from ``code`` and ``params`` in the user's language;
 * ``message`` and ``next_step`` are the same in English, for terminals and logs.
 */
export interface Failure {
  code:
    | 'controller_exited'
    | 'engine_died'
    | 'engines_exited'
    | 'internal'
    | 'ipyparallel_missing'
    | 'job_killed'
    | 'mpi4py_missing'
    | 'mpi_library_missing'
    | 'mpi_world_mixed'
    | 'mpi_world_split'
    | 'mpiexec_missing'
    | 'profile_unwritable'
    | 'start_interrupted'
    | 'stop_incomplete';
  /**
   * Values that the sentence of `code` needs.
   */
  params: {
    [k: string]: string;
  };
  message: string;
  next_step: string;
  /**
   * Last lines of the log that shows it; may be empty.
   */
  log_tail: string;
}
/**
 * Reply of `GET clusters`; `revision` is the stream's.
 */
export interface ClusterList {
  revision: number;
  clusters: Cluster[];
}
/**
 * The end of one log of a cluster.
 */
export interface ClusterLog {
  source: 'controller' | 'engines' | 'job';
  text: string;
  /**
   * True if older lines were left out.
   */
  truncated: boolean;
}
/**
 * What changed from revision `base` to `revision`; ask for a snapshot if `base` is not yours.
 */
export interface Delta {
  type: 'delta';
  base: number;
  revision: number;
  changed: Cluster[];
  /**
   * Items: Names a cluster for people and in URLs: `PROFILE`, or `PROFILE:CLUSTER_ID` when ipyparallel's cluster id is not empty.
   */
  removed: string[];
  /**
   * The whole list if it changed, else null.
   */
  profiles: Profile[] | null;
}
/**
 * A profile that clusters can be started from.
 */
export interface Profile {
  /**
   * Name of an IPython profile, without the `profile_` prefix.
   */
  name: string;
  /**
   * `builtin`: ships with us and needs no set-up; `user`: found in ~/.ipython.
   */
  origin: 'builtin' | 'user';
  /**
   * One line for people: what a start will do.
   */
  summary: string;
  /**
   * Whether Start works; if not, `problem` says why.
   */
  startable: boolean;
  problem: string | null;
  /**
   * Most engines one cluster may have.
   */
  max_engines: number;
}
/**
 * The body of every reply with a status of 400 or above.
 */
export interface Error {
  code:
    | 'bad_request'
    | 'disk_full'
    | 'forbidden'
    | 'internal'
    | 'not_writable'
    | 'unknown_cluster'
    | 'unknown_profile'
    | 'wrong_state';
  /**
   * What is wrong, naming the thing.
   */
  message: string;
  /**
   * What to do about it; may be empty.
   */
  next_step: string;
  /**
   * The system's own words, if any.
   */
  detail: string | null;
}
/**
 * First message on every connection.
 */
export interface Hello {
  type: 'hello';
  api_version: number;
  server: ServerInfo;
  /**
   * The server's clock, to correct elapsed times.
   */
  now: number;
}
/**
 * Who answers: for the version check on first contact.
 */
export interface ServerInfo {
  /**
   * Version of the Python package.
   */
  version: string;
  api_version: number;
  host: string;
}
/**
 * Reply of `GET profiles`.
 */
export interface ProfileList {
  profiles: Profile[];
}
/**
 * From the browser: send me a snapshot.
 */
export interface Resync {
  type: 'resync';
}
/**
 * Everything, at one revision.
 */
export interface Snapshot {
  type: 'snapshot';
  revision: number;
  profiles: Profile[];
  clusters: Cluster[];
}
/**
 * Body of `POST clusters`.
 */
export interface StartCluster {
  /**
   * Name of an IPython profile, without the `profile_` prefix.
   */
  profile: string;
  /**
   * How many engines, one MPI rank each.
   */
  engines: number;
  /**
   * Same key, same start: a retry or a double click never starts twice.
   */
  idempotency_key: string;
}
