import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Job, RawJobs, SchedulerStatus } from '../api/generated';
import { Icon } from '../icon';
import type { IProblem } from '../problem';
import { ProblemView } from '../problemView';
import { ageLabel } from '../times';
import type { IView } from './filter';
import { OrphanNotice, StaleNotice, StatusLine } from './statusLine';
import { JobTable } from './table';
import type { IJobTableProps } from './table';

export interface IJobsViewProps {
  /** Null until the server has told. */
  status: SchedulerStatus | null;
  isLinkLost: boolean;
  /** The server's clock, in seconds. */
  serverNow: number;
  view: IView;
  /** Jobs there are, shown or not. */
  total: number;
  scope: 'mine' | 'all';
  showsRaw: boolean;
  raw: RawJobs | null;
  isReading: boolean;
  problem: IProblem | null;
  orphans: readonly Job[];
  table: Omit<IJobTableProps, 'trans'>;
  trans: TranslationBundle;
  onText: (text: string) => void;
  onShowsFinished: (shows: boolean) => void;
  onScope: (scope: 'mine' | 'all') => void;
  onShowsRaw: (shows: boolean) => void;
  onShowOrphans: () => void;
  onDelete: (jobId: string) => void;
  onRefresh: () => void;
}

/** The queue: who says so, what is shown of it, and the table. */
export function JobsView(props: IJobsViewProps): React.JSX.Element {
  const { status, trans } = props;
  if (status === null) {
    return (
      <p className="jp-Engines-hint jp-Engines-empty" role="status">
        {trans.__('Asking the Jupyter server for jobs…')}
      </p>
    );
  }
  if (status.dialect === null) {
    return (
      <p className="jp-Engines-hint jp-Engines-empty" role="status">
        {trans.__(
          'No batch system was found here: the Jupyter server has no qsub and qstat that answer. Engines run on its own machine.'
        )}
      </p>
    );
  }
  return (
    <div className="jp-Engines-Jobs">
      <Bar {...props} status={status} />
      <StaleNotice
        status={status}
        isLinkLost={props.isLinkLost}
        serverNow={props.serverNow}
        trans={trans}
      />
      {props.problem && <ProblemView problem={props.problem} trans={trans} />}
      {props.showsRaw ? (
        <RawView {...props} />
      ) : (
        <>
          <OrphanNotice
            orphans={props.orphans}
            trans={trans}
            onShow={props.onShowOrphans}
            onDelete={props.onDelete}
          />
          <Content {...props} />
        </>
      )}
    </div>
  );
}

function Bar(
  props: IJobsViewProps & { status: SchedulerStatus }
): React.JSX.Element {
  const { status, trans, view } = props;
  const { rows } = props.table;
  return (
    <div className="jp-Engines-JobsBar">
      <StatusLine
        status={status}
        isLinkLost={props.isLinkLost}
        serverNow={props.serverNow}
        trans={trans}
      />
      <div className="jp-Engines-JobsControls">
        {!props.showsRaw && (
          <>
            <FilterField text={view.text} trans={trans} onText={props.onText} />
            <span role="status" className="jp-Engines-JobsCount">
              {view.text === ''
                ? trans._n('%1 job', '%1 jobs', rows.length)
                : trans.__('%1 of %2', rows.length, props.total)}
            </span>
            <Check
              label={trans.__('finished')}
              isChecked={view.showsFinished}
              onChange={props.onShowsFinished}
            />
            {status.all_users && (
              <Check
                label={trans.__('all users')}
                isChecked={props.scope === 'all'}
                onChange={isAll => props.onScope(isAll ? 'all' : 'mine')}
              />
            )}
          </>
        )}
        <Check
          label={trans.__('raw')}
          title={trans.__('Show the table in PBS’s own words')}
          isChecked={props.showsRaw}
          onChange={props.onShowsRaw}
        />
        <button
          className="jp-Engines-button jp-mod-quiet jp-Engines-iconButton"
          aria-label={trans.__('Refresh jobs')}
          title={trans.__('Ask the scheduler again now')}
          aria-disabled={props.isReading}
          onClick={() => {
            if (!props.isReading) {
              props.onRefresh();
            }
          }}
        >
          <Icon icon={refreshIcon} />
        </button>
      </div>
    </div>
  );
}

/**
 * Where one types what to look for.
 *
 * #### Notes
 * The document has its text, not React: the model renders a frame later, and a field that
 * were put back until then would lose letters that are typed fast.
 */
function FilterField(props: {
  text: string;
  trans: TranslationBundle;
  onText: (text: string) => void;
}): React.JSX.Element {
  const { text, trans } = props;
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    const element = field.current;
    if (element !== null && element.ownerDocument.activeElement !== element) {
      element.value = text;
    }
  });
  return (
    <input
      ref={field}
      type="search"
      className="jp-Engines-input"
      aria-label={trans.__('Filter jobs')}
      placeholder={trans.__('Filter by id, name, queue, state, host…')}
      defaultValue={text}
      onChange={event => props.onText(event.target.value)}
    />
  );
}

function Check(props: {
  label: string;
  title?: string;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
}): React.JSX.Element {
  // The model renders a frame later: until then the box would be put back.
  const [isChecked, setChecked] = React.useState(props.isChecked);
  React.useEffect(() => setChecked(props.isChecked), [props.isChecked]);
  return (
    <label className="jp-Engines-JobsCheck" title={props.title}>
      <input
        type="checkbox"
        checked={isChecked}
        onChange={event => {
          setChecked(event.target.checked);
          props.onChange(event.target.checked);
        }}
      />
      {props.label}
    </label>
  );
}

/** The table; or why there is none, which is never that nobody answered. */
function Content(props: IJobsViewProps): React.JSX.Element {
  const { status, trans, view } = props;
  if (props.table.rows.length > 0) {
    return <JobTable {...props.table} trans={trans} />;
  }
  return (
    <p className="jp-Engines-hint jp-Engines-empty" role="status">
      {status?.read_at === null || status === null
        ? trans.__('The queue has not been read yet.')
        : view.text !== ''
          ? trans.__('No job matches the filter.')
          : props.total > 0
            ? trans.__('All jobs have finished. Tick “finished” to see them.')
            : trans.__('%1 has no jobs in the queue.', status.user)}
    </p>
  );
}

function RawView(props: IJobsViewProps): React.JSX.Element {
  const { raw, trans } = props;
  if (raw === null) {
    return (
      <p className="jp-Engines-hint jp-Engines-empty" role="status">
        {props.isReading ? trans.__('Asking the scheduler…') : ''}
      </p>
    );
  }
  return (
    <div className="jp-Engines-JobsRaw">
      <p className="jp-Engines-hint">
        <code>{raw.command}</code>
        {' · '}
        {ageLabel(props.serverNow - raw.read_at, trans)}
      </p>
      <pre tabIndex={0} aria-label={trans.__('What the scheduler printed')}>
        {raw.text === '' ? trans.__('(It printed nothing.)') : raw.text}
      </pre>
    </div>
  );
}
