import { VDomRenderer } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import type { RunModel } from './model';
import type { IOutputTools } from './outputs';
import { RunView } from './view';
import { RunViewModel } from './viewModel';

/** Shows a run wherever a widget can be: in an output, in another widget. */
export class RunWidget extends VDomRenderer<RunViewModel> {
  constructor(model: RunModel, tools: IOutputTools) {
    const view = new RunViewModel(model);
    super(view);
    // `model` is gone when a widget that is disposed of is taken off the page.
    this._view = view;
    const { rendermime } = model;
    // Engines have widgets too, such as progress bars: their models are with the kernel's.
    this._tools = rendermime === null ? tools : { ...tools, rendermime };
    this.addClass('jp-Engines-Result');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this._view.dispose();
    }
  }

  protected override onUpdateRequest(msg: Message): void {
    // Renderers of rich output need the page; when it is attached, an update follows.
    if (this.isAttached) {
      super.onUpdateRequest(msg);
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._view.isVisible = true;
  }

  protected override onBeforeDetach(msg: Message): void {
    this._view.isVisible = false;
    super.onBeforeDetach(msg);
  }

  protected render(): React.JSX.Element {
    return <RunView view={this._view} tools={this._tools} />;
  }

  private readonly _view: RunViewModel;
  private readonly _tools: IOutputTools;
}
