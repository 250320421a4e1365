import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { RankState } from './contract';
import { giveBackKeys, takeKeys } from './ownKeys';
import { hasRank } from './ranks';
import type { Ranges } from './ranks';
import { squareLabel } from './words';

export interface ISquaresProps {
  ranks: readonly number[];
  states: readonly RankState[];
  /** Null: none is chosen, so all are shown. */
  selection: Ranges | null;
  trans: TranslationBundle;
  onToggle: (rank: number) => void;
}

/**
 * A square for each rank, and a way to choose ranks.
 *
 * #### Notes
 * One list box: a single stop of the tabulator however many ranks there are; arrows move in
 * it. One node a rank, without text: shape and colour are the style sheet's.
 */
export const Squares = React.memo((props: ISquaresProps): React.JSX.Element => {
  const { ranks, states, selection, trans, onToggle } = props;
  const id = React.useId();
  const root = React.useRef<HTMLDivElement>(null);
  const [active, setActive] = React.useState<number | null>(null);

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
      return;
    }
    const current = active ?? 0;
    const last = ranks.length - 1;
    const rank = ranks[current];
    if ((event.key === ' ' || event.key === 'Enter') && rank !== undefined) {
      onToggle(rank);
    } else {
      const next = target(event.key, current, last, columnsOf(root.current));
      if (next === null) {
        return;
      }
      setActive(next);
    }
    event.preventDefault(); // The page would scroll.
  };

  return (
    <div
      ref={root}
      className="jp-Engines-Squares"
      role="listbox"
      aria-multiselectable
      aria-label={trans.__('Ranks: choose whose output is shown')}
      aria-activedescendant={active === null ? undefined : `${id}-${active}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={event => {
        takeKeys(event);
        setActive(current => current ?? 0);
      }}
      onBlur={event => {
        giveBackKeys(event);
        setActive(null);
      }}
      onClick={event => {
        const index = indexOf(event.target);
        const rank = index === null ? undefined : ranks[index];
        if (rank !== undefined) {
          setActive(index);
          onToggle(rank);
        }
      }}
    >
      {ranks.map((rank, index) => (
        <Square
          key={rank}
          id={`${id}-${index}`}
          index={index}
          rank={rank}
          state={states[index] ?? 'waiting'}
          isSelected={selection !== null && hasRank(selection, rank)}
          isActive={index === active}
          trans={trans}
        />
      ))}
    </div>
  );
});

const Square = React.memo(
  (props: {
    id: string;
    index: number;
    rank: number;
    state: RankState;
    isSelected: boolean;
    isActive: boolean;
    trans: TranslationBundle;
  }): React.JSX.Element => {
    return (
      <span
        id={props.id}
        className="jp-Engines-Square"
        role="option"
        aria-selected={props.isSelected}
        title={squareLabel(props.rank, props.state, props.trans)}
        data-index={props.index}
        data-state={props.state}
        data-active={props.isActive || undefined}
      />
    );
  }
);

function indexOf(target: EventTarget): number | null {
  const index =
    target instanceof HTMLElement ? target.dataset.index : undefined;
  return index === undefined ? null : Number(index);
}

/** Where a key leads to; null: it is none of ours. */
function target(
  key: string,
  current: number,
  last: number,
  columns: number
): number | null {
  switch (key) {
    case 'ArrowRight':
      return Math.min(last, current + 1);
    case 'ArrowLeft':
      return Math.max(0, current - 1);
    case 'ArrowDown':
      return current + columns > last ? current : current + columns;
    case 'ArrowUp':
      return current - columns < 0 ? current : current - columns;
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** How many squares are in a row now: that depends on the width. */
function columnsOf(root: HTMLElement | null): number {
  const squares = Array.from(root?.children ?? []).filter(
    child => child instanceof HTMLElement
  );
  const top = squares[0]?.offsetTop;
  const second = squares.findIndex(({ offsetTop }) => offsetTop !== top);
  return second < 1 ? squares.length : second;
}
