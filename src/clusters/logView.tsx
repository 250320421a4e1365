import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ClusterLog } from '../api/generated';
import { ProblemView } from '../problemView';
import type { IProblem } from '../problem';

type Source = ClusterLog['source'];
const SOURCES: readonly Source[] = ['engines', 'controller', 'job'];

export interface ILogViewProps {
  clusterKey: string;
  source: Source;
  log: ClusterLog | null;
  problem: IProblem | null;
  isLoading: boolean;
  trans: TranslationBundle;
  onSource: (source: Source) => void;
  onRefresh: () => void;
  onCopy: (text: string) => void;
}

/** One log at a time, with tabs for the others. */
export function LogView(props: ILogViewProps): React.JSX.Element {
  const { log, source, trans } = props;
  const id = React.useId();
  const text = React.useRef<HTMLPreElement>(null);
  const content = log?.text ?? '';
  React.useLayoutEffect(() => {
    scrollToEnd(text.current);
  }, [content]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next =
        SOURCES[
          (SOURCES.indexOf(source) + step + SOURCES.length) % SOURCES.length
        ];
      if (next !== undefined) {
        props.onSource(next);
        document.getElementById(`${id}-${next}`)?.focus();
      }
    }
  };

  return (
    <div className="jp-Engines-Log">
      <div className="jp-Engines-Log-bar">
        <div
          role="tablist"
          aria-label={trans.__('Logs of %1', props.clusterKey)}
          className="jp-Engines-tabs"
          onKeyDown={onKeyDown}
        >
          {SOURCES.map(name => (
            <button
              key={name}
              id={`${id}-${name}`}
              role="tab"
              aria-selected={name === source}
              aria-controls={`${id}-panel`}
              tabIndex={name === source ? 0 : -1}
              className="jp-Engines-tab"
              onClick={() => props.onSource(name)}
            >
              {sourceLabel(name, trans)}
            </button>
          ))}
        </div>
        <button
          className="jp-Engines-button jp-mod-quiet"
          aria-disabled={props.isLoading}
          title={trans.__('Read the log again')}
          onClick={() => {
            if (!props.isLoading) {
              props.onRefresh();
            }
          }}
        >
          {trans.__('Refresh')}
        </button>
        <button
          className="jp-Engines-button jp-mod-quiet"
          title={trans.__('Copy what is shown')}
          onClick={() => props.onCopy(content)}
        >
          {trans.__('Copy')}
        </button>
        <button
          className="jp-Engines-button jp-mod-quiet"
          title={trans.__('Scroll to the last line')}
          onClick={() => scrollToEnd(text.current)}
        >
          {trans.__('To end')}
        </button>
      </div>
      {props.problem && <ProblemView problem={props.problem} trans={trans} />}
      <div
        id={`${id}-panel`}
        role="tabpanel"
        aria-labelledby={`${id}-${source}`}
        aria-busy={props.isLoading}
        className="jp-Engines-Log-panel"
      >
        {log?.truncated && (
          <p className="jp-Engines-hint">
            {trans.__('Older lines are left out.')}
          </p>
        )}
        {log !== null && content === '' ? (
          <p className="jp-Engines-hint">
            {trans.__('Nothing has been written yet.')}
          </p>
        ) : (
          <pre ref={text} tabIndex={0} className="jp-Engines-Log-text">
            {content}
          </pre>
        )}
      </div>
    </div>
  );
}

function scrollToEnd(element: HTMLElement | null): void {
  if (element !== null) {
    element.scrollTop = element.scrollHeight;
  }
}

function sourceLabel(source: Source, trans: TranslationBundle): string {
  switch (source) {
    case 'engines':
      return trans.__('Engines');
    case 'controller':
      return trans.__('Controller');
    case 'job':
      return trans.__('Job');
    default:
      return unknownSource(source);
  }
}

function unknownSource(source: never): never {
  throw new Error(`No words for the log ${String(source)}`);
}
