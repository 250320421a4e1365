import type {
  PartialJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';
import * as React from 'react';
import { QuietButton } from './button';
import type { IBlock } from './contract';
import type { IWhole } from './model';
import type { IOutputTools, TextMimeType } from './outputs';
import { MimeOutput, TextOutput } from './outputs';
import { OWN_KEYS } from './ownKeys';
import { blockRanks, blockTitle, droppedWords } from './words';

export interface IBlockProps {
  block: IBlock;
  /** Undefined: it was not asked for. */
  whole: IWhole | 'asked' | undefined;
  /** Whether there is a kernel to ask. */
  isConnected: boolean;
  /** Whether the traceback is open; of errors only. */
  isOpen: boolean;
  tools: IOutputTools;
  onWhole: (block: IBlock) => void;
  onOpen: (block: IBlock, isOpen: boolean) => void;
}

/** What some ranks have put out, and which. */
export const BlockView = React.memo((props: IBlockProps): React.JSX.Element => {
  const { block, whole, tools } = props;
  const isWhole =
    typeof whole === 'object' && (whole.text !== null || whole.data !== null);
  const text = isWhole ? whole.text : block.text;
  const data = isWhole ? whole.data : block.data;
  const metadata = isWhole ? whole.metadata : block.metadata;
  return (
    <li className="jp-Engines-Result-block" data-kind={block.kind}>
      <span
        className="jp-Engines-Result-ranks"
        title={blockTitle(block, tools.trans)}
      >
        {blockRanks(block, tools.trans)}
      </span>
      <div className="jp-Engines-Result-output">
        {block.kind === 'error' ? (
          <ErrorOutput {...props} text={text ?? ''} />
        ) : (
          <Body
            block={block}
            text={text}
            data={data}
            metadata={metadata}
            tools={tools}
          />
        )}
        {block.dropped !== null && !isWhole && (
          <Dropped {...props} dropped={block.dropped} />
        )}
      </div>
    </li>
  );
});

function Body(props: {
  block: IBlock;
  text: string | null;
  data: PartialJSONObject | null;
  metadata: ReadonlyPartialJSONObject;
  tools: IOutputTools;
}): React.JSX.Element | null {
  const { block, text, data, metadata, tools } = props;
  const plain = data === null ? text : onlyText(data);
  if (plain !== null) {
    return <TextOutput text={plain} mimeType={streamOf(block)} tools={tools} />;
  }
  return data === null ? null : (
    <MimeOutput data={data} metadata={metadata} tools={tools} />
  );
}

/** The text of a bundle that holds nothing else; null: there is more to show. */
function onlyText(data: PartialJSONObject): string | null {
  const text = data['text/plain'];
  return typeof text === 'string' && Object.keys(data).length === 1
    ? text
    : null;
}

function streamOf(block: IBlock): TextMimeType {
  return block.kind === 'stderr'
    ? 'application/vnd.jupyter.stderr'
    : 'application/vnd.jupyter.stdout';
}

/** An error: what was raised, and the traceback. */
function ErrorOutput(props: IBlockProps & { text: string }): React.JSX.Element {
  const { block, text, isOpen, tools } = props;
  return (
    <details
      className="jp-Engines-Result-error"
      open={isOpen}
      onToggle={event => props.onOpen(block, event.currentTarget.open)}
    >
      <summary {...OWN_KEYS}>
        <span className="jp-Engines-Result-what">
          {(block.title ?? lastLine(text)) || tools.trans.__('Error')}
        </span>
      </summary>
      {isOpen && (
        <TextOutput
          text={text}
          mimeType="application/vnd.jupyter.stderr"
          tools={tools}
        />
      )}
    </details>
  );
}

/** Return the last line with something on it, without colours. */
function lastLine(text: string): string {
  // Enough for any message that fits on a line.
  const lines = text
    .slice(-2000)
    // eslint-disable-next-line no-control-regex
    .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
    .split('\n')
    .filter(line => line.trim() !== '');
  return lines[lines.length - 1] ?? '';
}

function Dropped(
  props: IBlockProps & { dropped: NonNullable<IBlock['dropped']> }
): React.JSX.Element {
  const { block, whole, dropped, isConnected } = props;
  const { trans } = props.tools;
  const isGone = typeof whole === 'object';
  return (
    <p className="jp-Engines-Result-dropped">
      <span>{droppedWords(dropped, trans)}</span>
      {isGone || !isConnected ? (
        <span className="jp-Engines-hint">
          {trans.__('The kernel does not have them any more.')}
        </span>
      ) : (
        <QuietButton
          aria-disabled={whole === 'asked'}
          aria-label={trans.__('Show all of %1', blockTitle(block, trans))}
          onClick={() => {
            if (whole !== 'asked') {
              props.onWhole(block);
            }
          }}
        >
          {whole === 'asked' ? trans.__('Asked…') : trans.__('Show all')}
        </QuietButton>
      )}
    </p>
  );
}
