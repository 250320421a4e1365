import { Dialog, MainAreaWidget, showDialog } from '@jupyterlab/apputils';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomRenderer } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { enginesIcon } from '../icons';
import type { IProfileEditor, IProfileService } from '../tokens';
import { EditorModel } from './editorModel';
import { EditorView } from './editorView';

/** Opens one form a profile, in the main area. */
export class ProfileEditor implements IProfileEditor {
  constructor(options: ProfileEditor.IOptions) {
    this._options = options;
  }

  edit(name: string): void {
    this._open(name);
  }

  create(): void {
    this._open(null);
  }

  private _open(name: string | null): void {
    const { area, shell } = this._options;
    let widget = this._widgets.find(
      open => !open.isDisposed && open.content.model.name === name
    );
    if (widget === undefined) {
      widget = this._create(name);
      this._widgets = [
        ...this._widgets.filter(open => !open.isDisposed),
        widget
      ];
      shell.add(widget, area, { type: 'Engine Profile' });
      void widget.content.model.load();
    }
    shell.activateById(widget.id);
  }

  private _create(name: string | null): EditorWidget {
    const { names, onCreated, service, trans } = this._options;
    const model = new EditorModel({ service, name, names, trans });
    // Ends with the model.
    model.created.connect((_, created) => onCreated(created));
    const widget = new EditorWidget(model);
    this._count += 1;
    widget.id = `jupyterlab-engines-profile-${this._count}`;
    return widget;
  }

  private readonly _options: ProfileEditor.IOptions;
  private _widgets: EditorWidget[] = [];
  private _count = 0;
}

export namespace ProfileEditor {
  export interface IOptions {
    shell: JupyterFrontEnd.IShell;
    /** Where forms open: Notebook 7 has room for one widget only in `main`. */
    area: 'main' | 'down';
    service: IProfileService;
    /** Returns the names of the profiles that there are, as far as known. */
    names: () => readonly string[];
    /** A new profile was saved. */
    onCreated: (name: string) => void;
    trans: TranslationBundle;
  }
}

/** A form in a tab, which asks before it throws changes away. */
export class EditorWidget extends MainAreaWidget<EditorContent> {
  constructor(model: EditorModel) {
    super({ content: new EditorContent(model) });
    this._model = model;
    this.toolbar.hide();
    this.title.icon = enginesIcon;
    this.title.closable = true;
    this.content.deleted = () => this.dispose();
    model.stateChanged.connect(this._onChanged, this);
    this._onChanged();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.stateChanged.disconnect(this._onChanged, this);
      super.dispose();
    }
  }

  protected override onCloseRequest(msg: Message): void {
    if (this._model.isDirty) {
      void this._closeIfWanted();
    } else {
      super.onCloseRequest(msg);
    }
  }

  /** Ask what becomes of the changes. */
  private async _closeIfWanted(): Promise<void> {
    const { trans } = this._model;
    const result = await showDialog({
      title: trans.__('Save your changes?'),
      body: trans.__(
        'The settings of “%1” were changed and not saved.',
        this._model.name ?? trans.__('New PBS profile')
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Discard'), actions: ['discard'] }),
        Dialog.okButton({ label: trans.__('Save') })
      ]
    });
    const isDiscarded = result.button.actions.includes('discard');
    if (
      result.button.accept &&
      (isDiscarded || (await this._model.save())) &&
      !this.isDisposed
    ) {
      this.dispose();
    }
  }

  private _onChanged(): void {
    const { isDirty, name, trans } = this._model;
    this.title.label =
      name === null
        ? trans.__('New PBS profile')
        : trans.__('Profile %1', name);
    this.title.className = isDirty ? 'jp-mod-dirty' : '';
  }

  private readonly _model: EditorModel;
}

class EditorContent extends VDomRenderer<EditorModel> {
  constructor(model: EditorModel) {
    super(model);
    this.addClass('jp-Engines');
    this.addClass('jp-Engines-EditorContent');
    this.node.tabIndex = -1;
  }

  /** What is done when the profile no longer exists. */
  deleted: () => void = () => undefined;

  override dispose(): void {
    if (!this.isDisposed) {
      const { model } = this;
      super.dispose();
      model.dispose();
    }
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.node.focus({ preventScroll: true });
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    return (
      <EditorView
        model={model}
        trans={model.trans}
        onSave={() => void model.save()}
        onDelete={() => void this._delete()}
      />
    );
  }

  private async _delete(): Promise<void> {
    const { name, trans } = this.model;
    const result = await showDialog({
      title: trans.__('Delete the profile %1?', name ?? ''),
      body: trans.__(
        'Its settings are deleted. Engines that were started from it, and jobs that wait in the queue, go on.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Keep') }),
        Dialog.warnButton({ label: trans.__('Delete') })
      ]
    });
    if (result.button.accept && (await this.model.remove())) {
      this.deleted();
    }
  }
}
