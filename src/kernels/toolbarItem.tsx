import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Icon } from '../icon';
import type { IClusterManager, IEngineConnector } from '../tokens';
import { pxIcon } from '../icons';
import { notebookStatus, withAutopx } from './status';
import type { INotebookStatus } from './status';

export interface INotebookEnginesProps {
  status: INotebookStatus;
  /** @param anchor - The button, for a menu to hang on. */
  onClick: (anchor: HTMLElement) => void;
}

/** The notebook's cluster, and whether it is alive. */
export function NotebookEngines({
  status,
  onClick
}: INotebookEnginesProps): React.JSX.Element {
  return (
    <button
      className="jp-Engines-ToolbarButton"
      data-tone={status.tone}
      title={status.caption}
      aria-label={status.label}
      aria-description={status.caption}
      aria-haspopup={status.action === 'menu' ? 'menu' : undefined}
      onClick={event => onClick(event.currentTarget)}
    >
      <Icon icon={status.icon} tone={status.tone} />
      <span className="jp-Engines-ToolbarButton-label">{status.label}</span>
      {status.hasAutopx && <Icon icon={pxIcon} tone={status.tone} />}
    </button>
  );
}

/** The toolbar item of one notebook. */
export class NotebookEnginesItem extends ReactWidget {
  constructor(options: NotebookEnginesItem.IOptions) {
    super();
    this._options = options;
    this.addClass('jp-Engines-ToolbarItem');
    options.manager.changed.connect(this._onChanged, this);
    options.connector.changed.connect(this._onChanged, this);
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._options.manager.changed.disconnect(this._onChanged, this);
    this._options.connector.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected render(): React.JSX.Element {
    const { manager, connector, path, trans } = this._options;
    const connection = connector.connectionOf(path());
    const cluster =
      'key' in connection ? manager.get(connection.key) : undefined;
    const status = withAutopx(
      notebookStatus(connection, cluster, trans),
      connector.hasAutopx(path()),
      trans
    );
    return (
      <NotebookEngines
        status={status}
        onClick={anchor =>
          status.action === 'reattach'
            ? this._options.onReattach(path())
            : this._options.onMenu(path(), anchor)
        }
      />
    );
  }

  private _onChanged(): void {
    this.update();
  }

  private readonly _options: NotebookEnginesItem.IOptions;
}

export namespace NotebookEnginesItem {
  export interface IOptions {
    manager: IClusterManager;
    connector: IEngineConnector;
    /** Returns the notebook's path, which changes when it is renamed. */
    path: () => string;
    trans: TranslationBundle;
    onReattach: (path: string) => void;
    onMenu: (path: string, anchor: HTMLElement) => void;
  }
}
