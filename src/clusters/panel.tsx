import { Clipboard } from '@jupyterlab/apputils';
import { SidePanel, VDomRenderer } from '@jupyterlab/ui-components';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { AccordionPanel } from '@lumino/widgets';
import * as React from 'react';
import { enginesIcon } from '../icons';
import type { ICardActions } from './card';
import { askOwnName } from './dialogs';
import { ClusterList } from './clusterList';
import type { EnginesSection } from './engineSection';
import { PanelHeader } from './panelHeader';
import { PANEL_ID } from './panelId';
import type { PanelModel } from './panelModel';
import { lacksProfile } from './schedulerWords';
import type { StartModel } from './startModel';
import type { IStartResourcesProps } from './startResources';

/** What the panel has others do. */
export interface IPanelActions extends ICardActions {
  onNewProfile: () => void;
  onEditProfile: (name: string) => void;
  /** Open the menu of what is done rarely at this place of the page. */
  onMenu: (x: number, y: number) => void;
}

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

    this.header.addWidget(
      new PanelHeader({ trans, onMenu: options.actions.onMenu })
    );

    this.addWidget(new ClustersSection(model, options.actions));
    this.addWidget(options.engines);
    // Cards hold more than rows do: sentences, stages, buttons.
    if (this.content instanceof AccordionPanel) {
      this.content.setRelativeSizes([3, 1]);
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
    /** Disposed with the panel. */
    engines: EnginesSection;
    actions: IPanelActions;
    translator: ITranslator;
  }
}

/** The form and the cards. */
class ClustersSection extends VDomRenderer<PanelModel> {
  constructor(model: PanelModel, actions: IPanelActions) {
    super(model);
    this._actions = actions;
    this.addClass('jp-Engines-section');
    this.title.label = model.trans.__('Clusters');
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    const { manager, scheduler, start, trans } = model;
    const { onEditProfile, onNewProfile } = this._actions;
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
        scheduler={
          scheduler && {
            status: scheduler,
            lacksProfile: lacksProfile(scheduler, manager.profiles),
            isRefreshing: model.isRefreshing,
            trans,
            onRefresh: () => void model.refresh(),
            onNewProfile
          }
        }
        form={{
          profiles: start.profiles,
          profile: start.profile,
          enginesText: start.enginesText,
          fieldError: start.fieldError,
          problem: start.problem,
          obstacle: start.obstacle,
          isPending: start.isPending,
          resources: resourcesOf(start, trans, onEditProfile),
          trans,
          onProfile: name => start.setProfile(name),
          onEngines: text => start.setEnginesText(text),
          onEnginesDone: () => start.judgeEngines(),
          onStart: () => void start.submit(),
          onUse: () => void useProfile(start, trans)
        }}
      />
    );
  }

  private readonly _actions: IPanelActions;
}

/** What the form shows of the job; null for engines of this machine. */
function resourcesOf(
  { profile, resources }: StartModel,
  trans: TranslationBundle,
  onEditProfile: (name: string) => void
): IStartResourcesProps | null {
  if (profile === null || !resources.isOffered || profile.origin === 'site') {
    return null;
  }
  const { preview } = resources;
  return {
    resources: resources.resources,
    texts: resources.texts,
    problems: resources.problems,
    queues: resources.queues,
    locked: profile.locked,
    isOpen: resources.isOpen,
    isChanged: resources.isChanged,
    showsScript: resources.showsScript,
    scripts: preview.scripts,
    scriptProblem: preview.problem,
    isStale: preview.isStale,
    trans,
    onToggle: () => resources.toggle(),
    onText: (field, text) => resources.setText(field, text),
    onReset: () => resources.reset(),
    onToggleScript: () => resources.toggleScript(),
    onEdit: () => onEditProfile(profile.name)
  };
}

/** Make the chosen profile of the site the user's own. */
async function useProfile(
  start: StartModel,
  trans: TranslationBundle
): Promise<void> {
  const name = start.profile?.name;
  const ownName = name === undefined ? null : await askOwnName(name, trans);
  if (ownName !== null) {
    await start.adopt(ownName);
  }
}
