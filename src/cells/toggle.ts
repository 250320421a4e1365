import type { ICellModel } from '@jupyterlab/cells';
import { edited, findPx, insertPx, obstacleOf } from './pxLine';
import type { IRemoved, Obstacle } from './pxLine';

/** A code cell that the user wants to run on engines, or here again. */
export interface ICandidate {
  readonly model: ICellModel;
  /** Its place in the notebook, from 1; null: the prompt of a console. */
  readonly number: number | null;
  readonly isReadOnly: boolean;
}

export interface IRefused {
  readonly cell: ICandidate;
  readonly obstacle: Obstacle | { type: 'read-only' };
}

export interface IToggled {
  /** Whether `%%px` was put in; else it was taken out. */
  readonly isOn: boolean;
  readonly changed: number;
  readonly refused: readonly IRefused[];
}

/** Puts `%%px` above cells and takes it out again, as one step of what can be undone. */
export class PxToggle {
  /** Whether all of these cells run on engines. */
  isOn(cells: readonly ICandidate[]): boolean {
    return (
      cells.length > 0 &&
      cells.every(({ model }) => findPx(model.sharedModel.getSource()) !== null)
    );
  }

  /** Have all of these cells run on engines; if they do, none of them. */
  toggle(cells: readonly ICandidate[]): IToggled {
    const isOn = !this.isOn(cells);
    const refused: IRefused[] = [];
    const wanted = cells.filter(cell => {
      const { model, isReadOnly } = cell;
      const source = model.sharedModel.getSource();
      if ((findPx(source) !== null) === isOn) {
        return false;
      }
      const obstacle = isReadOnly
        ? ({ type: 'read-only' } as const)
        : isOn
          ? obstacleOf(source)
          : null;
      if (obstacle !== null) {
        refused.push({ cell, obstacle });
      }
      return obstacle === null;
    });
    // What was typed just before and after is undone apart from this.
    endUndoStep(wanted);
    wanted.forEach(({ model }) => this._edit(model, isOn));
    endUndoStep(wanted);
    return { isOn, changed: wanted.length, refused };
  }

  private _edit(model: ICellModel, isOn: boolean): void {
    const { sharedModel } = model;
    const source = sharedModel.getSource();
    const edit = isOn
      ? insertPx(source, this._removed.get(model) ?? null)
      : findPx(source);
    if (edit === null) {
      return;
    }
    if (!isOn) {
      this._removed.set(model, {
        before: source.slice(0, edit.start),
        line: source.slice(edit.start, edit.end)
      });
    }
    sharedModel.updateSource(edit.start, edit.end, edit.text);
    if (sharedModel.getSource() !== edited(source, edit)) {
      throw new Error('The cell was changed meanwhile');
    }
  }

  /** What was taken out of cells, with the flags that somebody has written there. */
  private readonly _removed = new WeakMap<ICellModel, IRemoved>();
}

/**
 * End the step of undo that the next edit of these cells would be added to.
 *
 * #### Notes
 * A cell has an undo manager of its own, or all have the notebook's. Interfaces of
 * JupyterLab do not tell of it.
 */
function endUndoStep(cells: readonly ICandidate[]): void {
  for (const { model } of cells) {
    const manager: unknown = Reflect.get(model.sharedModel, 'undoManager');
    if (isUndoManager(manager)) {
      manager.stopCapturing();
    }
  }
}

function isUndoManager(value: unknown): value is { stopCapturing(): void } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stopCapturing' in value &&
    typeof value.stopCapturing === 'function'
  );
}
