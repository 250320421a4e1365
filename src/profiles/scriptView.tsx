import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Script } from '../api/generated';
import { ProblemView } from '../problemView';
import type { IProblem } from '../problem';

export interface IScriptViewProps {
  scripts: readonly Script[];
  /** Why they could not be made. */
  problem: IProblem | null;
  /** They are not yet of what the form says. */
  isStale: boolean;
  trans: TranslationBundle;
}

/** Each script exactly as it is submitted, and how it differs from the site's template. */
export function ScriptView(props: IScriptViewProps): React.JSX.Element {
  const { scripts, trans } = props;
  const id = React.useId();
  const [role, setRole] = React.useState<Script['role'] | null>(null);
  const [showsDiff, setShowsDiff] = React.useState(false);
  const script = scripts.find(s => s.role === role) ?? scripts[0] ?? null;

  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined && script !== null) {
      event.preventDefault();
      const index = scripts.indexOf(script) + step + scripts.length;
      const next = scripts[index % scripts.length];
      if (next !== undefined) {
        setRole(next.role);
        document.getElementById(`${id}-${next.role}`)?.focus();
      }
    }
  };

  return (
    <div className="jp-Engines-Script" aria-busy={props.isStale}>
      {scripts.length > 1 && (
        <div
          role="tablist"
          aria-label={trans.__('Scripts')}
          className="jp-Engines-tabs"
          onKeyDown={onKeyDown}
        >
          {scripts.map(({ role: name }) => (
            <button
              key={name}
              id={`${id}-${name}`}
              type="button"
              role="tab"
              aria-selected={name === script?.role}
              aria-controls={`${id}-panel`}
              tabIndex={name === script?.role ? 0 : -1}
              className="jp-Engines-tab"
              onClick={() => setRole(name)}
            >
              {roleLabel(name, trans)}
            </button>
          ))}
        </div>
      )}
      {props.problem && <ProblemView problem={props.problem} trans={trans} />}
      {script === null ? (
        props.problem === null && (
          <p className="jp-Engines-hint">
            {props.isStale
              ? trans.__('Asking for the script…')
              : trans.__('There is no script as long as something is wrong.')}
          </p>
        )
      ) : (
        <div
          id={`${id}-panel`}
          className="jp-Engines-Script-panel"
          {...(scripts.length > 1 && {
            role: 'tabpanel',
            'aria-labelledby': `${id}-${script.role}`
          })}
        >
          {script.diff !== null && (
            <label className="jp-Engines-check">
              <input
                type="checkbox"
                checked={showsDiff}
                onChange={event => setShowsDiff(event.target.checked)}
              />
              {trans.__('Mark what differs from the site’s template')}
            </label>
          )}
          <pre
            className="jp-Engines-Script-text"
            tabIndex={0}
            aria-label={roleLabel(script.role, trans)}
          >
            {showsDiff && script.diff !== null ? (
              <Diff text={script.diff} />
            ) : (
              <Lines text={script.text} />
            )}
          </pre>
        </div>
      )}
    </div>
  );
}

/** The text as it is; what does not fit goes on indented, so that it is not taken for a line. */
function Lines({ text }: { text: string }): React.JSX.Element {
  return (
    <>
      {text.split(/(?<=\n)/).map((line, index) => (
        <span key={index} className="jp-Engines-ScriptLine">
          {line}
        </span>
      ))}
    </>
  );
}

/** A unified diff; its signs say what its colours support. */
function Diff({ text }: { text: string }): React.JSX.Element {
  return (
    <>
      {text.split('\n').map((line, index) => {
        const kind = { '+': 'added', '-': 'removed', '@': 'place' }[
          line.charAt(0)
        ];
        return (
          <span key={index} className="jp-Engines-Diff" data-kind={kind}>
            {`${line}\n`}
          </span>
        );
      })}
    </>
  );
}

function roleLabel(role: Script['role'], trans: TranslationBundle): string {
  switch (role) {
    case 'cluster':
      return trans.__('Script of the job');
    case 'controller':
      return trans.__('Script of the controller’s job');
    case 'engines':
      return trans.__('Script of the engines’ job');
    default:
      return unknownRole(role);
  }
}

function unknownRole(role: never): never {
  throw new Error(`No words for the role ${String(role)}`);
}
