import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type {
  ActivityPoint,
  Cluster,
  ClusterActivity,
  ClusterLog,
  DoctorReport,
  EngineActivity,
  Job,
  JobList,
  Preview,
  PreviewProfile,
  Profile,
  ProfileDetail,
  RawJobs,
  Resources,
  SaveProfile,
  SchedulerInfo,
  SchedulerStatus
} from './api/generated';

/**
 * How much the browser knows of the server at this moment.
 *
 * - `connecting`: nothing heard yet.
 * - `live`: changes arrive as they happen.
 * - `polling`: WebSockets are blocked on the way; asked every few seconds instead.
 * - `paused`: the page is hidden; goes on as soon as it is shown.
 * - `lost`: the server does not answer; what is shown was true at `knownAt`.
 * - `missing`: the Jupyter server runs without the server half of this extension.
 * - `mismatch`: page and server speak different versions of the contract.
 * - `refused`: the server answers, but not to this user.
 */
export type Link =
  | { state: 'connecting' | 'live' | 'polling' | 'paused' | 'missing' }
  | {
      state: 'lost';
      /** Browser time in milliseconds; null if nothing was ever known. */
      knownAt: number | null;
    }
  | {
      state: 'mismatch';
      /** Version of the Python package on the server. */
      serverVersion: string;
      /** Which side is older and has to be loaded again. */
      older: 'page' | 'server';
    }
  | { state: 'refused'; message: string };

/** One cluster before and after a change; null where it did not or does not exist. */
export interface IClusterChange {
  key: string;
  previous: Cluster | null;
  current: Cluster | null;
}

/**
 * The clusters of this user, as the server tells them, and what can be done with them.
 *
 * #### Notes
 * Commands resolve when the server has accepted them. All later states arrive through the
 * signals, in this browser as in any other. They reject with an error that `problemOf` words.
 */
export interface IClusterManager extends IDisposable {
  /** How much of the below can be trusted now. */
  readonly link: Link;
  /** Whether the server has told its clusters at least once. */
  readonly isKnown: boolean;
  /** All clusters, newest first. */
  readonly clusters: readonly Cluster[];
  /** All profiles, in the server's order. */
  readonly profiles: readonly Profile[];
  /** Anything of the above changed. */
  readonly changed: ISignal<IClusterManager, void>;
  /** A cluster changed, came or went; not emitted for what the first snapshot holds. */
  readonly clusterChanged: ISignal<IClusterManager, IClusterChange>;

  /** Return the cluster of that key, if there is one. */
  get(key: string): Cluster | undefined;

  /** Return the server's clock, in seconds since 1970-01-01 UTC. */
  serverNow(): number;

  /**
   * Start a cluster. Asking again while the first request is on its way starts nothing more.
   *
   * @param resources - What its job asks for; null: as the profile proposes.
   */
  start(
    profile: string,
    engines: number,
    resources?: Resources | null
  ): Promise<Cluster>;

  /** Stop a cluster; stopping twice is the same as once. */
  stop(key: string): Promise<Cluster>;

  /** Interrupt what the engines of a cluster do; they stay. */
  interrupt(key: string): Promise<void>;

  /** End all engines of a cluster and start them anew; its controller and its job stay. */
  restartEngines(key: string): Promise<Cluster>;

  /** Forget a stopped or failed cluster, and its logs. */
  dismiss(key: string): Promise<void>;

  /**
   * Read the end of a log.
   *
   * @param lines - At most so many lines.
   */
  log(
    key: string,
    source: ClusterLog['source'],
    lines: number
  ): Promise<ClusterLog>;

  /** Try to reach the server now instead of at the next attempt. */
  retry(): void;
}

/** The clusters and what can be done with them. */
export const IClusterManager = new Token<IClusterManager>(
  'jupyterlab-engines:IClusterManager',
  'Starts, stops and follows clusters of engines; has no user interface.'
);

