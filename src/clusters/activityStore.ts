import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type {
  ActivityPoint,
  ClusterActivity,
  EngineActivity,
  ServerMessage
} from '../api/generated';
import type { EventStream } from '../api/stream';
import type { IActivity, IActivityStore } from '../tokens';

/** So long is the time that charts show, in seconds. */
export const CHART_SECONDS = 600;

/** What engines do, as the server told it: the only place in the browser that holds it. */
export class ActivityStore implements IActivityStore {
  constructor(options: { stream: EventStream }) {
    this._stream = options.stream;
    this._stream.received.connect(this._onMessage, this);
    // Whoever comes later than the first snapshot needs another one.
    this._stream.resync();
  }

  get changed(): ISignal<this, void> {
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

  get(key: string): IActivity | null {
    return this._known.get(key) ?? null;
  }

  private _onMessage(_: EventStream, message: ServerMessage): void {
    if (message.type === 'hello') {
      return;
    }
    if (message.type === 'snapshot') {
      this._known.clear();
    } else if (
      message.activity.length === 0 &&
      !message.removed.some(key => this._known.has(key))
    ) {
      return;
    } else {
      message.removed.forEach(key => this._known.delete(key));
    }
    // A delta that was missed is followed by a snapshot, which the cluster manager asks for.
    message.activity.forEach(told => {
      this._known.set(told.key, merged(this._known.get(told.key), told));
    });
    this._changed.emit();
  }

  private readonly _stream: EventStream;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _known = new Map<string, IActivity>();
  private _isDisposed = false;
}

/** Return what is known after some of it was told anew. */
function merged(
  known: IActivity | undefined,
  told: ClusterActivity
): IActivity {
  const isSameRun = known?.runId === told.run_id;
  const engines = new Map<number, EngineActivity>(
    isSameRun ? known.engines : []
  );
  told.engines.forEach(engine => engines.set(engine.engine_id, engine));
  return {
    runId: told.run_id,
    engines,
    points:
      told.points.length === 0 && isSameRun
        ? known.points
        : recent([...(isSameRun ? known.points : []), ...told.points]),
    heardAt: told.heard_at,
    problem: told.problem
  };
}

/** Return those of some points that a chart shows. */
function recent(points: readonly ActivityPoint[]): readonly ActivityPoint[] {
  const last = points[points.length - 1];
  return last === undefined
    ? points
    : points.filter(({ at }) => at > last.at - CHART_SECONDS);
}
