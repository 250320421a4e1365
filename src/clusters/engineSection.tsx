import * as React from 'react';
import { ShownWidget } from '../shownWidget';
import { EngineTable } from './engineTable';
import type { EngineTableModel } from './engineTableModel';

/** The sidebar's section: the engines of all clusters that have some. */
export class EnginesSection extends ShownWidget<EngineTableModel> {
  /** @param model - Disposed with the section. */
  constructor(model: EngineTableModel, onOpen?: (key: string) => void) {
    super(model);
    this._onOpen = onOpen;
    this.addClass('jp-Engines-section');
    this.title.label = model.trans.__('Engines by rank');
    // It scrolls, and the keyboard must be able to.
    this.node.tabIndex = 0;
  }

  protected render(): React.JSX.Element {
    const { manager, now, trans } = this.model;
    // A failed cluster's table still tells which rank was lost.
    const clusters = manager.clusters.filter(
      ({ engines, state }) => engines.length > 0 && state !== 'stopped'
    );
    if (clusters.length === 0) {
      return (
        <p className="jp-Engines-hint jp-Engines-empty">
          {trans.__('Engines show up here as they register.')}
        </p>
      );
    }
    return (
      <>
        {clusters.map(cluster => (
          <EngineTable
            key={cluster.key}
            cluster={cluster}
            activity={this.model.activityOf(cluster.key)}
            link={manager.link}
            now={now}
            trans={trans}
            {...(this._onOpen !== undefined && { onOpen: this._onOpen })}
          />
        ))}
      </>
    );
  }

  private readonly _onOpen: ((key: string) => void) | undefined;
}
