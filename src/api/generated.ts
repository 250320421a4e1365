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
 * All engines of a cluster at one time, for charts.
 */
export interface ActivityPoint {
  /**
   * Seconds since 1970-01-01 UTC.
   */
  at: number;
  busy: number;
  /**
   * Mean over the engines that were measured.
   */
  cpu_percent: number | null;
  /**
   * Of all engines that were measured, together.
   */
  memory_mib: number | null;
}
/**
 * Body of `POST profiles/{name}/adopt`: makes a site's profile the user's own.
 */
export interface AdoptProfile {
  /**
   * What to call it.
   */
  name: string;
}
/**
 * Body of `POST jobs/{id}/walltime`.
 */
export interface AlterWalltime {
  walltime_seconds: number;
}
/**
 * What a cluster that runs under a batch system adds to one of this machine.
 */
export interface Batch {
  dialect: 'openpbs' | 'slurm_torque' | 'torque';
  placement: 'in_job' | 'own_job' | 'server';
  resources: Resources;
  jobs: ClusterJob[];
  /**
   * Why it is queued, in the scheduler's words; once ready: its controller is silent.
   */
  reason: string | null;
  estimated_start_at: number | null;
  /**
   * When the walltime of the engines ends.
   */
  ends_at: number | null;
  /**
   * Since when the scheduler does not answer: the states are the last known.
   */
  unknown_since: number | null;
  /**
   * The scheduler's own words.
   */
  unknown_why: string | null;
}
/**
 * What a batch job asks the scheduler for; null: not asked for, the queue's default holds.
 */
export interface Resources {
  queue: string | null;
  walltime_seconds: number | null;
  /**
   * Null: as few as hold the engines.
   */
  nodes: number | null;
  engines_per_node: number | null;
  cores_per_engine: number | null;
  /**
   * On each node.
   */
  memory_bytes: number | null;
  account: string | null;
}
/**
 * A batch job of a cluster, as the scheduler last told.
 */
export interface ClusterJob {
  role: 'cluster' | 'controller' | 'engines';
  /**
   * The unique name it was submitted with.
   */
  name: string;
  /**
   * Null until qsub has answered.
   */
  job_id: string | null;
  /**
   * Null before the scheduler was asked.
   */
  state:
    | (
        | 'array'
        | 'exiting'
        | 'finished'
        | 'held'
        | 'queued'
        | 'running'
        | 'suspended'
        | 'unknown'
        | 'waiting'
      )
    | null;
  /**
   * Seconds since 1970-01-01 UTC.
   */
  since: number;
  outcome: JobOutcome | null;
}
/**
 * How a job ended, as far as the scheduler told.
 */
export interface JobOutcome {
  code:
    | 'command_not_found'
    | 'cpu_time'
    | 'deleted'
    | 'exit_status'
    | 'memory'
    | 'never_ran'
    | 'shell_missing'
    | 'signal'
    | 'succeeded'
    | 'unknown'
    | 'walltime';
  /**
   * As the scheduler gave it.
   */
  exit_status: number | null;
  /**
   * E.g. SIGKILL, where a signal ended it.
   */
  signal: string | null;
}
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
  /**
   * Null for a cluster of this machine.
   */
  batch: Batch | null;
  /**
   * The states it was in, oldest first.
   */
  history: Transition[];
}
/**
 * One step of a start, in the order they are shown on the card.
 */
