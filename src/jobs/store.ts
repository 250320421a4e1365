import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { ApiClient } from '../api/client';
import type {
  Delta,
  Job,
  JobList,
  RawJobs,
  SchedulerStatus,
  ServerMessage,
  Snapshot
} from '../api/generated';
import type { EventStream } from '../api/stream';
import type { IJobRequest, IJobStore, JobsChange } from '../tokens';

/**
 * A table that was read so long after a request shows what came of it, even where the job
 * looks as before: a scheduler may do nothing and say nothing. In seconds.
 */
const ANSWERED_AFTER = 15;
/** A running job outlives its `qdel`, which returned 0, by up to 25 s. */
const DELETED_AFTER = 60;

/** The scheduler's queue as the server told it: the only place in the browser that holds it. */
export class JobStore implements IJobStore {
  constructor(options: JobStore.IOptions) {
    this._client = options.client;
    this._stream = options.stream;
    this._serverNow = options.serverNow;
    this._stream.received.connect(this._onMessage, this);
    // Whoever comes later than the first snapshot needs another one.
    this._stream.resync();
  }

  get scheduler(): SchedulerStatus | null {
    return this._scheduler;
  }

  get jobs(): ReadonlyMap<string, Job> {
    return this._jobs;
  }

  get requests(): ReadonlyMap<string, IJobRequest> {
    return this._requests;
  }

  get changed(): ISignal<this, JobsChange> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._stream.received.disconnect(this._onMessage, this);
    Signal.clearData(this);
  }

  async hold(jobId: string): Promise<void> {
    return this._ask(jobId, 'hold', () => this._client.holdJob(jobId));
  }

  async release(jobId: string): Promise<void> {
    return this._ask(jobId, 'release', () => this._client.releaseJob(jobId));
  }

  async delete(jobId: string): Promise<void> {
    return this._ask(jobId, 'delete', () => this._client.deleteJob(jobId));
  }

  async alterWalltime(jobId: string, seconds: number): Promise<void> {
    return this._ask(jobId, 'alter_walltime', () =>
      this._client.alterWalltime(jobId, seconds)
    );
  }

  async refresh(): Promise<void> {
    await this._client.refreshJobs();
    this._stream.hurry();
  }

  async readAll(): Promise<JobList> {
    return this._client.jobs('all');
  }

  async readRaw(): Promise<RawJobs> {
    return this._client.rawJobs();
  }

  /** Note that something was asked until the stream, or an error, answers. */
  private async _ask(
    jobId: string,
    action: IJobRequest['action'],
    send: () => Promise<Job>
  ): Promise<void> {
    const request = { action, askedAt: this._serverNow() };
    this._requests.set(jobId, request);
    this._changed.emit(new Set([jobId]));
    try {
      await send();
      this._stream.hurry();
    } catch (error) {
      // A later request for the same job is not answered by this.
      if (this._requests.get(jobId) === request) {
        this._requests.delete(jobId);
        this._changed.emit(new Set([jobId]));
      }
      throw error;
    }
  }

  private _onMessage(_: EventStream, message: ServerMessage): void {
    if (message.type === 'snapshot') {
      this._onSnapshot(message);
    } else if (message.type === 'delta') {
      this._onDelta(message);
    }
  }

  private _onSnapshot(snapshot: Snapshot): void {
    this._revision = snapshot.revision;
    this._scheduler = snapshot.scheduler;
    const before = this._jobs;
    this._jobs = new Map(snapshot.jobs.map(job => [job.job_id, job]));
    for (const jobId of [...this._requests.keys()]) {
      this._settle(jobId, before.get(jobId));
    }
    this._changed.emit(null);
  }

  private _onDelta(delta: Delta): void {
    if (delta.base !== this._revision) {
      return; // The cluster manager, which hears the same, asks for a snapshot.
    }
    this._revision = delta.revision;
    this._scheduler = delta.scheduler ?? this._scheduler;
    const ids = new Set(delta.jobs_removed);
    for (const jobId of delta.jobs_removed) {
      this._jobs.delete(jobId);
      this._requests.delete(jobId);
    }
    for (const job of delta.jobs_changed) {
      const before = this._jobs.get(job.job_id);
      this._jobs.set(job.job_id, job);
      this._settle(job.job_id, before);
      ids.add(job.job_id);
    }
    if (delta.scheduler !== null) {
      for (const jobId of [...this._requests.keys()]) {
        if (this._settle(jobId, this._jobs.get(jobId))) {
          ids.add(jobId);
        }
      }
    }
    if (ids.size > 0 || delta.scheduler !== null) {
      this._changed.emit(ids);
    }
  }

  /** Drop a request that the table has answered; return whether it was. */
  private _settle(jobId: string, before: Job | undefined): boolean {
    const request = this._requests.get(jobId);
    const isAnswered =
      request !== undefined &&
      isSettled(
        request,
        before,
        this._jobs.get(jobId),
        this._scheduler?.read_at ?? 0
      );
    if (isAnswered) {
      this._requests.delete(jobId);
    }
    return isAnswered;
  }

  private readonly _client: ApiClient;
  private readonly _stream: EventStream;
  private readonly _serverNow: () => number;
  private readonly _changed = new Signal<this, JobsChange>(this);
  private readonly _requests = new Map<string, IJobRequest>();
  private _jobs = new Map<string, Job>();
  private _scheduler: SchedulerStatus | null = null;
  private _revision: number | null = null;
  private _isDisposed = false;
}

export namespace JobStore {
  export interface IOptions {
    client: ApiClient;
    /** Not disposed with the store. */
    stream: EventStream;
    /** The server's clock, in seconds. */
    serverNow: () => number;
  }
}

/** Tell whether the table shows what came of a request. */
function isSettled(
  request: IJobRequest,
  before: Job | undefined,
  after: Job | undefined,
  readAt: number
): boolean {
  if (after === undefined || after.state === 'finished') {
    return true;
  }
  const hasChanged =
    before !== undefined &&
    (before.state !== after.state ||
      before.letter !== after.letter ||
      before.walltime_seconds !== after.walltime_seconds);
  if (request.action === 'delete') {
    // Going from queued to running is not what was asked for.
    return (
      after.state === 'exiting' || readAt > request.askedAt + DELETED_AFTER
    );
  }
  return hasChanged || readAt > request.askedAt + ANSWERED_AFTER;
}
