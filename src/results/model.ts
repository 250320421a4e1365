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
    return this._all === null ? this._run.droppedBlocks : 0;
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
      this._all = null;
      const kept = new Set(this._run.blocks);
      this._wholes.forEach((_, block) => {
        if (!kept.has(block)) {
          this._wholes.delete(block);
        }
      });
    }
    this._changed.emit();
  }

  /** Take a message of the kernel. */
  receive(content: unknown): void {
    const answer = readAnswer(content);
    if (answer === null) {
      return;
    }
    if (answer.type === 'all') {
      this._all = answer.blocks;
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
      this._changed.emit();
    }
  }

  /** Ask for all of a block. */
  askWhole(block: IBlock): void {
    this._wholes.set(block, 'asked');
    this._link.send({ do: 'whole', key: block.key });
    this._changed.emit();
  }

  /** Ask for the blocks that were left out. */
  askAll(): void {
    this._link.send({ do: 'all' });
  }

  /** Have it stopped. Asking twice asks twice: the first time may have come to nothing. */
  async stop(): Promise<void> {
    this._isStopping = true;
    this._stopError = null;
    this._changed.emit();
    const { interrupt } = this._link;
    if (!this._run.isBlocking || interrupt === null) {
      this._link.send({ do: 'stop' });
      return;
    }
    try {
      await interrupt();
    } catch (error) {
      this._isStopping = false;
      this._stopError =
        error instanceof Error ? error : new Error(String(error));
      this._changed.emit();
    }
  }

  private readonly _link: IRunLink;
  private readonly _clock: () => number;
  private _run: IRun = NO_RUN;
  private _all: readonly IBlock[] | null = null;
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