/** What the engines of a cluster do. */
export interface IActivity {
  /** The run that it was told of. */
  readonly runId: string;
  /** By engine id; an engine of which nothing is known is not there. */
  readonly engines: ReadonlyMap<number, EngineActivity>;
  /** The last minutes, oldest first. */
  readonly points: readonly ActivityPoint[];
  /** The last heartbeat that engines answered, by the server's clock in seconds. */
  readonly heardAt: number | null;
  /** Why nothing, or nothing newer, is known. */
  readonly problem: ClusterActivity['problem'];
}

/** What engines do, as the server tells it while somebody looks. */
export interface IActivityStore extends IDisposable {
  /** Something of it changed: at most about once a second. */
  readonly changed: ISignal<IActivityStore, void>;

  /** Return what the engines of a cluster do; null if nothing was told. */
  get(key: string): IActivity | null;
}

/** What engines do. */
export const IActivityStore = new Token<IActivityStore>(
  'jupyterlab-engines:IActivityStore',
  'Follows what engines do and use; has no user interface.'
);

/** Opens the table of a cluster's engines. */
export interface IEngineViewer {
  /** Open, or bring to the front, the engines of a cluster. */
  open(key: string): void;
}

/** Opens the table of a cluster's engines. */
export const IEngineViewer = new Token<IEngineViewer>(
  'jupyterlab-engines:IEngineViewer',
  'Opens the table of the engines of a cluster.'
);

/** Something the user asked of a job, which the scheduler has not answered yet. */
export interface IJobRequest {
  action: SchedulerStatus['actions'][number];
  /** The server's clock when it was asked, in seconds. */
  askedAt: number;
}

/** Which jobs changed, came or went; null: any of them may have. */
export type JobsChange = ReadonlySet<string> | null;

/**
 * The scheduler's queue, as the server last read it, and what can be done to a job.
 *
 * #### Notes
 * Commands resolve when the server has accepted them: what came of them is told by `changed`.
 * They reject with an error that can be put into words.
 */
export interface IJobStore extends IDisposable {
  /** The batch system; null until the server has told. */
  readonly scheduler: SchedulerStatus | null;
  /** The user's jobs by id, as of `scheduler.read_at`: kept when the scheduler does not answer. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** What was asked and not answered yet, by job id. */
  readonly requests: ReadonlyMap<string, IJobRequest>;
  /** Jobs, requests or the scheduler's state changed. */
  readonly changed: ISignal<IJobStore, JobsChange>;

  hold(jobId: string): Promise<void>;
  release(jobId: string): Promise<void>;
  delete(jobId: string): Promise<void>;
  alterWalltime(jobId: string, seconds: number): Promise<void>;

  /** Have the scheduler asked soon, not at the next turn. */
  refresh(): Promise<void>;

  /** Read the jobs of all users, where the site allows it. */
  readAll(): Promise<JobList>;

  /** Read the table in the scheduler's own words. */
  readRaw(): Promise<RawJobs>;
}

/** The scheduler's queue. */
export const IJobStore = new Token<IJobStore>(
  'jupyterlab-engines:IJobStore',
  'Follows the jobs of the batch system; has no user interface.'
);

/** The user's choices, validated. */
export interface IEngineSettings {
  /** Connect by a visible cell, or by running the same lines without one. */
  readonly connectMode: 'cell' | 'silent';
  /** After a kernel restart: offer to reattach, or do it. */
  readonly reattach: 'ask' | 'auto';
  /** Whether the status bar shows the engines. */
  readonly showStatusBar: boolean;
  /** Whether to notify of engines that are ready, have failed or are about to end. */
  readonly showNotices: boolean;
  readonly changed: ISignal<IEngineSettings, void>;
}

/** The user's choices. */
export const IEngineSettings = new Token<IEngineSettings>(
  'jupyterlab-engines:IEngineSettings',
  'The settings of the engines extension, validated, with a signal for changes.'
);

/**
 * What a notebook's kernel has to do with engines.
 *
 * - `unknown`: the kernel has not told yet, such as one that was busy when the page was loaded.
 * - `none`: not connected, as far as known.
 * - `connecting`: the connect line is on its way.
 * - `connected`: the kernel holds a client of cluster `key`; whether that cluster lives is
 *   for `IClusterManager` to say.
 * - `detached`: it was connected to `key`, then the kernel restarted.
 */
