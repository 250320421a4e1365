import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { FieldProblem } from '../api/generated';
import { codeText } from '../codeText';

export interface IFieldProps {
  label: string;
  /** What it means or how it is read; may be empty. */
  hint?: string;
  problems: readonly FieldProblem[];
  /** The site has fixed it. */
  isLocked: boolean;
  /** Takes the whole width. */
  isWide?: boolean;
  trans: TranslationBundle;
  /** Draws the input with these attributes. */
  children: (attributes: IFieldAttributes) => React.ReactNode;
}

export interface IFieldAttributes {
  id: string;
  className: string;
  disabled: boolean;
  'aria-invalid': boolean;
  'aria-describedby': string;
}

/** An input with its label, and below it what is wrong with it or else what it means. */
export function Field(props: IFieldProps): React.JSX.Element {
  const { hint = '', isLocked, problems, trans } = props;
  const id = React.useId();
  const isInvalid = problems.some(({ severity }) => severity === 'error');
  return (
    <div
      className="jp-Engines-field"
      data-wide={props.isWide === true}
      data-locked={isLocked}
    >
      <label className="jp-Engines-label" htmlFor={id}>
        {props.label}
      </label>
      {props.children({
        id,
        className: 'jp-Engines-input',
        disabled: isLocked,
        'aria-invalid': isInvalid,
        'aria-describedby': `${id}-note`
      })}
      <div id={`${id}-note`} className="jp-Engines-field-note">
        {isLocked && (
          <p className="jp-Engines-hint">{trans.__('Fixed by your site')}</p>
        )}
        <Problems problems={problems} trans={trans} />
        {problems.length === 0 && hint !== '' && (
          <p className="jp-Engines-hint">{codeText(hint)}</p>
        )}
      </div>
    </div>
  );
}

/** What is wrong, errors told from warnings by a word. */
export function Problems(props: {
  problems: readonly FieldProblem[];
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <>
      {props.problems.map(({ message, severity }) => (
        <p
          key={message}
          className={
            severity === 'error'
              ? 'jp-Engines-fieldError'
              : 'jp-Engines-fieldWarning'
          }
        >
          {codeText(
            severity === 'error'
              ? message
              : props.trans.__('Warning: %1', message)
          )}
        </p>
      ))}
    </>
  );
}

/** Those of the problems that are about a field or a part of it. */
export function problemsOf(
  problems: readonly FieldProblem[],
  field: string
): FieldProblem[] {
  return problems.filter(
    problem => problem.field === field || problem.field.startsWith(`${field}[`)
  );
}
