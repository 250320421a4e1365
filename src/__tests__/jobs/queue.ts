import { ApiClient } from '../../api/client';
import type { Delta, Job, SchedulerStatus } from '../../api/generated';
import { EventStream } from '../../api/stream';
import { JobStore } from '../../jobs/store';
import { JobTableModel } from '../../jobs/tableModel';
import { cluster, scheduler } from '../examples';
import { Bench, FakeNetwork, FakePage, HELLO, trans } from '../fakes';

/** A store and a model of a queue, told by a server on a network that is none. */
export class Queue {
  /** Return a queue of which the server has told. */
  static async of(
    jobs: Job[],
    options: Partial<JobTableModel.IOptions> & { status?: SchedulerStatus } = {}
  ): Promise<Queue> {
    const queue = new Queue(options);
    await queue.bench.connect([cluster()], []);
    queue._stream.open();
    queue.network.last.receive(HELLO);
    queue.network.last.receive({
      type: 'snapshot',
      revision: 0,
      profiles: [],
      clusters: [],
      scheduler: options.status ?? scheduler(),
      jobs,
      activity: []
    });
    return queue;
  }

  private constructor(options: Partial<JobTableModel.IOptions>) {
    this._stream = new EventStream({
      serverSettings: this.network.settings,
      snapshot: () => Promise.reject(new Error('not asked')),
      page: new FakePage()
    });
    this.store = new JobStore({
      client: new ApiClient({ serverSettings: this.network.settings }),
      stream: this._stream,
      serverNow: () => this.bench.model.serverNow()
    });
    this.model = new JobTableModel({
      store: this.store,
      manager: this.bench.model,
      trans,
      ...options
    });
  }

  readonly bench = new Bench();
  readonly network = new FakeNetwork();
  readonly store: JobStore;
  readonly model: JobTableModel;

  tell(changes: Partial<Delta>): void {
    this.network.last.receive({
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

  /** Ids of the rows, in order. */
  get ids(): string[] {
    return this.model.rows.map(({ job: { job_id } }) => job_id);
  }

  dispose(): void {
    this.model.dispose();
    this.store.dispose();
    this._stream.dispose();
    this.bench.model.dispose();
  }

  private readonly _stream: EventStream;
  private _revision = 0;
}
