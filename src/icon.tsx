import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** What an icon's colour supports; the words beside it say the same. */
export type Tone = 'neutral' | 'busy' | 'good' | 'warning' | 'bad';

/** An icon beside its words: decoration, so hidden from screen readers. */
export function Icon(props: { icon: LabIcon; tone?: Tone }): React.JSX.Element {
  return (
    <span
      className="jp-Engines-icon"
      data-tone={props.tone ?? 'neutral'}
      aria-hidden
    >
      <props.icon.react tag={null} />
    </span>
  );
}
