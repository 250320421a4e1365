import type { TranslationBundle } from '@jupyterlab/translation';
import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { FieldProblem, Queue, Resources, Script } from '../api/generated';
import { Icon } from '../icon';
import type { IProblem } from '../problem';
import { Problems } from '../profiles/field';
import { ResourceFields } from '../profiles/resourceFields';
import {
  pathOf,
  RESOURCE_FIELDS,
  resourcesSummary
} from '../profiles/resources';
import type { ResourceField, ResourceTexts } from '../profiles/resources';
import { ScriptView } from '../profiles/scriptView';

export interface IStartResourcesProps {
  resources: Resources;
  texts: ResourceTexts;
  problems: readonly FieldProblem[];
  queues: readonly Queue[] | null;
  locked: readonly string[];
  isOpen: boolean;
  isChanged: boolean;
  showsScript: boolean;
  scripts: readonly Script[];
  scriptProblem: IProblem | null;
  isStale: boolean;
  trans: TranslationBundle;
  onToggle: () => void;
  onText: (field: ResourceField, text: string) => void;
  onReset: () => void;
  onToggleScript: () => void;
  /** Open the profile's settings. */
  onEdit: () => void;
}

/** What the job asks for: one line, and unfolded its fields and its script. */
export function StartResources(props: IStartResourcesProps): React.JSX.Element {
  const { isOpen, problems, showsScript, trans } = props;
  const id = React.useId();
  const inFields = new Set(RESOURCE_FIELDS.map(pathOf));
  const others = problems.filter(
    ({ field }) => !isOpen || !inFields.has(field)
  );
  const summary = resourcesSummary(props.resources, trans);
  return (
    <div className="jp-Engines-StartResources">
      <button
        type="button"
        className="jp-Engines-Summary"
        aria-expanded={isOpen}
        aria-controls={`${id}-fields`}
        aria-label={trans.__('The job asks for: %1', summary)}
        title={trans.__('Change what the job asks for')}
        onClick={props.onToggle}
      >
        <span className="jp-Engines-Summary-text">
          {props.isChanged ? trans.__('%1 (changed)', summary) : summary}
        </span>
        <Icon icon={editIcon} />
      </button>
      <Problems problems={others} trans={trans} />
      {isOpen && (
        <div
          id={`${id}-fields`}
          role="group"
          aria-label={trans.__('What the job asks for')}
          className="jp-Engines-StartResources-fields"
        >
          <ResourceFields
            texts={props.texts}
            problems={problems}
            queues={props.queues}
            locked={props.locked}
            trans={trans}
            onText={props.onText}
          />
          <div className="jp-Engines-Card-buttons">
            <button
              type="button"
              className="jp-Engines-button jp-mod-quiet"
              aria-expanded={showsScript}
              onClick={props.onToggleScript}
            >
              {showsScript ? trans.__('Hide script') : trans.__('Show script')}
            </button>
            <button
              type="button"
              className="jp-Engines-button jp-mod-quiet"
              title={trans.__('Open the settings of this profile')}
              onClick={props.onEdit}
            >
              {trans.__('Edit profile')}
            </button>
            {props.isChanged && (
              <button
                type="button"
                className="jp-Engines-button jp-mod-quiet"
                title={trans.__('Ask again for what the profile proposes')}
                onClick={props.onReset}
              >
                {trans.__('Reset')}
              </button>
            )}
          </div>
          {showsScript && (
            <ScriptView
              scripts={props.scripts}
              problem={props.scriptProblem}
              isStale={props.isStale}
              trans={trans}
            />
          )}
        </div>
      )}
    </div>
  );
}
