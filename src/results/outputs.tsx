import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type {
  PartialJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { OWN_KEYS } from './ownKeys';
import type { WorkQueue } from './workQueue';

/** What outputs are drawn with. */
export interface IOutputTools {
  rendermime: IRenderMimeRegistry;
  queue: WorkQueue;
  trans: TranslationBundle;
}

/** So many lines are one node. */
const CHUNK_LINES = 200;

/** What the kernel's streams are for JupyterLab's renderers. */
export type TextMimeType =
  'application/vnd.jupyter.stdout' | 'application/vnd.jupyter.stderr';

/**
 * Text as a terminal shows it.
 *
 * #### Notes
 * Only text with colours or links in it is worth JupyterLab's renderer, which takes the whole
 * of it apart each time. Any other is kept in chunks, of which only the last one changes when
 * a line comes.
 */
export const TextOutput = React.memo(
  (props: {
    text: string;
    mimeType: TextMimeType;
    tools: IOutputTools;
  }): React.JSX.Element => {
    const { text, mimeType, tools } = props;
    const data = React.useMemo(() => ({ [mimeType]: text }), [text, mimeType]);
    // eslint-disable-next-line no-control-regex
    return /\x1b|:\/\//.test(text) ? (
      <div className="jp-Engines-Result-text" {...scrolling(text)}>
        <MimeOutput data={data} metadata={NO_METADATA} tools={tools} />
      </div>
    ) : (
      <pre className="jp-Engines-Result-text" {...scrolling(text)}>
        {chunksOf(text).map((chunk, index) => (
          <Chunk key={index} text={chunk} />
        ))}
      </pre>
    );
  }
);

/** About so much fits without scrolling, also in a narrow notebook. */
const SHORT_LINES = 10;
const SHORT_TEXT = 400;

/** Return what lets the keyboard scroll a text; one that all fits is no stop on the way. */
function scrolling(text: string): React.HTMLAttributes<HTMLElement> {
  const isShort =
    text.length <= SHORT_TEXT && text.split('\n').length <= SHORT_LINES + 1;
  return isShort ? {} : { tabIndex: 0, ...OWN_KEYS };
}

const NO_METADATA: ReadonlyPartialJSONObject = {};

const Chunk = React.memo((props: { text: string }): React.JSX.Element => {
  return <span className="jp-Engines-Result-chunk">{props.text}</span>;
});

function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  let start = 0;
  let lines = 0;
  for (
    let end = text.indexOf('\n');
    end !== -1;
    end = text.indexOf('\n', end + 1)
  ) {
    lines += 1;
    if (lines === CHUNK_LINES) {
      chunks.push(text.slice(start, end + 1));
      start = end + 1;
      lines = 0;
    }
  }
  if (start < text.length) {
    chunks.push(text.slice(start));
  }
  return chunks;
}

/** Anything that JupyterLab can show, by its own renderers. */
export const MimeOutput = React.memo(
  (props: {
    data: PartialJSONObject;
    metadata: ReadonlyPartialJSONObject;
    tools: IOutputTools;
  }): React.JSX.Element => {
    const { data, metadata, tools } = props;
    const { rendermime, queue, trans } = tools;
    const host = React.useRef<HTMLDivElement>(null);
    const [failure, setFailure] = React.useState<{
      data: PartialJSONObject;
      message: string;
    } | null>(null);
    // A kernel that runs is trusted, as with any other output of it.
    const mimeType = rendermime.preferredMimeType(data, 'any');
    const renderer = React.useRef<ReturnType<
      typeof rendermime.createRenderer
    > | null>(null);

    React.useLayoutEffect(() => {
      if (mimeType === undefined || host.current === null) {
        return;
      }
      const made = rendermime.createRenderer(mimeType);
      renderer.current = made;
      Widget.attach(made, host.current);
      return () => {
        renderer.current = null;
        made.dispose();
      };
    }, [mimeType, rendermime]);

    React.useLayoutEffect(() => {
      // Others' renderers may throw at once, or return nothing to wait for.
      const draw = async (): Promise<void> => {
        await renderer.current?.renderModel(
          new MimeModel({ data, metadata: { ...metadata }, trusted: true })
        );
      };
      queue.add(host, () => {
        draw().catch((error: unknown) =>
          setFailure({
            data,
            message: error instanceof Error ? error.message : String(error)
          })
        );
      });
    }, [data, metadata, mimeType, queue]);

    React.useLayoutEffect(() => () => queue.remove(host), [queue]);

    return (
      <>
        {mimeType === undefined && (
          <p className="jp-Engines-hint">
            {trans.__(
              'This page cannot show %1.',
              Object.keys(data).join(', ')
            )}
          </p>
        )}
        {failure?.data === data && (
          <p className="jp-Engines-warning">
            {trans.__('This output could not be shown: %1', failure.message)}
          </p>
        )}
        <div ref={host} className="jp-Engines-Result-rich" />
      </>
    );
  }
);
