import { Clipboard } from '@jupyterlab/apputils';
import { SidePanel, VDomRenderer } from '@jupyterlab/ui-components';
import type { ITranslator } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { AccordionPanel, Widget } from '@lumino/widgets';
import * as React from 'react';
import { enginesIcon } from '../icons';
import type { ICardActions } from './card';
import { ClusterList } from './clusterList';
import { EngineTable } from './engineTable';
import { PANEL_ID } from './panelId';
import type { PanelModel } from './panelModel';

/** The sidebar panel: clusters, and their engines by rank. */
export class EnginesPanel extends SidePanel {
  constructor(options: EnginesPanel.IOptions) {
    super({ translator: options.translator });
    const { model } = options;
    const { trans } = model;
    this._model = model;
    this.id = PANEL_ID;
    this.addClass('jp-Engines');
    this.title.icon = enginesIcon;
    this.title.caption = trans.__('Engines');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Engines'));
    this.node.tabIndex = -1;

    const title = document.createElement('h2');
    title.className = 'jp-Engines-title';
    title.textContent = trans.__('Engines');
    this.header.addWidget(new Widget({ node: title }));

    this.addWidget(new ClustersSection(model, options.actions));
    this.addWidget(new EnginesSection(model));
    // Cards hold more than rows do: sentences, stages, buttons.
    if (this.content instanceof AccordionPanel) {
      this.content.setRelativeSizes([3, 2]);
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this._model.dispose();
    }
  }

  /** Takes the keyboard along when a command shows the panel. */
  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.node.focus({ preventScroll: true });
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._model.isVisible = true;
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._model.isVisible = false;
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._model.isVisible = this.isVisible;
  }

  private readonly _model: PanelModel;
}

export namespace EnginesPanel {
  export interface IOptions {
    /** Disposed with the panel. */
    model: PanelModel;
    actions: ICardActions;
    translator: ITranslator;
  }
}

/** The form and the cards. */
class ClustersSection extends VDomRenderer<PanelModel> {
  constructor(model: PanelModel, actions: ICardActions) {
    super(model);
    this._actions = actions;
    this.addClass('jp-Engines-section');
    this.title.label = model.trans.__('Clusters');
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    const { manager, start, trans } = model;
    return (
      <ClusterList
        link={manager.link}
        isKnown={manager.isKnown}
        clusters={manager.clusters}
        now={manager.serverNow()}
        announcement={model.announcement}
        trans={trans}
        notebooksOf={key => model.notebooksOf(key)}
        onRetry={() => manager.retry()}
        onCopy={text => Clipboard.copyToSystem(text)}
        {...this._actions}
        form={{
          profiles: start.profiles,
          profile: start.profile,
          enginesText: start.enginesText,
          fieldError: start.fieldError,
          problem: start.problem,
          isPending: start.isPending,
          trans,
          onProfile: name => start.setProfile(name),
          onEngines: text => start.setEnginesText(text),
          onStart: () => void start.submit()
        }}
      />
    );
  }

  private readonly _actions: ICardActions;
}

/** The engines of all clusters that have some. */
class EnginesSection extends VDomRenderer<PanelModel> {
  constructor(model: PanelModel) {
    super(model);
    this.addClass('jp-Engines-section');
    this.title.label = model.trans.__('Engines by rank');
  }

  protected render(): React.JSX.Element {
    const { manager, trans } = this.model;
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
          <EngineTable key={cluster.key} cluster={cluster} trans={trans} />
        ))}
      </>
    );
  }
}
