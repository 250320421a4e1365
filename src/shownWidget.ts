import { VDomRenderer } from '@jupyterlab/ui-components';
import type { VDomModel } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

/** A model that has work to do only while somebody can see it. */
export interface IShownModel extends VDomModel {
  isVisible: boolean;
}

/** A widget that owns its model, and tells it whether it is seen. */
export abstract class ShownWidget<
  T extends IShownModel
> extends VDomRenderer<T> {
  override dispose(): void {
    if (!this.isDisposed) {
      const { model } = this;
      super.dispose();
      model.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.isVisible = true;
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.model.isVisible = false;
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.model.isVisible = this.isVisible;
  }

  protected override onBeforeDetach(msg: Message): void {
    this.model.isVisible = false;
    super.onBeforeDetach(msg);
  }
}
