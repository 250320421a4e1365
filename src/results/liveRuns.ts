import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { RunModel } from './model';

/** The runs whose models there are on this page, by the id of the widget's model. */
export class LiveRuns {
  /** Emits the id of a run that can be shown from now on. */
  get added(): ISignal<this, string> {
    return this._added;
  }

  get(id: string): RunModel | undefined {
    return this._runs.get(id);
  }

  add(id: string, run: RunModel): void {
    this._runs.set(id, run);
    this._added.emit(id);
  }

  /** Forget a run; one that has come under the same id since then stays. */
  remove(id: string, run: RunModel): void {
    if (this._runs.get(id) === run) {
      this._runs.delete(id);
    }
  }

  private readonly _runs = new Map<string, RunModel>();
  private readonly _added = new Signal<this, string>(this);
}
