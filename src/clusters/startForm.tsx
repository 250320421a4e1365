import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Profile } from '../api/generated';
import { codeText } from '../codeText';
import { plainText } from '../plainText';
import { ProblemView } from '../problemView';
import type { IProblem } from '../problem';
import { StartResources } from './startResources';
import type { IStartResourcesProps } from './startResources';

export interface IStartFormProps {
  profiles: readonly Profile[];
  profile: Profile | null;
  enginesText: string;
  fieldError: string | null;
  problem: IProblem | null;
  /** What keeps the job from being accepted. */
  obstacle: string | null;
  isPending: boolean;
  /** What the job asks for; null for engines of this machine. */
  resources: IStartResourcesProps | null;
  trans: TranslationBundle;
  onProfile: (name: string) => void;
  onEngines: (text: string) => void;
  /** The user has left the field. */
  onEnginesDone: () => void;
  onStart: () => void;
  /** Make the chosen profile of the site the user's own. */
  onUse: () => void;
}

/** Chooses profile and number of engines, and starts them. */
export function StartForm(props: IStartFormProps): React.JSX.Element {
  const { profile, trans } = props;
  const id = React.useId();
  const field = React.useRef<HTMLInputElement>(null);
  const isAsked = React.useRef(false);
  const { fieldError } = props;

  const isSite = profile?.origin === 'site';
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (isSite) {
      props.onUse();
    } else if (!props.isPending && props.obstacle === null) {
      props.onStart();
      if (fieldError !== null) {
        field.current?.focus(); // It was checked while typing, and is still wrong.
      } else {
        isAsked.current = true;
      }
    }
  };
  // Only for a message that Start brought: one that comes while typing must not take the keyboard
  // from where the user has gone since.
  const hasError = fieldError !== null;
  React.useEffect(() => {
    if (hasError && isAsked.current) {
      field.current?.focus();
    }
    isAsked.current = false;
  }, [hasError]);

  if (profile === null) {
    return (
      <p className="jp-Engines-hint">
        {trans.__(
          'There is no profile to start engines from. The built-in profile “local” should be here: restart the Jupyter server, and report it if it stays away.'
        )}
      </p>
    );
  }

  const cannotStart = !profile.startable && !isSite;
  // What a job asks for says its own button.
  const hasSummary = cannotStart || props.resources === null;
  const summaryId = hasSummary ? `${id}-summary` : undefined;
  const own = props.profiles.filter(({ origin }) => origin !== 'site');
  const site = props.profiles.filter(({ origin }) => origin === 'site');
  const options = (profiles: readonly Profile[]) =>
    profiles.map(({ name }) => (
      <option key={name} value={name}>
        {name}
      </option>
    ));
  return (
    <form
      className="jp-Engines-StartForm"
      aria-label={trans.__('Start engines')}
      noValidate
      onSubmit={submit}
    >
      <div className="jp-Engines-StartForm-fields">
        <label className="jp-Engines-field jp-mod-grow">
          <span className="jp-Engines-label">{trans.__('Profile')}</span>
          <select
            className="jp-Engines-input"
            value={profile.name}
            onChange={event => props.onProfile(event.target.value)}
            aria-describedby={summaryId}
          >
            {options(own)}
            {site.length > 0 && (
              <optgroup label={trans.__('From your site')}>
                {options(site)}
              </optgroup>
            )}
          </select>
        </label>
        <label className="jp-Engines-field">
          <span className="jp-Engines-label">{trans.__('Engines')}</span>
          <input
            ref={field}
            className="jp-Engines-input jp-Engines-StartForm-count"
            type="text"
            inputMode="numeric"
            autoComplete="off"
            value={props.enginesText}
            onChange={event => {
              isAsked.current = false;
              props.onEngines(event.target.value);
            }}
            onBlur={props.onEnginesDone}
            aria-invalid={hasError}
            aria-describedby={hasError ? `${id}-error` : summaryId}
          />
        </label>
        <button
          type="submit"
          className="jp-Engines-button jp-mod-primary"
          aria-disabled={
            props.isPending || cannotStart || props.obstacle !== null
          }
          title={
            isSite
              ? trans.__('Make a copy of %1 that is yours', profile.name)
              : cannotStart
                ? (profile.problem ?? '')
                : props.obstacle === null
                  ? trans.__('Start a controller and its engines')
                  : plainText(props.obstacle)
          }
        >
          {isSite
            ? trans.__('Use…')
            : props.isPending
              ? trans.__('Starting…')
              : trans.__('Start')}
        </button>
      </div>
      {hasError && (
        <p id={`${id}-error`} role="alert" className="jp-Engines-fieldError">
          {fieldError}
        </p>
      )}
      {hasSummary && (
        <p
          id={`${id}-summary`}
          className={cannotStart ? 'jp-Engines-fieldError' : 'jp-Engines-hint'}
        >
          {cannotStart ? (profile.problem ?? profile.summary) : profile.summary}
        </p>
      )}
      <Notes key={profile.name} notes={profile.notes} trans={trans} />
      {props.resources && <StartResources {...props.resources} />}
      {props.problem && <ProblemView problem={props.problem} trans={trans} />}
    </form>
  );
}

/** What to know of the profile, e.g. which of its old keys mean nothing any more, and what does. */
function Notes(props: {
  notes: readonly string[];
  trans: TranslationBundle;
}): React.JSX.Element | null {
  return props.notes.length === 0 ? null : (
    <details className="jp-Engines-Output">
      <summary>
        {props.trans._n(
          '%1 note on this profile',
          '%1 notes on this profile',
          props.notes.length
        )}
      </summary>
      <ul className="jp-Engines-Notes">
        {props.notes.map(note => (
          <li key={note}>{codeText(note)}</li>
        ))}
      </ul>
    </details>
  );
}
