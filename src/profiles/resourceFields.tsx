import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { FieldProblem, Queue } from '../api/generated';
import { spanWords } from '../times';
import { parseWalltime } from './amounts';
import { Field, problemsOf } from './field';
import { isLocked, pathOf, queueLimits } from './resources';
import type { ResourceField, ResourceTexts } from './resources';

export interface IResourceFieldsProps {
  texts: ResourceTexts;
  problems: readonly FieldProblem[];
  /** Null: not known, so that any may be typed. */
  queues: readonly Queue[] | null;
  /** Fields that the site has fixed. */
  locked: readonly string[];
  trans: TranslationBundle;
  onText: (field: ResourceField, text: string) => void;
}

/** What a job asks for. */
export function ResourceFields(props: IResourceFieldsProps): React.JSX.Element {
  const { problems, texts, trans } = props;
  const field = (name: ResourceField) => ({
    problems: problemsOf(problems, pathOf(name)),
    isLocked: isLocked(props.locked, name),
    trans
  });
  const input = (
    name: ResourceField,
    label: string,
    hint: string,
    placeholder: string
  ) => (
    <Field {...field(name)} label={label} hint={hint}>
      {attributes => (
        <input
          {...attributes}
          type="text"
          autoComplete="off"
          spellCheck={false}
          inputMode={COUNTS.includes(name) ? 'numeric' : undefined}
          placeholder={placeholder}
          value={texts[name]}
          onChange={event => props.onText(name, event.target.value)}
        />
      )}
    </Field>
  );
  const seconds = parseWalltime(texts.walltime_seconds);
  return (
    <div className="jp-Engines-Resources">
      <QueueField {...props} field={field('queue')} />
      {input(
        'walltime_seconds',
        trans.__('Walltime'),
        seconds === null
          ? trans.__('e.g. 1:30:00 or 90m')
          : spanWords(seconds, trans),
        trans.__('queue’s default')
      )}
      {input(
        'memory_bytes',
        trans.__('Memory per node'),
        trans.__('e.g. 4 GB'),
        trans.__('queue’s default')
      )}
      {input('nodes', trans.__('Nodes'), '', trans.__('as few as hold them'))}
      {input('engines_per_node', trans.__('Engines per node'), '', '')}
      {input(
        'cores_per_engine',
        trans.__('Cores per engine'),
        trans.__('1 if left empty'),
        ''
      )}
      {input('account', trans.__('Account'), '', trans.__('none'))}
    </div>
  );
}

const COUNTS: readonly ResourceField[] = [
  'nodes',
  'engines_per_node',
  'cores_per_engine'
];

/** The queues with their limits; free text where the scheduler has not told them. */
function QueueField(
  props: IResourceFieldsProps & {
    field: {
      problems: readonly FieldProblem[];
      isLocked: boolean;
      trans: TranslationBundle;
    };
  }
): React.JSX.Element {
  const { queues, texts, trans } = props;
  const value = texts.queue;
  const chosen = queues?.find(queue =>
    value === '' ? queue.is_default : queue.name === value
  );
  const hint = chosen === undefined ? '' : queueLimits(chosen, trans);
  return (
    <Field {...props.field} label={trans.__('Queue')} hint={hint} isWide>
      {attributes =>
        queues === null || queues.length === 0 ? (
          <input
            {...attributes}
            type="text"
            autoComplete="off"
            spellCheck={false}
            placeholder={trans.__('the default queue')}
            value={value}
            onChange={event => props.onText('queue', event.target.value)}
          />
        ) : (
          <select
            {...attributes}
            value={value}
            onChange={event => props.onText('queue', event.target.value)}
          >
            <option value="">{defaultLabel(queues, trans)}</option>
            {value !== '' && !queues.some(({ name }) => name === value) && (
              <option value={value}>
                {trans.__('%1 (not known to the scheduler)', value)}
              </option>
            )}
            {queues.map(queue => (
              <option
                key={queue.name}
                value={queue.name}
                disabled={!queue.enabled && queue.name !== value}
              >
                {queueLabel(queue, trans)}
              </option>
            ))}
          </select>
        )
      }
    </Field>
  );
}

function defaultLabel(
  queues: readonly Queue[],
  trans: TranslationBundle
): string {
  const queue = queues.find(({ is_default }) => is_default);
  return queue === undefined
    ? trans.__('default queue')
    : trans.__('default queue (%1)', queue.name);
}

function queueLabel(queue: Queue, trans: TranslationBundle): string {
  const limits = queueLimits(queue, trans);
  return limits === '' ? queue.name : trans.__('%1 — %2', queue.name, limits);
}
