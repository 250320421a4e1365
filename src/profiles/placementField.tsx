import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { FieldProblem } from '../api/generated';
import { Problems } from './field';
import { PLACEMENTS } from './settings';
import type { Placement } from './settings';

export interface IPlacementFieldProps {
  placement: Placement;
  problems: readonly FieldProblem[];
  isLocked: boolean;
  trans: TranslationBundle;
  onPlacement: (placement: Placement) => void;
}

/** Where the controller runs, each choice explained. */
export function PlacementField(props: IPlacementFieldProps): React.JSX.Element {
  const { isLocked, trans } = props;
  const id = React.useId();
  return (
    <fieldset className="jp-Engines-Placement" disabled={isLocked}>
      <legend className="jp-Engines-label">
        {isLocked
          ? trans.__('Where the controller runs (fixed by your site)')
          : trans.__('Where the controller runs')}
      </legend>
      {PLACEMENTS.map(placement => {
        const [label, sentence] = words(placement, trans);
        return (
          <div key={placement} className="jp-Engines-check">
            <input
              id={`${id}-${placement}`}
              type="radio"
              name={id}
              checked={placement === props.placement}
              aria-describedby={`${id}-${placement}-sentence`}
              onChange={() => props.onPlacement(placement)}
            />
            <div>
              <label htmlFor={`${id}-${placement}`}>{label}</label>
              <p id={`${id}-${placement}-sentence`} className="jp-Engines-hint">
                {sentence}
              </p>
            </div>
          </div>
        );
      })}
      <Problems problems={props.problems} trans={trans} />
    </fieldset>
  );
}

function words(
  placement: Placement,
  trans: TranslationBundle
): [string, string] {
  switch (placement) {
    case 'in_job':
      return [
        trans.__('In the job of the engines'),
        trans.__(
          'One job, one wait in the queue; goes on when Jupyter restarts, and nothing is left behind.'
        )
      ];
    case 'own_job':
      return [
        trans.__('In a job of its own'),
        trans.__(
          'Two jobs: the controller’s small one has to run before the engines’ job can connect to it.'
        )
      ];
    case 'server':
      return [
        trans.__('Beside Jupyter'),
        trans.__(
          'The engines connect to the Jupyter server’s machine, which compute nodes must be able to reach.'
        )
      ];
    default:
      return unknownPlacement(placement);
  }
}

function unknownPlacement(placement: never): never {
  throw new Error(`No words for the placement ${String(placement)}`);
}
