import type { CodeCell } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { PanelLayout, Widget } from '@lumino/widgets';
import { pxIcon } from '../icons';
import {
  engineCount,
  placesOfOutputs,
  placesOfReply,
  placesSentence
} from './where';
import type { IPlace } from './where';

/** Says in the gutter of a cell, under its number, on how many engines it ran. */
export class CellBadge extends Widget {
  constructor(cell: CodeCell, trans: TranslationBundle) {
    super();
    this._cell = cell;
    this._trans = trans;
    this.addClass('jp-Engines-Badge');
    this.node.setAttribute('role', 'img');
    pxIcon.element({ container: this.node });
    this._count = this.node.appendChild(document.createElement('span'));
    this.hide();
    cell.model.outputs.changed.connect(this._onOutputsChanged, this);
    cell.disposed.connect(this.dispose, this);
    this._show();
    // Cells that are not on the screen yet have no gutter.
    void cell.ready.then(() => this._place());
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._cell.disposed.disconnect(this.dispose, this);
    if (!this._cell.isDisposed) {
      this._cell.model.outputs.changed.disconnect(this._onOutputsChanged, this);
    }
    super.dispose();
  }

  /** Forget where it ran: it is run anew, or its outputs are cleared. */
  forget(): void {
    this._told = null;
    this._past = this._cell.outputArea.future;
    this._show();
  }

  /** Read where it ran from the kernel's reply, which tells it also of cells that show nothing. */
  async readReply(): Promise<void> {
    const { outputArea } = this._cell;
    // Not there if the cell was run by other means, such as on the server; that of the time before
    // if there was nothing to run.
    const future = outputArea.future as typeof outputArea.future | null;
    if (future === null || future === this._past) {
      return;
    }
    // Rejected if the kernel went away meanwhile: then the outputs tell what is known.
    const reply = await future.done.catch(() => null);
    if (reply !== null && !this.isDisposed && outputArea.future === future) {
      this._told = placesOfReply(reply.content);
      this._show();
    }
  }

  private _place(): void {
    const layout = this._cell.isDisposed ? null : this._cell.inputArea?.layout;
    if (layout instanceof PanelLayout && !this.isDisposed) {
      layout.addWidget(this);
    }
  }

  private _onOutputsChanged(
    _: unknown,
    {
      type,
      newValues
    }: { type: string; newValues: readonly { readonly type: string }[] }
  ): void {
    if (type === 'clear') {
      // Another view of the notebook may have done so, or run the cell anew.
      this._told = null;
    }
    // Text that streams is no news.
    if (
      (type !== 'add' && type !== 'set') ||
      newValues.some(output => output.type !== 'stream')
    ) {
      this._show();
    }
  }

  private _show(): void {
    const places =
      this._told !== null && this._told.length > 0
        ? this._told
        : this._placesOfOutputs();
    const count = String(engineCount(places));
    const sentence = placesSentence(places, this._trans);
    this._count.textContent = count;
    this.node.title = sentence;
    this.node.setAttribute('aria-label', sentence);
    this.node.toggleAttribute('data-engines', places.length > 0);
    this.setHidden(places.length === 0);
  }

  private _placesOfOutputs(): readonly IPlace[] {
    const { outputs } = this._cell.model;
    const bundles = [];
    for (let index = 0; index < outputs.length; index++) {
      const output = outputs.get(index);
      if (output.type === 'display_data') {
        bundles.push(output.data);
      }
    }
    return placesOfOutputs(bundles);
  }

  private readonly _cell: CodeCell;
  private readonly _trans: TranslationBundle;
  private readonly _count: HTMLElement;
  /** What the reply told; null: nothing yet. */
  private _told: readonly IPlace[] | null = null;
  /** The request that was made before it was run anew. */
  private _past: unknown = null;
}
