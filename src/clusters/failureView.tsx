import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Failure } from '../api/generated';
import { codeText } from '../codeText';
import { failureWords } from './failures';
import { Output } from '../problemView';

/** Why a cluster failed, what to do, and the log's last lines one click away. */
export function FailureView(props: {
  failure: Failure;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { failure, trans } = props;
  const { cause, nextStep } = failureWords(failure, trans);
  return (
    <div className="jp-Engines-Failure" data-code={failure.code}>
      <p className="jp-Engines-cause">{codeText(cause)}</p>
      {nextStep !== '' && (
        <p className="jp-Engines-nextStep">{codeText(nextStep)}</p>
      )}
      {failure.log_tail !== '' && (
        <Output text={failure.log_tail} label={trans.__('Show output')} />
      )}
    </div>
  );
}
