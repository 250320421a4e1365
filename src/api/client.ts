import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import {
  isCluster,
  isClusterList,
  isClusterLog,
  isDoctorReport,
  isErrorBody,
  isJob,
  isJobList,
  isPreview,
  isProfileDetail,
  isProfileList,
  isRawJobs,
  isSchedulerInfo,
  isSchedulerStatus,
  isServerInfo
} from './decode';
import type {
  AdoptProfile,
  AlterWalltime,
  Cluster,
  ClusterList,
  ClusterLog,
  DoctorReport,
  Error as ErrorBody,
  Job,
  JobList,
  Preview,
  PreviewProfile,
  ProfileDetail,
  ProfileList,
  RawJobs,
  SaveProfile,
  SchedulerInfo,
  SchedulerStatus,
  ServerInfo,
  StartCluster
} from './generated';

/** Where all routes of the server half lie. */
export const BASE_PATH = 'jupyterlab-engines';

/**
 * A request that did not do what it asked for.
 *
 * #### Notes
 * `kind` says who failed: `refused` is the server half's own answer and has a `code`;
 * `missing` is the Jupyter server not knowing the route; `unreachable` is no answer at all;
 * `unreadable` is an answer that is not of the contract, as from a proxy.
 */
export class RequestError extends Error {
  constructor(options: RequestError.IOptions) {
    super(options.message);
    this.name = 'RequestError';
    this.kind = options.kind;
    this.status = options.status ?? null;
    this.code = options.code ?? null;
    this.nextStep = options.nextStep ?? '';
    this.detail = options.detail ?? null;
  }

  readonly kind: RequestError.Kind;
  /** HTTP status; null if there was no answer. */
  readonly status: number | null;
  readonly code: ErrorBody['code'] | null;
  /** What the user can do, in English; may be empty. */
  readonly nextStep: string;
  /** The system's own words. */
  readonly detail: string | null;
}

export namespace RequestError {
  export type Kind = 'refused' | 'missing' | 'unreachable' | 'unreadable';

  export interface IOptions {
    kind: Kind;
    message: string;
    status?: number;
    code?: ErrorBody['code'];
    nextStep?: string;
    detail?: string | null;
  }
}

/** One method a route; the only maker of requests. All reject with `RequestError`. */
export class ApiClient {
  constructor(options: ApiClient.IOptions) {
    this._settings = options.serverSettings;
  }

  /** Who answers. */
  async server(): Promise<ServerInfo> {
    return this._ask('GET', ['server'], isServerInfo);
  }

  async profiles(): Promise<ProfileList> {
    return this._ask('GET', ['profiles'], isProfileList);
  }

  async clusters(): Promise<ClusterList> {
    return this._ask('GET', ['clusters'], isClusterList);
  }

  /** Start a cluster; the reply is the cluster as accepted, not as ready. */
  async startCluster(body: StartCluster): Promise<Cluster> {
    return this._ask('POST', ['clusters'], isCluster, body);
  }

  /** Stop a cluster; stopping twice is the same as once. */
  async stopCluster(key: string): Promise<Cluster> {
    return this._ask('POST', ['clusters', key, 'stop'], isCluster);
  }

  /** Interrupt what the engines of a cluster do. */
  async interruptCluster(key: string): Promise<void> {
    await this._request('POST', ['clusters', key, 'interrupt']);
  }

  /** End all engines of a cluster and start them anew. */
  async restartEngines(key: string): Promise<Cluster> {
    return this._ask('POST', ['clusters', key, 'restart'], isCluster);
  }

  /** Forget a stopped or failed cluster and its logs. */
  async forgetCluster(key: string): Promise<void> {
    await this._request('DELETE', ['clusters', key]);
  }

  async clusterLog(
    key: string,
    source: ClusterLog['source'],
    lines: number
  ): Promise<ClusterLog> {
    return this._ask('GET', ['clusters', key, 'log'], isClusterLog, undefined, {
      source,
      lines: String(lines)
    });
  }

  /** What the batch system is, and what may be asked of it. */
  async scheduler(): Promise<SchedulerInfo> {
    return this._ask('GET', ['scheduler'], isSchedulerInfo);
  }

  /**
   * The job table as the server last read it.
   *
   * @param scope - The user's own jobs, or those of all users where the site allows it.
   */
  async jobs(scope: 'mine' | 'all'): Promise<JobList> {
    return this._ask('GET', ['jobs'], isJobList, undefined, { scope });
  }