export type Connection =
  | { state: 'unknown' | 'none' }
  | {
      state: 'connecting' | 'connected' | 'detached';
      key: string;
      /** The run that the kernel connected to; null if not known. */
      runId: string | null;
    };

/** A notebook, by its path, that a connector follows. */
export interface IConnectedNotebook {
  path: string;
  connection: Connection;
}

/** Binds notebooks to clusters. */
export interface IEngineConnector extends IDisposable {
  /** The connection of a notebook changed; the argument is its path. */
  readonly changed: ISignal<IEngineConnector, string>;

  /** All open notebooks. */
  readonly notebooks: readonly IConnectedNotebook[];

  /** Return the connection of the notebook with that path, or of the current one. */
  connectionOf(path?: string): Connection;

  /**
   * Connect a notebook's kernel to a cluster, in the way the settings say.
   *
   * @param key - The cluster.
   * @param path - The notebook; without it the current one.
   * @returns Whether the kernel is now connected. If not, the user has been told why.
   */
  connect(key: string, path?: string): Promise<boolean>;

  /** Whether each cell of a notebook is sent to engines, by `%autopx`; as its kernel last told. */
  hasAutopx(path?: string): boolean;

  /**
   * Have each cell of a notebook sent to engines, or only those that say so.
   *
   * @param path - The notebook; without it the current one.
   * @returns Whether it is so now. If not, the user has been told why.
   */
  setAutopx(isOn: boolean, path?: string): Promise<boolean>;

  /** Connect a notebook again to the cluster it had before its kernel restarted. */
  reattach(path?: string): Promise<boolean>;
}

/** Binds notebooks to clusters. */
export const IEngineConnector = new Token<IEngineConnector>(
  'jupyterlab-engines:IEngineConnector',
  'Connects the kernels of notebooks to clusters and knows which is connected to which.'
);

/** Shows the logs of clusters. */
export interface ILogViewer {
  /** Open, or bring to the front, the logs of a cluster. */
  open(key: string): void;
}

/** Shows the logs of clusters. */
export const ILogViewer = new Token<ILogViewer>(
  'jupyterlab-engines:ILogViewer',
  'Opens the logs of a cluster.'
);

/**
 * Profiles, their settings and their scripts, and what the batch system allows.
 *
 * #### Notes
 * All methods reject with an error that `problemOf` words. The list of profiles is
 * `IClusterManager`'s, which follows it: a change made here arrives there.
 */
export interface IProfileService {
  /** What may be asked for: queues and their limits, nodes. */
  scheduler(): Promise<SchedulerInfo>;

  profile(name: string): Promise<ProfileDetail>;

  /** Make a profile, or replace its settings. */
  saveProfile(name: string, body: SaveProfile): Promise<ProfileDetail>;

  /** Make a site's profile the user's own, under a name of the user's choice. */
  adoptProfile(name: string, ownName: string): Promise<ProfileDetail>;

  deleteProfile(name: string): Promise<void>;

  /** Return the exact script of settings or of a start, and what is wrong with them. */
  previewProfile(body: PreviewProfile): Promise<Preview>;

  /** What is known of this installation, ready to paste. */
  doctor(): Promise<DoctorReport>;
}

/** Profiles, their settings and their scripts. */
export const IProfileService = new Token<IProfileService>(
  'jupyterlab-engines:IProfileService',
  'Reads, previews and changes the profiles that engines are started from.'
);

/** Opens the form for the settings of a profile. */
export interface IProfileEditor {
  /** Open the settings of a profile, or bring them to the front. */
  edit(name: string): void;

  /** Open an empty form for a profile of the batch system. */
  create(): void;
}

/** Opens the form for the settings of a profile. */
export const IProfileEditor = new Token<IProfileEditor>(
  'jupyterlab-engines:IProfileEditor',
  'Opens the settings of a profile, beside the script made from them.'
);
