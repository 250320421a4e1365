import type { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon, ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Icon } from '../icon';

/** The panel's name, and the menu of what is done rarely. */
export class PanelHeader extends ReactWidget {
  constructor(options: PanelHeader.IOptions) {
    super();
    this._options = options;
    this.addClass('jp-Engines-header');
  }

  protected render(): React.JSX.Element {
    const { onMenu, trans } = this._options;
    return (
      <>
        <h2 className="jp-Engines-title">{trans.__('Engines')}</h2>
        <button
          type="button"
          className="jp-Engines-IconButton"
          aria-haspopup="menu"
          aria-label={trans.__('More about engines')}
          title={trans.__('More about engines')}
          onClick={event => {
            const { left, bottom } =
              event.currentTarget.getBoundingClientRect();
            onMenu(left, bottom);
          }}
        >
          <Icon icon={ellipsesIcon} />
        </button>
      </>
    );
  }

  private readonly _options: PanelHeader.IOptions;
}

export namespace PanelHeader {
  export interface IOptions {
    trans: TranslationBundle;
    /** Open the menu at this place of the page. */
    onMenu: (x: number, y: number) => void;
  }
}