export interface Stage {
  name: 'controller' | 'engines' | 'mpi_check' | 'queued' | 'submitted';
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
    | 'job_deleted'
    | 'job_exited'
    | 'job_killed'
    | 'job_lost'
    | 'job_memory'
    | 'job_never_runs'
    | 'job_refused'
    | 'job_walltime'
    | 'mpi4py_missing'
    | 'mpi_library_missing'
    | 'mpi_world_mixed'
    | 'mpi_world_split'
    | 'mpiexec_missing'
    | 'profile_unwritable'
    | 'scheduler_missing'
    | 'start_interrupted'
    | 'stop_incomplete'
    | 'submit_unknown';
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
 * A cluster entered a state.
 */
export interface Transition {
  /**
   * Seconds since 1970-01-01 UTC.
   */
  at: number;
  state:
    | 'degraded'
    | 'failed'
    | 'queued'
    | 'ready'
    | 'starting'
    | 'stopped'
    | 'stopping'
    | 'submitting';
}
/**
 * What the engines of a cluster do; in a delta, only the engines that changed and the new points.
 */
export interface ClusterActivity {
  /**
   * Names a cluster for people and in URLs: `PROFILE`, or `PROFILE:CLUSTER_ID` when ipyparallel's cluster id is not empty.
   */
  key: string;
  run_id: string;
  engines: EngineActivity[];
  points: ActivityPoint[];
  /**
   * The last heartbeat that engines answered.
   */
  heard_at: number | null;
  problem: ('foreign' | 'silent') | null;
}
/**
 * What one engine does, as the controller and its nanny tell.
 */
export interface EngineActivity {
  engine_id: number;
  /**
   * Null while it is idle.
   */
  busy_since: number | null;
  /**
   * First line of the cell or name of the call; null if it has no words.
   */
  what: string | null;
  /**
   * Requests that wait for it, without the one it works on.
   */
  queued: number;
  /**
   * The first heartbeat it did not answer; null: it answers.
   */
  silent_since: number | null;
  /**
   * Of one core, mean since the last sample; null: not measured.
   */
  cpu_percent: number | null;
  /**
   * Resident memory; null: not measured.
   */
  memory_mib: number | null;
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
  /**
   * Null if it did not change.
   */
  scheduler: SchedulerStatus | null;
  jobs_changed: Job[];
  /**
   * Items: As the scheduler prints it, whole: opaque.
   */
  jobs_removed: string[];
  activity: ClusterActivity[];
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
   * `builtin`: ships with us and needs no set-up; `user`: found in ~/.ipython; `site`: shared by the centre, becomes the user's own by *Use*.
   */
  origin: 'builtin' | 'site' | 'user';
  /**
   * `local`: engines on this machine; `batch`: typed settings, submitted to the scheduler; `legacy`: made by hand for ipyparallel's PBS launchers, its templates are used as they are.
   */
  kind: 'batch' | 'legacy' | 'local';
  /**
   * Null for local profiles.
   */
  placement: ('in_job' | 'own_job' | 'server') | null;
  /**
   * How many engines a start proposes; null: no proposal.
   */
  engines: number | null;
  /**
   * What a start proposes; null for local ones.
   */
  resources: Resources | null;
  /**
   * Settings the site has fixed: names of fields of ProfileSettings.
   */
  locked: string[];
  /**
   * What to know of it, e.g. old keys that no longer mean anything, and what does.
   */
  notes: string[];
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
 * Which batch system this server talks to, and whether it answers.
 */
export interface SchedulerStatus {
  /**
   * Null: no batch system was found.
   */
  dialect: ('openpbs' | 'slurm_torque' | 'torque') | null;
  version: string;
  /**
   * The scheduler's host as it names itself; may be empty.
   */
  server: string;
  user: string;
  /**
   * What can be done to a job here.
   */
  actions: ('alter_walltime' | 'delete' | 'hold' | 'release')[];
  /**
   * Whether jobs of other users may be shown.
   */
  all_users: boolean;
  answering: boolean;
  /**
   * Since when it answers, or does not.
   */
  since: number;
  /**
   * When the table was last read.
   */
  read_at: number | null;
  /**
   * Its own words, if it does not answer.
   */
  problem: string | null;
}
/**
 * A job in the scheduler's queue, as `qstat` knows it; null: the scheduler does not say.
 */
export interface Job {
  /**
   * As the scheduler prints it, whole: opaque.
   */
  job_id: string;
  name: string;
  /**
   * The user's name, without a host.
   */
  owner: string;
  queue: string;
  state:
    | 'array'
    | 'exiting'
    | 'finished'
    | 'held'
    | 'queued'
    | 'running'
    | 'suspended'
    | 'unknown'
    | 'waiting';
  /**
   * The state as the scheduler prints it.
   */
  letter: string;
  /**
   * The array that this subjob belongs to.
   */
  array_id: string | null;
  nodes: number | null;
  cores: number | null;
  memory_bytes: number | null;
  /**
   * Requested.
   */
  walltime_seconds: number | null;
  /**
   * Walltime used, when it has ended; a running job: now - started_at.
   */
  elapsed_seconds: number | null;
  submitted_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  estimated_start_at: number | null;
  hosts: JobHost[];
  /**
   * The scheduler's own words, e.g. why it waits.
   */
  comment: string | null;
  /**
   * The scheduler says that it can never run as asked.
   */
  never_runs: boolean;
  /**
   * Null until it has finished.
   */
  outcome: JobOutcome | null;
  /**
   * The cluster of ours that it belongs to.
   */
  cluster: string | null;
  /**
   * What it holds of that cluster.
   */
  role: ('cluster' | 'controller' | 'engines') | null;
  /**
   * Carries our tag, but no cluster of ours knows it.
   */
  orphan: boolean;
}
/**
 * A node of a job.
 */
export interface JobHost {
  name: string;
  cores: number | null;
}
/**
 * Reply of `GET doctor`: ready to paste, without secrets.
 */
export interface DoctorReport {
  text: string;
}
/**
 * The body of every reply with a status of 400 or above.
 */
export interface Error {
  code:
    | 'bad_request'
    | 'bad_settings'
    | 'disk_full'
    | 'forbidden'
    | 'internal'
    | 'not_writable'
    | 'over_limit'
    | 'scheduler_refused'
    | 'scheduler_silent'
    | 'unknown_cluster'
    | 'unknown_job'
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
 * What is wrong with one setting.
 */
export interface FieldProblem {
  /**
   * E.g. `resources.walltime_seconds`; empty: the whole.
   */
  field: string;
  message: string;
  severity: 'error' | 'warning';
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
 * Reply of `GET jobs`.
 */
export interface JobList {
  status: SchedulerStatus;
  jobs: Job[];
}
/**
 * Nodes of one kind.
 */
export interface NodeShape {
  count: number;
  /**
   * How many of them are neither down nor offline.
   */
  up: number;
  cores: number;
  memory_bytes: number | null;
}
/**
 * Reply of `POST profiles/preview`.
 */
export interface Preview {
  scripts: Script[];
  problems: FieldProblem[];
}
/**
 * A batch script exactly as it is submitted.
 */
export interface Script {
  role: 'cluster' | 'controller' | 'engines';
  text: string;
  /**
   * Unified diff against the site's template; null if there is none.
   */
  diff: string | null;
}
/**
 * Body of `POST profiles/preview`: the script of settings, or of a start, before it is submitted.
 */
export interface PreviewProfile {
  /**
   * May be one that does not exist yet.
   */
  profile: string;
  /**
   * Null: those of the profile.
   */
  settings: ProfileSettings | null;
  /**
   * Null: as the settings propose.
   */
  engines: number | null;
  /**
   * Null: as the settings propose.
   */
  resources: Resources | null;
}
/**
 * The typed settings of a batch profile: what its script is rendered from.
 */
export interface ProfileSettings {
  placement: 'in_job' | 'own_job' | 'server';
  /**
   * How many engines a start proposes.
   */
  engines: number;
  resources: Resources;
  /**
   * Shell lines before the engines, e.g. `module load mpi`.
   */
  prologue: string[];
  /**
   * Further `#PBS` options, e.g. `-l place=excl`.
   */
  directives: string[];
  /**
   * Command line; empty: the Jupyter server's Python.
   */
  python: string[];
  /**
   * Command line; empty: found on the job's node.
   */
  mpiexec: string[];
  mpi_args: string[];
  /**
   * Address or interface the controller listens on; empty: chosen on its node.
   */
  controller_address: string;
}
/**
 * Reply of `GET profiles/{name}`, and of those that change one.
 */
export interface ProfileDetail {
  profile: Profile;
  /**
   * Null unless its kind is `batch`.
   */
  settings: ProfileSettings | null;
  preview: Preview;
}
/**
 * Reply of `GET profiles`.
 */
export interface ProfileList {
  profiles: Profile[];
}
/**
 * A queue and what it allows; null: no limit known.
 */
export interface Queue {
  name: string;
  /**
   * Takes jobs.
   */
  enabled: boolean;
  /**
   * Runs jobs.
   */
  started: boolean;
  is_default: boolean;
  max_walltime_seconds: number | null;
  default_walltime_seconds: number | null;
  max_nodes: number | null;
  max_cores: number | null;
}
/**
 * Reply of `GET jobs/raw`: the scheduler's own table.
 */
export interface RawJobs {
  /**
   * The command line as a person would type it.
   */
  command: string;
  text: string;
  /**
   * Seconds since 1970-01-01 UTC.
   */
  read_at: number;
}
/**
 * From the browser: send me a snapshot.
 */
export interface Resync {
  type: 'resync';
}
/**
 * Body of `PUT profiles/{name}`: makes the profile or replaces its settings.
 */
export interface SaveProfile {
  settings: ProfileSettings;
  /**
   * True: refuse if there is one of that name.
   */
  create: boolean;
}
/**
 * Reply of `GET scheduler`: what may be asked for.
 */
export interface SchedulerInfo {
  status: SchedulerStatus;
  queues: Queue[];
  nodes: NodeShape[];
}
/**
 * Everything, at one revision.
 */
export interface Snapshot {
  type: 'snapshot';
  revision: number;
  profiles: Profile[];
  clusters: Cluster[];
  scheduler: SchedulerStatus;
  jobs: Job[];
  activity: ClusterActivity[];
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
   * For this start only; null or absent: as the profile proposes.
   */
  resources?: Resources | null;
  /**
   * Same key, same start: a retry or a double click never starts twice.
   */
  idempotency_key: string;
}
