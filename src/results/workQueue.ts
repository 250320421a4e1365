import type { IDisposable } from '@lumino/disposable';

/** So long may one task of the page be busy with it, in milliseconds. */
const BUDGET = 12;

/**
 * Does pieces of work one after another, a few milliseconds at a time.
 *
 * #### Notes
 * JupyterLab's renderers work as soon as they are asked: 64 ranks that print in colours are
 * 64 texts to take apart at once, during which the page would not answer.
 */
export class WorkQueue implements IDisposable {
  /** @param clock - milliseconds, as of `performance.now` */
  constructor(clock: () => number = () => performance.now()) {
    this._clock = clock;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._work.clear();
    clearTimeout(this._timer);
  }

  /** Do a piece of work when its turn comes; of one owner only the newest. */
  add(owner: object, work: () => void): void {
    if (this._isDisposed) {
      return;
    }
    // One that waits already keeps its place: or one that prints most would never be drawn.
    this._work.set(owner, work);
    this._schedule();
  }

  remove(owner: object): void {
    this._work.delete(owner);
  }

  private _schedule(): void {
    this._timer ??= setTimeout(() => this._run(), 0);
  }

  private _run(): void {
    this._timer = undefined;
    const end = this._clock() + BUDGET;
    try {
      for (const [owner, work] of this._work) {
        this._work.delete(owner);
        work();
        if (this._clock() >= end) {
          break;
        }
      }
    } finally {
      // One that fails must not hold up the others.
      if (this._work.size > 0) {
        this._schedule();
      }
    }
  }

  private readonly _clock: () => number;
  private readonly _work = new Map<object, () => void>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
}
