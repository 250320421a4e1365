import {
  Dialog,
  InputDialog,
  ReactWidget,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Cluster, Job } from '../api/generated';
import { clockLabel } from '../times';
import { parseClock, walltimeProblem } from './times';
import {
  conditionOf,
  conditionWord,
  elapsedSeconds,
  hostsLabel
} from './words';

/** Ask for one of several jobs. */
export async function chooseJob(
  jobs: readonly Job[],
  title: string,
  trans: TranslationBundle
): Promise<Job | null> {
  const labels = jobs.map(job =>
    trans.__(
      '%1 %2 (%3)',
      job.job_id,
      job.name,
      conditionWord(conditionOf(job), trans).toLowerCase()
    )
  );
  const result = await InputDialog.getItem({
    title,
    label: trans.__('Job'),
    items: labels
  });
  const index = result.value === null ? -1 : labels.indexOf(result.value);
  return result.button.accept ? (jobs[index] ?? null) : null;
}

/** Say what dies with a job. */
export function deleteSentences(
  job: Job,
  subjobs: readonly Job[],
  cluster: Cluster | null,
  now: number,
  trans: TranslationBundle
): string[] {
  const sentences: string[] = [];
  if (job.cluster !== null) {
    const engines = cluster?.engines_requested ?? 0;
    sentences.push(
      engines > 0
        ? trans._n(
            'It runs the cluster %2: its %1 engine ends, and all variables on it are lost.',
            'It runs the cluster %2: its %1 engines end, and all variables on them are lost.',
            engines,
            job.cluster
          )
        : trans.__(
            'It runs the cluster %1: its engines end, and all variables on them are lost.',
            job.cluster
          )
    );
  }
  if (subjobs.length > 0) {
    const running = subjobs.filter(({ state }) => state === 'running').length;
    sentences.push(
      trans._n(
        'It is an array: %1 subjob that has not finished ends, %2 of them running.',
        'It is an array: %1 subjobs that have not finished end, %2 of them running.',
        subjobs.length,
        running
      )
    );
    return sentences;
  }
  const elapsed = elapsedSeconds(job, now);
  if (job.state === 'running' && elapsed !== null) {
    sentences.push(
      trans.__(
        'It has run for %1 on %2; what it has not written to disk is lost.',
        clockLabel(elapsed),
        hostsLabel(job) || trans.__('hosts that are not known')
      )
    );
  } else if (job.state === 'queued' || job.state === 'held') {
    sentences.push(
      trans.__('It has not started; it loses its place in the queue.')
    );
  }
  return sentences;
}

/** Ask whether to delete a job, saying what dies with it. */
export async function confirmDelete(
  job: Job,
  subjobs: readonly Job[],
  cluster: Cluster | null,
  now: number,
  trans: TranslationBundle
): Promise<boolean> {
  const result = await showDialog({
    title: trans.__('Delete job %1, %2?', job.job_id, job.name),
    body: ReactWidget.create(
      <div className="jp-Engines-DialogBody">
        {deleteSentences(job, subjobs, cluster, now, trans).map(sentence => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
    ),
    // Enter alone destroys nothing.
    defaultButton: 0,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep') }),
      Dialog.warnButton({ label: trans.__('Delete') })
    ]
  });
  return result.button.accept;
}

/** Ask for a walltime; what is wrong with it is said at the field. In seconds, null: cancelled. */
export async function askWalltime(
  job: Job,
  trans: TranslationBundle
): Promise<number | null> {
  let text =
    job.walltime_seconds === null ? '' : clockLabel(job.walltime_seconds);
  for (;;) {
    const result = await showDialog({
      title: trans.__('Walltime of job %1, %2', job.job_id, job.name),
      body: new WalltimeBody(text, trans),
      focusNodeSelector: 'input',
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Change walltime') })
      ]
    });
    if (!result.button.accept) {
      return null;
    }
    text = result.value ?? '';
    // The dialog itself only sees what a pattern can tell.
    if (walltimeProblem(text, trans) === null) {
      return parseClock(text);
    }
  }
}

/** The field for a walltime. */
class WalltimeBody extends ReactWidget implements Dialog.IBodyWidget {
  constructor(text: string, trans: TranslationBundle) {
    super();
    this._text = text;
    this._trans = trans;
    this.addClass('jp-Engines-DialogBody');
  }

  getValue(): string {
    return this._text;
  }

  protected render(): React.JSX.Element {
    return (
      <WalltimeField
        text={this._text}
        trans={this._trans}
        onText={text => {
          this._text = text;
        }}
      />
    );
  }

  private _text: string;
  private readonly _trans: TranslationBundle;
}

/** A field for `HH:MM:SS` that says what is wrong while one types. */
export function WalltimeField(props: {
  text: string;
  trans: TranslationBundle;
  onText: (text: string) => void;
}): React.JSX.Element {
  const { trans } = props;
  const id = React.useId();
  const [text, setText] = React.useState(props.text);
  const problem = walltimeProblem(text, trans);
  return (
    <div className="jp-Engines-field">
      <label className="jp-Engines-label" htmlFor={id}>
        {trans.__('Walltime, HH:MM:SS')}
      </label>
      <input
        id={id}
        className="jp-Engines-input"
        value={text}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-error`}
        required
        // The dialog asks the browser, before React, whether its fields are valid.
        pattern="\s*(?!0+:00:)\d{1,4}:[0-5]\d:[0-5]\d\s*"
        onChange={event => {
          setText(event.target.value);
          props.onText(event.target.value);
        }}
      />
      <p
        id={`${id}-error`}
        className="jp-Engines-fieldError"
        aria-live="polite"
      >
        {text === '' ? '' : problem}
      </p>
    </div>
  );
}