  /** The job table in the scheduler's own words. */
  async rawJobs(): Promise<RawJobs> {
    return this._ask('GET', ['jobs', 'raw'], isRawJobs);
  }

  async holdJob(jobId: string): Promise<Job> {
    return this._ask('POST', ['jobs', jobId, 'hold'], isJob);
  }

  async releaseJob(jobId: string): Promise<Job> {
    return this._ask('POST', ['jobs', jobId, 'release'], isJob);
  }

  /** Delete a job; the reply is the job as it is, not as it will be. */
  async deleteJob(jobId: string): Promise<Job> {
    return this._ask('POST', ['jobs', jobId, 'delete'], isJob);
  }

  async alterWalltime(jobId: string, seconds: number): Promise<Job> {
    const body: AlterWalltime = { walltime_seconds: seconds };
    return this._ask('POST', ['jobs', jobId, 'walltime'], isJob, body);
  }

  /** Ask the scheduler soon instead of at the next turn. */
  async refreshJobs(): Promise<SchedulerStatus> {
    return this._ask('POST', ['jobs', 'refresh'], isSchedulerStatus);
  }

  /** What is known of this installation, ready to paste. */
  async doctor(): Promise<DoctorReport> {
    return this._ask('GET', ['doctor'], isDoctorReport);
  }

  async profile(name: string): Promise<ProfileDetail> {
    return this._ask('GET', ['profiles', name], isProfileDetail);
  }

  /** Make a profile, or replace its settings. */
  async saveProfile(name: string, body: SaveProfile): Promise<ProfileDetail> {
    return this._ask('PUT', ['profiles', name], isProfileDetail, body);
  }

  /** Make a site's profile the user's own, under the name `ownName`. */
  async adoptProfile(name: string, ownName: string): Promise<ProfileDetail> {
    const body: AdoptProfile = { name: ownName };
    return this._ask(
      'POST',
      ['profiles', name, 'adopt'],
      isProfileDetail,
      body
    );
  }

  async deleteProfile(name: string): Promise<void> {
    await this._request('DELETE', ['profiles', name]);
  }

  /** The exact script of settings or of a start, and what is wrong with them. */
  async previewProfile(body: PreviewProfile): Promise<Preview> {
    return this._ask('POST', ['profiles', 'preview'], isPreview, body);
  }

  private async _ask<T>(
    method: string,
    path: string[],
    isReply: (value: unknown) => value is T,
    body?: object,
    query?: Record<string, string>
  ): Promise<T> {
    const response = await this._request(method, path, body, query);
    const reply = await readJSON(response);
    if (!isReply(reply)) {
      throw new RequestError({
        kind: 'unreadable',
        message: `The answer to ${method} ${path.join('/')} is not one of jupyterlab-engines`,
        status: response.status
      });
    }
    return reply;
  }

  private async _request(
    method: string,
    path: string[],
    body?: object,
    query?: Record<string, string>
  ): Promise<Response> {
    const url =
      URLExt.join(
        this._settings.baseUrl,
        BASE_PATH,
        ...path.map(encodeURIComponent)
      ) + (query ? URLExt.objectToQueryString(query) : '');
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        url,
        {
          method,
          body: body === undefined ? undefined : JSON.stringify(body)
        },
        this._settings
      );
    } catch (error) {
      throw new RequestError({
        kind: 'unreachable',
        message: 'The Jupyter server did not answer',
        detail: String(error)
      });
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }

  private readonly _settings: ServerConnection.ISettings;
}

export namespace ApiClient {
  export interface IOptions {
    serverSettings: ServerConnection.ISettings;
  }
}

/** Return what a response of status 400 or above says. */
async function errorOf(response: Response): Promise<RequestError> {
  const body = await readJSON(response);
  if (isErrorBody(body)) {
    return new RequestError({
      kind: 'refused',
      message: body.message,
      status: response.status,
      code: body.code,
      nextStep: body.next_step,
      detail: body.detail
    });
  }
  return new RequestError({
    kind: response.status === 404 ? 'missing' : 'unreadable',
    message:
      `The Jupyter server answered ${response.status} ${response.statusText}`.trimEnd(),
    status: response.status
  });
}

/** Return the body as JSON, or undefined if it is none. */
async function readJSON(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
