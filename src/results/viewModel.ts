import { VDomModel } from '@jupyterlab/ui-components';
import type { IBlock } from './contract';
import type { RunModel } from './model';
import type { Ranges } from './ranks';
import { hasRank, overlaps, parseRanks, ranksLabel, toggled } from './ranks';

/** So many blocks are drawn at first, and so many more on each request. */
const FIRST_BLOCKS = 64;
const MORE_BLOCKS = 200;

/** How often elapsed time is drawn, in milliseconds. */
const TICK = 1000;

/**
 * What a user has chosen to see of a run.
 *
 * #### Notes
 * A cell that scrolls out of sight is taken off the page and drawn anew when it comes back; so
 * what was chosen is kept here and not in components.
 */
export class RunViewModel extends VDomModel {
  constructor(readonly model: RunModel) {
    super();
    model.changed.connect(this._onChanged, this);
  }

  /** Whether it is on the page: only then does time go on in it. */
  set isVisible(isVisible: boolean) {
    this._isVisible = isVisible;
    this._updateTicking();
  }

  /** What the field says; not always ranks. */
  get filter(): string {
    return this._filter;
  }

  /** Whether the field can be read. */
  get isFilterValid(): boolean {
    return this._isFilterValid;
  }

  /** The ranks of which the outputs are shown; null: all. */
  get selection(): Ranges | null {
    return this._selection;
  }

  /** The blocks that are drawn. */
  get blocks(): readonly IBlock[] {
    return this._selected.slice(0, this._limit);
  }

  /** How many more there are, and how many of them come on request. */
  get hidden(): { all: number; next: number } {
    const all = Math.max(0, this._selected.length - this._limit);
    return { all, next: Math.min(all, MORE_BLOCKS) };
  }

  /** Whether the traceback of an error is open. */
  isOpen(block: IBlock): boolean {
    // A single error is what the user has come to see; of many the first lines tell more.
    return (
      this._opened.get(block.key) ??
      this.model.blocks.filter(({ kind }) => kind === 'error').length === 1
    );
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.model.changed.disconnect(this._onChanged, this);
      clearInterval(this._ticker);
      super.dispose();
    }
  }

  /** Show only what these ranks have put out; nothing: all. */
  setFilter(text: string): void {
    this._filter = text;
    const ranges = parseRanks(text);
    this._isFilterValid = ranges !== null;
    if (ranges !== null) {
      this._selection = ranges.length === 0 ? null : ranges;
      this._limit = FIRST_BLOCKS;
    }
    this.stateChanged.emit();
  }

  /** Add a rank to those that are shown, or take it out; none is the same as all. */
  toggle(rank: number): void {
    const ranges = toggled(this._selection ?? [], rank);
    const { ranks } = this.model.run;
    this.setFilter(
      ranks.every(known => hasRank(ranges, known)) && ranks.length > 1
        ? ''
        : ranksLabel(ranges)
    );
  }

  showMore(): void {
    this._limit += MORE_BLOCKS;
    this.stateChanged.emit();
  }

  setOpen(block: IBlock, isOpen: boolean): void {
    if (isOpen !== this.isOpen(block)) {
      this._opened.set(block.key, isOpen);
      this.stateChanged.emit();
    }
  }

  private get _selected(): readonly IBlock[] {
    const selection = this._selection;
    return selection === null
      ? this.model.blocks
      : this.model.blocks.filter(({ ranges }) => overlaps(ranges, selection));
  }

  private _onChanged(): void {
    this._updateTicking();
    this.stateChanged.emit();
  }

  private _updateTicking(): void {
    const ticks = this._isVisible && this.model.isRunning;
    if (ticks && this._ticker === undefined) {
      this._ticker = setInterval(() => this.stateChanged.emit(), TICK);
    } else if (!ticks) {
      clearInterval(this._ticker);
      this._ticker = undefined;
    }
  }

  private _isVisible = false;
  private _ticker: ReturnType<typeof setInterval> | undefined;
  private _filter = '';
  private _isFilterValid = true;
  private _selection: Ranges | null = null;
  private _limit = FIRST_BLOCKS;
  private readonly _opened = new Map<string, boolean>();
}
