import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IDisposable } from '@lumino/disposable';
import type {
  PartialJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { NO_RUN, readAnswer, withTraits } from './contract';
import type { IBlock, IRun, Request } from './contract';

/** The way from a run to its kernel. */
export interface IRunLink {
  send: (request: Request) => void;
  /** Interrupt the kernel; null where there is nobody who could. */
  interrupt: (() => Promise<void>) | null;
  /** What outputs of that kernel are drawn with: it knows the kernel's widgets. */
  rendermime?: IRenderMimeRegistry | null;
}

/** While a run goes on, all of it is asked for anew no sooner than this, in seconds. */
const ALL_AGAIN = 5;

/** All of a block of which the kernel sends only a part by itself. */
export interface IWhole {
  /** Both null: the kernel does not have it any more. */
  readonly text: string | null;
  readonly data: PartialJSONObject | null;
  readonly metadata: ReadonlyPartialJSONObject;
}

/** What is known here of one run, however many views show it. Knows no document. */
export class RunModel implements IDisposable {
  /**
   * @param link - how to reach the kernel
   * @param clock - this machine's time, in seconds
   */
  constructor(link: IRunLink, clock: () => number = () => Date.now() / 1000) {
    this._link = link;
    this._clock = clock;
  }

  get run(): IRun {
    return this._run;
  }

  /** What its outputs are to be drawn with; null: anything. */
  get rendermime(): IRenderMimeRegistry | null {
    return this._link.rendermime ?? null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether the kernel still knows of it. */
  get isConnected(): boolean {
    return this._isConnected;
  }

  /** Whether it goes on, as far as anyone knows. */
  get isRunning(): boolean {
    return this._isConnected && this._run.state === 'running';
  }

  /** Whether it was asked to stop, and neither has nor was told to go on. */
  get isStopping(): boolean {
    return this._isStopping && this.isRunning;
  }

  /** What kept it from being stopped; null: nothing. */
  get stopError(): Error | null {
    return this._stopError;
  }

  /** All blocks there are to show: those that were left out too, once they were asked for. */
  get blocks(): readonly IBlock[] {
    return this._all ?? this._run.blocks;
  }

  /** How many blocks are left out. */
  get droppedBlocks(): number {
    return this._all === null ? this._run.droppedBlocks : this._allDropped;
  }

  /** Whether those that were left out are on their way for the first time. */
  get isAllAsked(): boolean {
    return this._isAllAsked && this._all === null;
  }

  /** Return the whole of a block if it was asked for; undefined: it was not. */
  wholeOf(block: IBlock): IWhole | 'asked' | undefined {
    return this._wholes.get(block);
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._isConnected = false;
    Signal.clearData(this);
  }

  /** How long it has run, in seconds; null before the kernel has told. */
  elapsed(): number | null {
    const { startedAt, endedAt, now } = this._run;
    if (startedAt === 0 || now === 0) {
      return null;
    }
    // The clocks of two machines differ; how they go does not.
    const since = this.isRunning ? this._clock() - this._heardAt : 0;
    return Math.max(0, (endedAt ?? now + since) - startedAt);
  }

  /** Take what the kernel's model has now, of what has changed. */
  update(traits: Readonly<Record<string, unknown>>): void {
    const previous = this._run;
    this._run = withTraits(previous, traits);
    if ('now' in traits) {
      this._heardAt = this._clock();
    }
    if (this._run.notice !== previous.notice && this._run.notice !== '') {
      this._isStopping = false; // That is what came of it.
    }
    if (this._run.blocks !== previous.blocks) {
      this._isAllOld = true;
      this._forgetWholes();
    }
    this._refreshAll();
    this._changed.emit();
  }

  /** Take a message of the kernel. */
  receive(content: unknown): void {
    const answer = readAnswer(content, this.blocks);
    if (answer === null) {
      return;
    }
    if (answer.type === 'all') {
      this._all = answer.blocks;
      this._allDropped = answer.droppedBlocks;
      this._isAllAsked = false;
      this._forgetWholes();
      this._refreshAll();
    } else {
      const block = this.blocks.find(({ key }) => key === answer.key);
      if (block === undefined) {
        return; // It has changed since it was asked for.
      }
      this._wholes.set(block, answer);
    }
    this._changed.emit();
  }

  setConnected(isConnected: boolean): void {
    if (isConnected !== this._isConnected) {
      this._isConnected = isConnected;
      this._isAllAsked = false;
      this._changed.emit();
    }
  }

  /** Ask for all of a block. */
  askWhole(block: IBlock): void {
    this._wholes.set(
      block,
      this._ask({ do: 'whole', key: block.key }) ? 'asked' : GONE
    );
    this._changed.emit();
  }

  /** Show the blocks that were left out too, from now on. */
  askAll(): void {
    this._isAllWanted = this._isAllOld = true;
    this._allAskedAt = -Infinity;
    this._refreshAll();
    this._changed.emit();
  }

  /** Have it stopped. Asking twice asks twice: the first time may have come to nothing. */
  async stop(): Promise<void> {
    this._isStopping = true;
    this._stopError = null;
    this._changed.emit();
    const { interrupt } = this._link;
    try {
      if (!this._run.isBlocking || interrupt === null) {
        this._link.send({ do: 'stop' });
      } else {
        await interrupt();
      }
    } catch (error) {
      this._isStopping = false;
      this._stopError =
        error instanceof Error ? error : new Error(String(error));
      this._changed.emit();
    }
  }

  /** Ask the kernel; return whether it can be asked: its connection may just have gone. */
  private _ask(request: Request): boolean {
    try {
      this._link.send(request);
      return true;
    } catch {
      return false;
    }
  }

  /** Ask for all blocks if that is wanted and they have changed; while more come, not too often. */
  private _refreshAll(): void {
    const isTooEarly =
      this.isRunning && this._clock() - this._allAskedAt < ALL_AGAIN;
    if (
      !this._isAllWanted ||
      !this._isAllOld ||
      this._isAllAsked ||
      isTooEarly
    ) {
      return;
    }
    this._isAllOld = false;
    this._allAskedAt = this._clock();
    this._isAllAsked = this._ask({ do: 'all' });
  }

  /** Forget the wholes of blocks that are shown no more, or have changed. */
  private _forgetWholes(): void {
    const kept = new Set(this.blocks);
    this._wholes.forEach((_, block) => {
      if (!kept.has(block)) {
        this._wholes.delete(block);
      }
    });
  }

  private readonly _link: IRunLink;
  private readonly _clock: () => number;
  private _run: IRun = NO_RUN;
  private _all: readonly IBlock[] | null = null;
  private _allDropped = 0;
  private _isAllWanted = false;
  private _isAllAsked = false;
  private _isAllOld = false;
  private _allAskedAt = -Infinity;
  /** When the kernel last told its time, by this machine's clock. */
  private _heardAt = 0;
  private _isConnected = true;
  private _isDisposed = false;
  private _isStopping = false;
  private _stopError: Error | null = null;
  /** By block, not by key: a block that has changed is another one. */
  private readonly _wholes = new Map<IBlock, IWhole | 'asked'>();
  private readonly _changed = new Signal<this, void>(this);
}

/** A block that the kernel does not have any more. */
const GONE: IWhole = { text: null, data: null, metadata: {} };
