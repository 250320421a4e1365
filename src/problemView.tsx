import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { Icon } from './icon';
import { failedIcon } from './icons';
import type { IProblem } from './problem';

export interface IProblemViewProps {
  problem: IProblem;
  trans: TranslationBundle;
}

/** What did not work, the next step, and the system's own words one click away. */
export function ProblemView({
  problem,
  trans
}: IProblemViewProps): React.JSX.Element {
  return (
    <div role="alert" className="jp-Engines-Problem">
      <Icon icon={failedIcon} tone="bad" />
      <div className="jp-Engines-Problem-text">
        <p>{problem.message}</p>
        {problem.nextStep !== '' && (
          <p className="jp-Engines-nextStep">{problem.nextStep}</p>
        )}
        {problem.detail !== null && problem.detail !== '' && (
          <Output text={problem.detail} label={trans.__('Show output')} />
        )}
      </div>
    </div>
  );
}

/** Raw output, folded. */
export function Output(props: {
  text: string;
  label: string;
}): React.JSX.Element {
  return (
    <details className="jp-Engines-Output">
      <summary>{props.label}</summary>
      <pre tabIndex={0}>{props.text}</pre>
    </details>
  );
}
