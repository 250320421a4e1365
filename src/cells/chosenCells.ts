import { isCodeCellModel } from '@jupyterlab/cells';
import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { consoleOf } from './codeConsole';
import type { ICodeConsole } from './codeConsole';
import type { ICandidate } from './toggle';

/** Where the user works. */
export type Place =
  { notebook: NotebookPanel } | { console: ICodeConsole } | null;

/** Whose toolbar a button stands in. */
export interface IToolbar {
  of: 'notebook' | 'console';
  /** The cell, by its model, or the widget that holds the console; null: the one in use. */
  id: string | null;
}

/** Undefined: in none, so where the user works. */
export type Toolbar = IToolbar | undefined;

/** The cells that a command is about: what is selected in a notebook, or a console's prompt. */
export class ChosenCells implements IDisposable {
  constructor(options: ChosenCells.IOptions) {
    this._options = options;
    const { tracker, currentChanged } = options;
    tracker.currentChanged.connect(this._onChosen, this);
    tracker.activeCellChanged.connect(this._onChosen, this);
    tracker.selectionChanged.connect(this._onChosen, this);
    currentChanged?.connect(this._onChosen, this);
    this._onChosen();
  }

  /** Other cells are chosen, or what stands in them has changed. */
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
    const { tracker, currentChanged } = this._options;
    tracker.currentChanged.disconnect(this._onChosen, this);
    tracker.activeCellChanged.disconnect(this._onChosen, this);
    tracker.selectionChanged.disconnect(this._onChosen, this);
    currentChanged?.disconnect(this._onChosen, this);
    this._watch(null);
    Signal.clearData(this);
  }

  /** Return where that is; a notebook and a console may stand side by side. */
  placeOf(toolbar: Toolbar): Place {
    const { currentWidget, tracker, widgetOf } = this._options;
    const id = toolbar?.id ?? null;
    const console = id === null ? this._console : consoleOf(widgetOf(id));
    if (
      console?.isDisposed === false &&
      (toolbar?.of === 'console' ||
        (toolbar === undefined && consoleOf(currentWidget()) === console))
    ) {
      return { console };
    }
    if (toolbar?.of === 'console') {
      return null;
    }
    const notebook = id === null ? tracker.currentWidget : this._withActive(id);
    return notebook === null ? null : { notebook };
  }

  /** Return the notebook of which that cell is the active one, for only this has a toolbar. */
  private _withActive(id: string): NotebookPanel | null {
    const { tracker } = this._options;
    const isIt = ({ content }: NotebookPanel): boolean =>
      content.activeCell?.model.id === id;
    const { currentWidget: current } = tracker;
    return current !== null && isIt(current)
      ? current
      : (tracker.find(isIt) ?? null);
  }

  /** The code cells in Python; none: there is nothing to run on engines. */
  cellsOf(toolbar: Toolbar): readonly ICandidate[] {
    const place = this.placeOf(toolbar);
    if (place === null) {
      return [];
    }
    if ('console' in place) {
      const { promptCell } = place.console;
      return promptCell === null || !isPython(promptCell.model)
        ? []
        : [{ model: promptCell.model, number: null, isReadOnly: false }];
    }
    const { content: notebook } = place.notebook;
    const { model } = notebook;
    const language = model?.defaultKernelLanguage ?? '';
    if (model === null || (language !== '' && language !== 'python')) {
      return [];
    }
    return notebook.widgets.flatMap((cell, index) =>
      notebook.isSelectedOrActive(cell) && isCodeCellModel(cell.model)
        ? [
            {
              model: cell.model,
              number: index + 1,
              isReadOnly:
                model.readOnly ||
                cell.readOnly ||
                cell.model.getMetadata('editable') === false
            }
          ]
        : []
    );
  }

  private _onChosen(): void {
    this._console = consoleOf(this._options.currentWidget()) ?? this._console;
    const place = this.placeOf(undefined);
    this._watch(
      place === null
        ? null
        : 'console' in place
          ? (place.console.promptCell?.model ?? null)
          : (place.notebook.content.activeCell?.model ?? null)
    );
    if (place !== null && 'console' in place) {
      // Each cell that is run makes a new prompt; connecting twice is the same as once.
      place.console.promptCellCreated.connect(this._onChosen, this);
    }
    this._changed.emit();
  }

  private _watch(model: ICellModel | null): void {
    if (this._watched?.isDisposed === false) {
      this._watched.contentChanged.disconnect(this._onEdited, this);
    }
    this._watched = model;
    model?.contentChanged.connect(this._onEdited, this);
  }

  private _onEdited(): void {
    this._changed.emit();
  }

  private readonly _options: ChosenCells.IOptions;
  private readonly _changed = new Signal<this, void>(this);
  /** The one that the user worked in last. */
  private _console: ICodeConsole | null = null;
  private _watched: ICellModel | null = null;
  private _isDisposed = false;
}

/** Cells of a kernel that has not told its language yet are plain text. */
function isPython({ mimeType }: ICellModel): boolean {
  return /^text\/(x-i?python|plain)$/.test(mimeType);
}

export namespace ChosenCells {
  export interface IOptions {
    tracker: INotebookTracker;
    /** Returns the widget of the main area that the user works in. */
    currentWidget: () => Widget | null;
    /** Returns one of those by its id. */
    widgetOf: (id: string) => Widget | null;
    /** It is another one; undefined where the application does not tell. */
    currentChanged: ISignal<unknown, unknown> | undefined;
  }
}
