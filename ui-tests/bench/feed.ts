import type { Page, WebSocketRoute } from '@playwright/test';
import type {
  Delta,
  Hello,
  Job,
  SchedulerStatus,
  ServerMessage,
  Snapshot
} from '../../src/api/generated';

const QUEUES = ['default', 'long', 'debug', 'gpu'];
const COMMENT = 'Not Running: Insufficient amount of resource: ncpus';

/** Return jobs as a busy queue has them: arrays, finished ones and orphans among them. */
export function manyJobs(count: number, now: number): Job[] {
  const jobs: Job[] = [];
  for (let n = 1; jobs.length < count; n++) {
    const state = n % 3 === 0 ? 'running' : n % 11 === 0 ? 'held' : 'queued';
    const isRunning = state === 'running';
    jobs.push({
      job_id: `${n}.pbshead`,
      name: `sim_${String(n).padStart(5, '0')}`,
      owner: 'alice',
      queue: QUEUES[n % QUEUES.length] ?? 'default',
      state,
      letter: isRunning ? 'R' : state === 'held' ? 'H' : 'Q',
      array_id: null,
      nodes: 1 + (n % 4),
      cores: 4 * (1 + (n % 4)),
      memory_bytes: 2 ** 30 * (1 + (n % 64)),
      walltime_seconds: 3600 * (1 + (n % 48)),
      elapsed_seconds: null,
      submitted_at: now - 7200 - n,
      started_at: isRunning ? now - (n % 3600) : null,
      ended_at: null,
      estimated_start_at: null,
      hosts: isRunning
        ? Array.from({ length: 1 + (n % 4) }, (_, i) => ({
            name: `n${(n + i) % 512}`,
            cores: 4
          }))
        : [],
      comment: isRunning ? null : COMMENT,
      never_runs: false,
      outcome: null,
      cluster: n === 3 ? 'pbs' : null,
      role: null,
      orphan: false
    });
  }
  return jobs;
}

export function status(now: number): SchedulerStatus {
  return {
    dialect: 'openpbs',
    version: '23.06.06',
    server: 'pbshead',
    user: 'alice',
    actions: ['hold', 'release', 'delete', 'alter_walltime'],
    all_users: true,
    answering: true,
    since: now - 3600,
    read_at: now - 12,
    problem: null
  };
}

/**
 * The other end of the page's stream: says what a server with such a queue would.
 *
 * #### Notes
 * Everything in the page is real. Ten thousand jobs of a real scheduler would take longer to
 * submit than to measure.
 */
export class Feed {
  /** Answer the stream of a page; call it before the page is opened. */
  static async of(page: Page, snapshot: () => Snapshot): Promise<Feed> {
    const feed = new Feed();
    await page.routeWebSocket(/jupyterlab-engines\/stream/, socket => {
      feed._socket = socket;
      const hello: Hello = {
        type: 'hello',
        api_version: 1,
        server: { version: '0', api_version: 1, host: 'pbshead' },
        now: Date.now() / 1000
      };
      feed._send(hello);
      feed._sendSnapshot(snapshot());
      socket.onMessage(() => feed._sendSnapshot(snapshot()));
    });
    return feed;
  }

  /** Tell that jobs have changed. */
  tell(changes: Partial<Delta>): void {
    this._send({
      type: 'delta',
      base: this._revision,
      revision: (this._revision += 1),
      changed: [],
      removed: [],
      profiles: null,
      scheduler: null,
      jobs_changed: [],
      jobs_removed: [],
      activity: [],
      ...changes
    });
  }

  private _sendSnapshot(snapshot: Snapshot): void {
    this._revision = snapshot.revision;
    this._send(snapshot);
  }

  private _send(message: ServerMessage): void {
    this._socket?.send(JSON.stringify(message));
  }

  private _socket: WebSocketRoute | null = null;
  private _revision = 0;
}
