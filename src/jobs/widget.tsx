import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { ShownWidget } from '../shownWidget';
import { allowedActions } from './allowed';
import type { JobAction } from './allowed';
import type { JobTableModel } from './tableModel';
import { JobsView } from './view';

/** What a view of the jobs has others do. */
export interface IJobHandlers {
  onDelete: (jobId: string) => void;
  onMenu: (
    jobId: string,
    actions: readonly JobAction[],
    point: { x: number; y: number },
    anchor: HTMLElement
  ) => void;
}

/** The content of the main area's Jobs tab. */
export class JobsWidget extends ShownWidget<JobTableModel> {
  /** @param model - Disposed with the widget. */
  constructor(model: JobTableModel, handlers: IJobHandlers) {
    super(model);
    this._handlers = handlers;
    this.addClass('jp-Engines');
    this.addClass('jp-Engines-JobsWidget');
  }

  /** Takes the keyboard along when a command shows the tab. */
  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    const grid = this.node.querySelector<HTMLElement>('[role="grid"]');
    (grid ?? this.node).focus({ preventScroll: true });
  }

  protected render(): React.JSX.Element {
    const { model } = this;
    const { manager, store, trans, view } = model;
    return (
      <JobsView
        status={model.scheduler}
        isLinkLost={manager.link.state === 'lost'}
        serverNow={manager.serverNow()}
        view={view}
        total={model.jobs.size}
        scope={model.scope}
        showsRaw={model.showsRaw}
        raw={model.raw}
        isReading={model.isReading}
        problem={model.problem}
        orphans={model.orphans}
        trans={trans}
        table={{
          rows: model.rows,
          column: view.column,
          isDescending: view.isDescending,
          showsOwner: model.scope === 'all',
          isStale: model.isStale,
          now: model.now,
          requests: store.requests,
          hasMenu: ({ job }) => allowedActions(job, model.scheduler).length > 0,
          onSort: column => model.sortBy(column),
          onFold: (jobId, isOpen) => model.setOpen(jobId, isOpen),
          onMenu: ({ job }, point, anchor) =>
            this._handlers.onMenu(
              job.job_id,
              allowedActions(job, model.scheduler),
              point,
              anchor
            )
        }}
        onText={text => model.setText(text)}
        onShowsFinished={shows => model.setShowsFinished(shows)}
        onScope={scope => model.setScope(scope)}
        onShowsRaw={shows => model.setShowsRaw(shows)}
        onShowOrphans={() => model.showOrphans()}
        onDelete={this._handlers.onDelete}
        onRefresh={() => void model.refresh()}
      />
    );
  }

  private readonly _handlers: IJobHandlers;
}
