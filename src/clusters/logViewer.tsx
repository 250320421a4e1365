import { Clipboard, MainAreaWidget } from '@jupyterlab/apputils';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';
import { enginesIcon } from '../icons';
import type { IClusterManager, ILogViewer } from '../tokens';
import { LogModel } from './logModel';
import { LogView } from './logView';

/** Opens one log widget a cluster. */
export class LogViewer implements ILogViewer {
  constructor(options: LogViewer.IOptions) {
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
      shell.add(widget, area, { mode: 'split-bottom', type: 'Engine Log' });
    }
    shell.activateById(widget.id);
  }

  private _create(key: string): MainAreaWidget<LogContent> {
    const { manager, trans } = this._options;
    const content = new LogContent(new LogModel({ key, manager, trans }));
    const widget = new MainAreaWidget({ content });
    widget.id = `jupyterlab-engines-log-${encodeURIComponent(key)}`;
    widget.title.label = trans.__('Log of %1', key);
    widget.title.icon = enginesIcon;
    widget.title.closable = true;
    widget.toolbar.hide();
    return widget;
  }

  private readonly _options: LogViewer.IOptions;
  private readonly _widgets = new Map<string, MainAreaWidget<LogContent>>();
}

export namespace LogViewer {
  export interface IOptions {
    shell: JupyterFrontEnd.IShell;
    /** Where logs open: Notebook 7 has room for one widget only in `main`. */
    area: 'main' | 'down';
    manager: IClusterManager;
    trans: TranslationBundle;
  }
}

class LogContent extends VDomRenderer<LogModel> {
  constructor(model: LogModel) {
    super(model);
    this.addClass('jp-Engines');
    this.addClass('jp-Engines-LogContent');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      const { model } = this;
      super.dispose();
      model.dispose();
    }
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    return (
      <LogView
        clusterKey={model.key}
        source={model.source}
        log={model.log}
        problem={model.problem}
        isLoading={model.isLoading}
        trans={model.trans}
        onSource={source => void model.setSource(source)}
        onRefresh={() => void model.refresh()}
        onCopy={text => Clipboard.copyToSystem(text)}
      />
    );
  }
}
