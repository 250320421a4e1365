/** What a large run costs the page: counted in nodes and changes of them, never in time. */
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { RunView } from '../../results/view';
import { RunViewModel } from '../../results/viewModel';
import { block, SimulatedRun, tools } from './runs';

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function lines(rank: number, count: number): string {
  return numbers(count)
    .map(line => `rank ${rank}: line ${line}\n`)
    .join('');
}

describe('a large run', () => {
  let run: SimulatedRun;
  let view: RunViewModel;
  let records: MutationRecord[];
  let observer: MutationObserver;
  const given = tools();

  function show(changes: Record<string, unknown>): HTMLElement {
    run = new SimulatedRun(changes);
    view = new RunViewModel(run.model);
    const { rerender, container } = render(
      <RunView view={view} tools={given} />
    );
    view.stateChanged.connect(() => {
      act(() => rerender(<RunView view={view} tools={given} />));
    });
    observer = new MutationObserver(() => undefined);
    observer.observe(container, {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true
    });
    return container;
  }

  function update(changes: Record<string, unknown>): MutationRecord[] {
    act(() => run.model.update(changes));
    records = observer.takeRecords();
    return records;
  }

  afterEach(() => {
    observer.disconnect();
    view.dispose();
  });

  afterAll(() => given.queue.dispose());

  it('of 64 ranks × 1,000 lines changes only what has changed', () => {
    const blocks = numbers(64).map(rank =>
      block({ key: `${rank}`, ranks: `${rank}`, text: lines(rank, 1000) })
    );
    const container = show({
      ranks: numbers(64),
      states: 'r'.repeat(64),
      blocks
    });
    // Chunks of lines, not lines, are nodes.
    expect(container.querySelectorAll('*').length).toBeLessThan(1000);

    // One rank prints one more line.
    const next = blocks.map((one, rank) =>
      rank === 7 ? { ...one, text: lines(7, 1001) } : { ...one }
    );
    const [added, ...others] = update({ blocks: next });
    expect(others).toEqual([]);
    expect(added?.addedNodes[0]?.textContent).toBe('rank 7: line 1000\n');
    // And another one: a text grows.
    const [grown, ...rest] = update({
      blocks: next.map((one, rank) =>
        rank === 7 ? { ...one, text: lines(7, 1002) } : { ...one }
      )
    });
    expect(rest).toEqual([]);
    expect(grown?.target.textContent).toMatch(/line 1001\n$/);

    // One rank is done: a square, and the sentence.
    const changed = update({ states: `${'r'.repeat(63)}d` });
    expect(changed.length).toBeLessThanOrEqual(3);
  });

  it('of 1,000 ranks is one node a square and one stop of the tabulator', () => {
    const container = show({ ranks: numbers(1000), states: 'r'.repeat(1000) });
    expect(container.querySelectorAll('[role=listbox] *')).toHaveLength(1000);
    expect(
      container.querySelectorAll('[tabindex="0"], button, input')
    ).toHaveLength(3);
    expect(update({ now: 1_700_000_003 }).length).toBeLessThanOrEqual(1);
    expect(
      update({ states: `${'r'.repeat(500)}f${'r'.repeat(499)}` }).length
    ).toBeLessThanOrEqual(3);
    expect(screen.getByTitle('rank 500: failed')).toBeTruthy();
  });

  it('of 1,000 different outputs draws some, and more on request', async () => {
    const container = show({
      ranks: numbers(1000),
      states: 'd'.repeat(1000),
      state: 'done',
      blocks: numbers(1000).map(rank =>
        block({ key: `${rank}`, ranks: `${rank}`, text: `${rank}` })
      )
    });
    const drawn = () => container.querySelectorAll('li').length;
    expect(drawn()).toBe(64);
    expect(screen.getByText('936 more outputs')).toBeTruthy();
    await userEvent.click(
      screen.getByRole('button', { name: 'Show 200 more' })
    );
    expect(drawn()).toBe(264);
    // Any rank can be seen without that.
    await userEvent.type(screen.getByRole('textbox', { name: 'Ranks' }), '999');
    expect(container.querySelector('li')?.textContent).toBe('999999');
  });
});
