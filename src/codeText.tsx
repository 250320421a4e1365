import * as React from 'react';

/** Show what stands between backticks as code, so that it can be told apart and copied. */
export function codeText(sentence: string): React.ReactNode[] {
  return sentence
    .split('`')
    .map((part, index) =>
      index % 2 === 1 ? <code key={index}>{part}</code> : part
    );
}
