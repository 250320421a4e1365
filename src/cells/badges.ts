import { CodeCell } from '@jupyterlab/cells';
import type { Cell } from '@jupyterlab/cells';
import { NotebookActions } from '@jupyterlab/notebook';
import type { Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { CellBadge } from './badge';
import type { ICodeConsole } from './codeConsole';

interface IOfNotebook {
  notebook: Notebook;
  cell: Cell;
}

/** The badges of all notebooks and consoles that it is told of, until they are closed. */
export class AllBadges {
  constructor(trans: TranslationBundle) {
    this._trans = trans;
  }

  followNotebook(notebook: Notebook): void {
    if (!this._followed.has(notebook)) {
      this._followed.set(notebook, new NotebookBadges(notebook, this._trans));
    }
  }

  followConsole(console: ICodeConsole): void {
    if (!this._followed.has(console)) {
      this._followed.set(console, new ConsoleBadges(console, this._trans));
    }
  }

  private readonly _trans: TranslationBundle;
  /** Each is disposed with what it follows. */
  private readonly _followed = new WeakMap<object, IDisposable>();
}

/** The badges of all cells of a notebook. */
class NotebookBadges implements IDisposable {
  constructor(notebook: Notebook, trans: TranslationBundle) {
    this._notebook = notebook;
    this._badges = new Badges(trans);
    notebook.modelChanged.connect(this._onModelChanged, this);
    notebook.disposed.connect(this.dispose, this);
    NotebookActions.executionScheduled.connect(this._onForgotten, this);
    NotebookActions.outputCleared.connect(this._onForgotten, this);
    NotebookActions.executed.connect(this._onExecuted, this);
    this._onModelChanged();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._notebook.modelChanged.disconnect(this._onModelChanged, this);
    this._notebook.disposed.disconnect(this.dispose, this);
    NotebookActions.executionScheduled.disconnect(this._onForgotten, this);
    NotebookActions.outputCleared.disconnect(this._onForgotten, this);
    NotebookActions.executed.disconnect(this._onExecuted, this);
    this._cells?.changed.disconnect(this._onCellsChanged, this);
  }

  private _onModelChanged(): void {
    this._cells?.changed.disconnect(this._onCellsChanged, this);
    this._cells = this._notebook.model?.cells ?? null;
    this._cells?.changed.connect(this._onCellsChanged, this);
    this._onCellsChanged();
  }

  private _onCellsChanged(): void {
    this._badges.add(this._notebook.widgets);
  }

  private _onForgotten(_: unknown, { notebook, cell }: IOfNotebook): void {
    if (notebook === this._notebook) {
      this._badges.of(cell)?.forget();
    }
  }

  private _onExecuted(_: unknown, { notebook, cell }: IOfNotebook): void {
    if (notebook === this._notebook) {
      void this._badges.of(cell)?.readReply();
    }
  }

  private readonly _notebook: Notebook;
  private readonly _badges: Badges;
  private _cells: NonNullable<Notebook['model']>['cells'] | null = null;
  private _isDisposed = false;
}

/** The badges of what was run in a console. */
class ConsoleBadges implements IDisposable {
  constructor(console: ICodeConsole, trans: TranslationBundle) {
    this._console = console;
    this._badges = new Badges(trans);
    console.disposed.connect(this.dispose, this);
    console.promptCellCreated.connect(this._onPromptCreated, this);
    console.executed.connect(this._onExecuted, this);
    this._onPromptCreated();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._console.disposed.disconnect(this.dispose, this);
    this._console.promptCellCreated.disconnect(this._onPromptCreated, this);
    this._console.executed.disconnect(this._onExecuted, this);
  }

  private _onPromptCreated(): void {
    // What was the prompt before runs now, or when what runs before it has ended.
    if (this._prompt !== null) {
      this._running.add(this._prompt);
    }
    this._prompt = this._console.promptCell;
    this._badges.add(this._prompt === null ? [] : [this._prompt]);
  }

  private _onExecuted(): void {
    for (const cell of this._running) {
      if (cell.isDisposed) {
        this._running.delete(cell);
      } else if (isSent(cell)) {
        this._running.delete(cell);
        void this._badges.of(cell)?.readReply();
      }
    }
  }

  private readonly _console: ICodeConsole;
  private readonly _badges: Badges;
  private _prompt: CodeCell | null = null;
  /** Cells of which it is not known yet where they ran. */
  private readonly _running = new Set<CodeCell>();
  private _isDisposed = false;
}

/** One badge a code cell; a cell takes its own along when it is disposed. */
class Badges {
  constructor(trans: TranslationBundle) {
    this._trans = trans;
  }

  add(cells: readonly Cell[]): void {
    for (const cell of cells) {
      if (cell instanceof CodeCell && !this._byCell.has(cell)) {
        this._byCell.set(cell, new CellBadge(cell, this._trans));
      }
    }
  }

  of(cell: Cell): CellBadge | undefined {
    return this._byCell.get(cell);
  }

  private readonly _trans: TranslationBundle;
  private readonly _byCell = new WeakMap<Cell, CellBadge>();
}

/** Tell whether the kernel was asked to run a cell. */
function isSent({ outputArea }: CodeCell): boolean {
  return (outputArea.future as typeof outputArea.future | null) !== null;
}
