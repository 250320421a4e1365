import { Clipboard, MainAreaWidget } from '@jupyterlab/apputils';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { enginesIcon } from '../icons';
import type { IEngineViewer } from '../tokens';
import { ShownWidget } from '../shownWidget';
import { EngineTableModel } from './engineTableModel';
import { EngineView } from './engineView';

/** Opens one table of engines a cluster. */
export class EngineViewer implements IEngineViewer {
  constructor(options: EngineViewer.IOptions) {
    this._options = options;
  }

  open(key: string): void {
    const { shell, area } = this._options;
    let widget = this._widgets.get(key);
    if (widget === undefined || widget.isDisposed) {
      widget = this._create(key);
      this._widgets.set(key, widget);
    }
    if (!widget.isAttached) {
      shell.add(widget, area, { mode: 'split-bottom', type: 'Engine Table' });
    }
    shell.activateById(widget.id);
  }

  private _create(key: string): MainAreaWidget<EngineContent> {
    const { onInterrupt, onRestart, trans } = this._options;
    const content = new EngineContent(
      key,
      new EngineTableModel(this._options),
      {
        onInterrupt,
        onRestart
      }
    );
    const widget = new MainAreaWidget({ content });
    widget.id = `jupyterlab-engines-table-${encodeURIComponent(key)}`;
    widget.title.label = trans.__('Engines of %1', key);
    widget.title.icon = enginesIcon;
    widget.title.closable = true;
    widget.toolbar.hide();
    return widget;
  }

  private readonly _options: EngineViewer.IOptions;
  private readonly _widgets = new Map<string, MainAreaWidget<EngineContent>>();
}

interface IEngineHandlers {
  onInterrupt: (key: string) => void;
  onRestart: (key: string) => void;
}

export namespace EngineViewer {
  export interface IOptions extends EngineTableModel.IOptions, IEngineHandlers {
    shell: JupyterFrontEnd.IShell;
    /** Where tables open: Notebook 7 has room for one widget only in `main`. */
    area: 'main' | 'down';
    trans: TranslationBundle;
  }
}

class EngineContent extends ShownWidget<EngineTableModel> {
  constructor(key: string, model: EngineTableModel, handlers: IEngineHandlers) {
    super(model);
    this._key = key;
    this._handlers = handlers;
    this.addClass('jp-Engines');
    this.addClass('jp-Engines-EngineContent');
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    return (
      <EngineView
        clusterKey={this._key}
        cluster={model.manager.get(this._key)}
        activity={model.activityOf(this._key)}
        link={model.manager.link}
        now={model.now}
        column={model.column}
        isDescending={model.isDescending}
        trans={model.trans}
        onSort={column => model.sortBy(column)}
        onRetry={() => model.manager.retry()}
        onCopy={text => Clipboard.copyToSystem(text)}
        {...this._handlers}
      />
    );
  }

  private readonly _key: string;
  private readonly _handlers: IEngineHandlers;
}
