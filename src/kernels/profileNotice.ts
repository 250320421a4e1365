import { Notification } from '@jupyterlab/apputils';
import type { ICodeCellModel } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';
import type { Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { findProfile } from './profileCell';

/** A cell that names another profile than a notebook is connected to. */
interface IOtherProfile {
  cell: ICodeCellModel;
  /** Its place in the notebook, from 0. */
  index: number;
  name: string;
}

/**
 * Tells of a cell that would connect to another cluster than the notebook was connected to, and
 * offers to change it: a run from top to bottom would fail, or use the wrong engines.
 *
 * #### Notes
 * Nothing is changed unless the user asks for it, and then nothing but the name: as an edit of
 * the cell that can be undone.
 */
export class ProfileNotice {
  constructor(notebook: Notebook, trans: TranslationBundle) {
    this._notebook = notebook;
    this._trans = trans;
  }

  /** Look for such a cell, and tell of the first. What was told before is taken back. */
  check(profile: string): void {
    this.dismiss();
    const other = this._find(profile);
    if (other === null) {
      return;
    }
    const { cell, index, name } = other;
    const trans = this._trans;
    const isFixed =
      this._notebook.model?.readOnly === true ||
      cell.getMetadata('editable') === false;
    this._id = Notification.warning(
      trans.__(
        "This notebook says profile = '%1' in cell %2, and would connect to that cluster.",
        name,
        index + 1
      ),
      {
        autoClose: false,
        actions: isFixed
          ? []
          : [
              {
                label: trans.__("Change to '%1'", profile),
                caption: trans.__(
                  'Write %1 instead of %2 into cell %3; Undo takes it back',
                  profile,
                  name,
                  index + 1
                ),
                displayType: 'accent',
                callback: () => this._change(cell, name, profile)
              }
            ]
      }
    );
  }

  /** Take back what was told. */
  dismiss(): void {
    if (this._id !== null) {
      Notification.dismiss(this._id);
      this._id = null;
    }
  }

  /** Write the name into the cell, if it still says the other, and look for more. */
  private _change(cell: ICodeCellModel, from: string, to: string): void {
    if (!cell.isDisposed) {
      const { sharedModel } = cell;
      // The user may have edited it since.
      const found = findProfile(sharedModel.getSource());
      if (found?.name === from) {
        sharedModel.updateSource(found.start, found.end, to);
      }
    }
    this.check(to);
  }

  private _find(profile: string): IOtherProfile | null {
    const cells = this._notebook.model?.cells ?? [];
    let index = 0;
    for (const cell of cells) {
      if (isCodeCellModel(cell)) {
        const name = findProfile(cell.sharedModel.getSource())?.name;
        if (name !== undefined && name !== profile) {
          return { cell, index, name };
        }
      }
      index += 1;
    }
    return null;
  }

  private readonly _notebook: Notebook;
  private readonly _trans: TranslationBundle;
  private _id: string | null = null;
}
