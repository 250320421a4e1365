import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { Icon } from '../icon';
import { ProblemView } from '../problemView';
import { BlockView } from './blocks';
import { QuietButton } from './button';
import type { IBlock } from './contract';
import type { RunModel } from './model';
import type { IOutputTools } from './outputs';
import { Squares } from './squares';
import type { RunViewModel } from './viewModel';
import {
  conditionIcon,
  conditionOf,
  conditionTone,
  elapsedLabel,
  runSentence
} from './words';

export interface IRunViewProps {
  view: RunViewModel;
  tools: IOutputTools;
}

/** A cell that runs on engines: how it does, a square for each rank, what they put out. */
export function RunView({ view, tools }: IRunViewProps): React.JSX.Element {
  const { model } = view;
  const { run } = model;
  const { trans } = tools;
  const onToggle = React.useCallback(
    (rank: number) => view.toggle(rank),
    [view]
  );
  return (
    <section
      className="jp-Engines-Result-body"
      aria-label={trans.__('On engines: %1', run.label)}
      data-state={conditionOf(run, model.isConnected)}
    >
      <Header model={model} trans={trans} />
      {run.notice !== '' && (
        <p className="jp-Engines-Result-notice">{run.notice}</p>
      )}
      {model.stopError !== null && (
        <ProblemView
          problem={{
            message: trans.__('The kernel could not be interrupted.'),
            nextStep: trans.__(
              'Try again, or restart the kernel: the engines stay.'
            ),
            detail: model.stopError.message
          }}
          trans={trans}
        />
      )}
      <Squares
        ranks={run.ranks}
        states={run.states}
        selection={view.selection}
        trans={trans}
        onToggle={onToggle}
      />
      {run.ranks.length > 1 && <Filter view={view} trans={trans} />}
      <Blocks view={view} tools={tools} />
    </section>
  );
}

function Header(props: {
  model: RunModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  const { run } = model;
  const condition = conditionOf(run, model.isConnected);
  const sentence = runSentence(run, condition, trans);
  const seconds = model.elapsed();
  return (
    <header className="jp-Engines-Result-header">
      <Icon icon={conditionIcon(condition)} tone={conditionTone(condition)} />
      <span className="jp-Engines-Result-state">{sentence}</span>
      {seconds !== null && (
        <span className="jp-Engines-Result-time">
          {elapsedLabel(seconds, model.isRunning, trans)}
        </span>
      )}
      <code className="jp-Engines-Result-label" title={run.label}>
        {run.label}
      </code>
      {run.cluster !== '' && (
        <span className="jp-Engines-Result-cluster">
          {trans.__('on %1', run.cluster)}
        </span>
      )}
      {model.isRunning && (
        <QuietButton
          aria-label={trans.__('Stop: %1', run.label)}
          title={
            run.isBlocking
              ? trans.__('Interrupt the kernel and all its engines')
              : trans.__('Interrupt the engines')
          }
          onClick={() => void model.stop()}
        >
          {model.isStopping ? trans.__('Stopping…') : trans.__('Stop')}
        </QuietButton>
      )}
      {/* How many ranks are done is for the eye: only how it ends is announced. */}
      <span className="jp-Engines-visuallyHidden" role="status">
        {[condition === 'running' ? '' : sentence, run.notice]
          .filter(text => text !== '')
          .join('. ')}
      </span>
    </header>
  );
}

/** Whose output is shown. */
function Filter(props: {
  view: RunViewModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { view, trans } = props;
  const id = React.useId();
  return (
    <div className="jp-Engines-Result-filter">
      <label htmlFor={id} className="jp-Engines-label">
        {trans.__('Ranks')}
      </label>
      <input
        id={id}
        className="jp-Engines-input"
        value={view.filter}
        placeholder={trans.__('all, or 0–3, 7')}
        aria-invalid={!view.isFilterValid}
        aria-describedby={view.isFilterValid ? undefined : `${id}-error`}
        onChange={event => view.setFilter(event.currentTarget.value)}
      />
      {view.selection !== null && (
        <QuietButton onClick={() => view.setFilter('')}>
          {trans.__('All ranks')}
        </QuietButton>
      )}
      {!view.isFilterValid && (
        <span id={`${id}-error`} className="jp-Engines-fieldError">
          {trans.__('Write ranks as 0–3, 7.')}
        </span>
      )}
    </div>
  );
}

function Blocks({ view, tools }: IRunViewProps): React.JSX.Element {
  const { model } = view;
  const { trans } = tools;
  const { blocks, hidden, selection } = view;
  const onWhole = React.useCallback(
    (block: IBlock) => model.askWhole(block),
    [model]
  );
  const onOpen = React.useCallback(
    (block: IBlock, isOpen: boolean) => view.setOpen(block, isOpen),
    [view]
  );
  return (
    <>
      {blocks.length === 0 && selection !== null && (
        <p className="jp-Engines-hint">
          {model.droppedBlocks > 0
            ? trans.__(
                'What these ranks have put out, if anything, is among what is left out.'
              )
            : trans.__('These ranks have put out nothing.')}
        </p>
      )}
      {blocks.length > 0 && (
        <ul className="jp-Engines-Result-blocks">
          {blocks.map(block => (
            <BlockView
              key={block.key}
              block={block}
              whole={model.wholeOf(block)}
              isConnected={model.isConnected}
              isOpen={block.kind === 'error' && view.isOpen(block)}
              tools={tools}
              onWhole={onWhole}
              onOpen={onOpen}
            />
          ))}
        </ul>
      )}
      {hidden.all > 0 && (
        <p className="jp-Engines-Result-dropped">
          <span>
            {trans._n('%1 more output', '%1 more outputs', hidden.all)}
          </span>
          <QuietButton onClick={() => view.showMore()}>
            {trans._n('Show %1 more', 'Show %1 more', hidden.next)}
          </QuietButton>
        </p>
      )}
      {model.droppedBlocks > 0 && (
        <p className="jp-Engines-Result-dropped">
          <span>
            {trans._n(
              '%1 output is left out',
              '%1 outputs are left out',
              model.droppedBlocks
            )}
          </span>
          {model.isConnected && (
            <QuietButton
              aria-disabled={model.isAllAsked}
              onClick={() => {
                if (!model.isAllAsked) {
                  model.askAll();
                }
              }}
            >
              {model.isAllAsked ? trans.__('Asked…') : trans.__('Show all')}
            </QuietButton>
          )}
        </p>
      )}
    </>
  );
}
