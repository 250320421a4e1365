import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { ProblemView } from '../problemView';
import type { EditorModel } from './editorModel';
import { codeText } from '../codeText';
import { Field, Problems, problemsOf } from './field';
import { PlacementField } from './placementField';
import { ResourceFields } from './resourceFields';
import { pathOf, RESOURCE_FIELDS } from './resources';
import { ScriptView } from './scriptView';
import type { ISettingsTexts, TextField } from './settings';

export interface IEditorViewProps {
  model: EditorModel;
  trans: TranslationBundle;
  onSave: () => void;
  onDelete: () => void;
}

/** The settings of a profile, and beside them the exact script. */
export function EditorView(props: IEditorViewProps): React.JSX.Element {
  const { model, trans } = props;
  const { name, profile, texts } = model;
  const title =
    name === null ? trans.__('New PBS profile') : trans.__('Profile %1', name);
  return (
    <div className="jp-Engines-Editor">
      <form
        className="jp-Engines-Editor-form"
        aria-label={title}
        noValidate
        onSubmit={event => {
          event.preventDefault();
          props.onSave();
        }}
      >
        <h2>{title}</h2>
        {model.problem && <ProblemView problem={model.problem} trans={trans} />}
        {profile !== null && <About model={model} trans={trans} />}
        {texts !== null && <Settings {...props} texts={texts} />}
        {texts !== null && !model.isReadOnly && <Buttons {...props} />}
      </form>
      <section
        className="jp-Engines-Editor-script"
        aria-label={trans.__('Script')}
      >
        <h3>{trans.__('The script, exactly as it is submitted')}</h3>
        <ScriptView
          scripts={model.preview.scripts}
          problem={model.preview.problem}
          isStale={model.preview.isStale}
          trans={trans}
        />
      </section>
    </div>
  );
}

/** What kind of profile it is, and what to know of it. */
function About(props: {
  model: EditorModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  const notes = model.profile?.notes ?? [];
  return (
    <>
      <p className="jp-Engines-hint">{model.profile?.summary}</p>
      {model.profile?.kind === 'legacy' && (
        <p>
          {trans.__(
            'This profile was made by hand for ipyparallel’s PBS launchers. Its templates are used as they are: change them in its folder.'
          )}
        </p>
      )}
      {model.isReadOnly && (
        <p>
          {trans.__(
            'This profile is your site’s. Press Use in the Engines panel for a copy that you can change.'
          )}
        </p>
      )}
      {notes.length > 0 && (
        <>
          <h3>{trans.__('Notes')}</h3>
          <ul className="jp-Engines-Notes">
            {notes.map(note => (
              <li key={note}>{codeText(note)}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Settings(
  props: IEditorViewProps & { texts: ISettingsTexts }
): React.JSX.Element {
  const { model, texts, trans } = props;
  const { problems } = model;
  const locked = model.profile?.locked ?? [];
  const isLocked = (field: string) =>
    model.isReadOnly || locked.includes(field);
  const known = new Set<string>([
    'name',
    'placement',
    ...TEXT_FIELDS,
    ...RESOURCE_FIELDS.map(pathOf)
  ]);
  const others = problems.filter(
    ({ field }) => !known.has(field.replace(/\[.*$/, ''))
  );
  const text = (
    field: TextField,
    label: string,
    hint: string,
    rows = 0,
    placeholder = ''
  ) => (
    <Field
      label={label}
      hint={hint}
      problems={problemsOf(problems, field)}
      isLocked={isLocked(field)}
      isWide={field !== 'engines'}
      trans={trans}
    >
      {attributes => {
        const shared = {
          ...attributes,
          placeholder,
          spellCheck: false,
          autoComplete: 'off',
          value: texts[field],
          onChange: (event: { target: { value: string } }) =>
            model.set({ [field]: event.target.value })
        };
        return rows > 0 ? (
          <textarea {...shared} rows={rows} />
        ) : (
          <input {...shared} type="text" />
        );
      }}
    </Field>
  );
  return (
    <>
      {model.name === null && (
        <Field
          label={trans.__('Name')}
          hint={trans.__('As in `ipp.Client(profile=…)`')}
          problems={problemsOf(problems, 'name')}
          isLocked={false}
          isWide
          trans={trans}
        >
          {attributes => (
            <input
              {...attributes}
              type="text"
              autoComplete="off"
              spellCheck={false}
              placeholder={EXAMPLE_NAME}
              value={model.nameText}
              onChange={event => model.setName(event.target.value)}
            />
          )}
        </Field>
      )}
      <Problems problems={others} trans={trans} />
      {text('engines', trans.__('Engines'), trans.__('What a start proposes'))}
      <ResourceFields
        texts={texts.resources}
        problems={problems}
        queues={model.queues}
        locked={model.isReadOnly ? ['resources'] : locked}
        trans={trans}
        onText={(field, typed) => model.setResource(field, typed)}
      />
      <PlacementField
        placement={texts.placement}
        problems={problemsOf(problems, 'placement')}
        isLocked={isLocked('placement')}
        trans={trans}
        onPlacement={placement => model.set({ placement })}
      />
      {text(
        'prologue',
        trans.__('Before the engines'),
        trans.__('Shell lines, for example what loads your MPI'),
        3,
        'module load mpi'
      )}
      {text(
        'directives',
        trans.__('Further options'),
        trans.__('#PBS options, one a line'),
        2,
        '-l place=excl'
      )}
      <details className="jp-Engines-Output jp-Engines-Advanced">
        <summary>{trans.__('Advanced')}</summary>
        {text(
          'python',
          trans.__('Python'),
          trans.__('Command line; empty: the Python of the Jupyter server')
        )}
        {text(
          'mpiexec',
          trans.__('MPI launcher'),
          trans.__('Command line; empty: the one found on the job’s node')
        )}
        {text(
          'mpi_args',
          trans.__('Arguments of the MPI launcher'),
          trans.__('Quoted as in a shell')
        )}
        {text(
          'controller_address',
          trans.__('Address of the controller'),
          trans.__(
            'Address or interface it listens on; empty: chosen on its node'
          )
        )}
      </details>
    </>
  );
}

/** What most sites call it; a name, not a word of a language. */
const EXAMPLE_NAME = 'pbs';

const TEXT_FIELDS: readonly TextField[] = [
  'engines',
  'prologue',
  'directives',
  'python',
  'mpiexec',
  'mpi_args',
  'controller_address'
];

function Buttons(props: IEditorViewProps): React.JSX.Element {
  const { model, trans } = props;
  const { obstacle } = model;
  const cannotSave =
    model.isBusy ||
    obstacle !== null ||
    (model.name !== null && !model.isDirty);
  const id = React.useId();
  return (
    <div className="jp-Engines-Editor-buttons">
      <button
        type="submit"
        className="jp-Engines-button jp-mod-primary"
        aria-disabled={cannotSave}
        aria-describedby={`${id}-why`}
      >
        {trans.__('Save')}
      </button>
      {model.name !== null && (
        <button
          type="button"
          className="jp-Engines-button jp-mod-quiet"
          aria-disabled={model.isBusy}
          onClick={() => {
            if (!model.isBusy) {
              props.onDelete();
            }
          }}
        >
          {trans.__('Delete…')}
        </button>
      )}
      <span id={`${id}-why`} className="jp-Engines-hint" role="status">
        {model.isBusy
          ? trans.__('Saving…')
          : obstacle !== null
            ? codeText(obstacle)
            : model.isDirty
              ? trans.__('Not saved yet')
              : trans.__('All is saved')}
      </span>
    </div>
  );
}
