import type { SidePanel } from '@jupyterlab/ui-components';
import {
  launchIcon,
  PanelWithToolbar,
  ReactWidget,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { AccordionPanel } from '@lumino/widgets';
import * as React from 'react';
import type { Job } from '../api/generated';
import { Icon } from '../icon';
import { ShownWidget } from '../shownWidget';
import { clockLabel, timeOfDay } from '../times';
import type { IJobRequest, IJobStore } from '../tokens';
import { allowedActions } from './allowed';
import type { IRow } from './filter';
import { shortId, subjobsLabel } from './row';
import { OrphanNotice } from './statusLine';
import type { JobTableModel } from './tableModel';
import type { IJobHandlers } from './widget';
import {
  jobName,
  conditionIcon,
  conditionOf,
  conditionTone,
  conditionWord,
  elapsedSeconds,
  remarkOf,
  requestWord
} from './words';

/** Of clusters, jobs and engines: a card of a batch job tells most. */
const SIZES = [6, 2, 2];
/** So many jobs are in the sidebar; the others one click away. */
const FIRST_JOBS = 8;

/** The sidebar's section: the first jobs, and what opens the table. */
export class JobsSection extends PanelWithToolbar {
  constructor(options: JobsSection.IOptions) {
    super();
    const { model, onOpen } = options;
    const { trans } = model;
    this._model = model;
    this.addClass('jp-Engines-JobsSection');
    // Not ToolbarButton: that one says of any button whether it is pressed.
    const open = ReactWidget.create(
      <ToolbarButtonComponent
        icon={launchIcon}
        tooltip={trans.__('Open the job table')}
        onClick={onOpen}
      />
    );
    open.addClass('jp-ToolbarButton');
    this.toolbar.addItem('open', open);
    this.addWidget(new SectionBody(options));
    this._updateTitle();
    model.store.changed.connect(this._updateTitle, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.store.changed.disconnect(this._updateTitle, this);
      super.dispose();
    }
  }

  private _updateTitle(): void {
    const { store, trans } = this._model;
    let count = 0;
    for (const job of store.jobs.values()) {
      count += job.state === 'finished' ? 0 : 1;
    }
    this.title.label = trans.__('Jobs (%1)', count);
  }

  private readonly _model: JobTableModel;
}

export namespace JobsSection {
  export interface IOptions extends IJobHandlers {
    /** Disposed with the section. */
    model: JobTableModel;
    /** Open the table. */
    onOpen: () => void;
    /** Open the table at what carries our tag and belongs to no cluster. */
    onShowOrphans: () => void;
  }
}

class SectionBody extends ShownWidget<JobTableModel> {
  constructor(options: JobsSection.IOptions) {
    super(options.model);
    this._options = options;
    this.addClass('jp-Engines-section');
  }

  protected render(): React.JSX.Element | null {
    const { model } = this;
    const { scheduler, store, trans } = model;
    if (scheduler === null) {
      return null;
    }
    return (
      <div className="jp-Engines-JobsBrief">
        {model.isStale && scheduler.read_at !== null && (
          <p className="jp-Engines-hint">
            {trans.__(
              'As of %1; the jobs may have changed since.',
              timeOfDay(scheduler.read_at)
            )}
          </p>
        )}
        <OrphanNotice
          orphans={model.orphans}
          isBrief
          trans={trans}
          onShow={this._options.onShowOrphans}
          onDelete={this._options.onDelete}
        />
        <BriefList
          rows={model.rows}
          user={scheduler.user}
          isRead={scheduler.read_at !== null}
          now={model.now}
          requests={store.requests}
          trans={trans}
          hasMenu={job => allowedActions(job, scheduler).length > 0}
          onOpen={this._options.onOpen}
          onMenu={(job, point, anchor) =>
            this._options.onMenu(
              job.job_id,
              allowedActions(job, scheduler),
              point,
              anchor
            )
          }
        />
      </div>
    );
  }

  private readonly _options: JobsSection.IOptions;
}

export interface IBriefListProps {
  rows: readonly IRow[];
  user: string;
  /** Whether the queue was ever read. */
  isRead: boolean;
  now: number;
  requests: ReadonlyMap<string, IJobRequest>;
  trans: TranslationBundle;
  hasMenu: (job: Job) => boolean;
  onOpen: () => void;
  onMenu: (
    job: Job,
    point: { x: number; y: number },
    anchor: HTMLElement
  ) => void;
}

/** The first jobs in short. */
export function BriefList(props: IBriefListProps): React.JSX.Element {
  const { rows, trans } = props;
  if (rows.length === 0) {
    return (
      <p className="jp-Engines-hint jp-Engines-empty">
        {props.isRead
          ? trans.__('%1 has no jobs in the queue.', props.user)
          : trans.__('The queue has not been read yet.')}
      </p>
    );
  }
  return (
    <>
      <ul className="jp-Engines-BriefJobs" aria-label={trans.__('Jobs')}>
        {rows.slice(0, FIRST_JOBS).map(row => (
          <BriefRow key={row.job.job_id} row={row} {...props} />
        ))}
      </ul>
      {rows.length > FIRST_JOBS && (
        <button
          className="jp-Engines-button jp-mod-quiet"
          onClick={props.onOpen}
        >
          {trans.__('Show all %1 jobs', rows.length)}
        </button>
      )}
    </>
  );
}

function BriefRow(
  props: Omit<IBriefListProps, 'rows'> & { row: IRow }
): React.JSX.Element {
  const { now, requests, row, trans } = props;
  const { job } = row;
  const condition = conditionOf(job);
  const request = requests.get(job.job_id);
  const elapsed = elapsedSeconds(job, now);
  const word = conditionWord(condition, trans);
  const remark =
    row.subjobs === null
      ? remarkOf(job, trans)
      : subjobsLabel(row.subjobs, trans);
  return (
    <li
      className="jp-Engines-BriefJob"
      title={remark === '' ? word : trans.__('%1: %2', word, remark)}
      onContextMenu={event => {
        if (!event.shiftKey && props.hasMenu(job)) {
          event.preventDefault();
          event.stopPropagation();
          const { clientX: x, clientY: y } = event;
          props.onMenu(job, { x, y }, event.currentTarget);
        }
      }}
    >
      <Icon icon={conditionIcon(condition)} tone={conditionTone(condition)} />
      <span className="jp-Engines-JobId">{shortId(job.job_id)}</span>
      <span
        className="jp-Engines-JobName"
        title={job.cluster === null ? undefined : job.name}
      >
        {jobName(job, trans)}
      </span>
      <span className="jp-Engines-BriefJob-time">
        {request !== undefined
          ? requestWord(request.action, trans)
          : condition === 'running' && elapsed !== null
            ? clockLabel(elapsed)
            : word.toLowerCase()}
      </span>
      {props.hasMenu(job) && (
        <button
          className="jp-Engines-JobMenuButton"
          aria-label={trans.__('What can be done to %1', job.job_id)}
          title={trans.__('Hold, delete, change walltime…')}
          onClick={event => {
            const { currentTarget } = event;
            const { left, bottom } = currentTarget.getBoundingClientRect();
            props.onMenu(job, { x: left, y: bottom }, currentTarget);
          }}
        >
          ⋯
        </button>
      )}
    </li>
  );
}

/** Give a panel a section as its second as long as there is a batch system. */
export function placeSection(
  panel: SidePanel,
  section: JobsSection,
  store: IJobStore
): void {
  const place = () => {
    const isWanted =
      store.scheduler !== null && store.scheduler.dialect !== null;
    if (isWanted && section.parent === null) {
      panel.insertWidget(1, section);
      // Else it would get no height of what the others have shared among them.
      if (panel.content instanceof AccordionPanel) {
        panel.content.setRelativeSizes(SIZES);
      }
    } else if (!isWanted && section.parent !== null) {
      section.parent = null;
    }
  };
  store.changed.connect(place);
  section.disposed.connect(() => store.changed.disconnect(place));
  place();
}
