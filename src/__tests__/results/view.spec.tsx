import { act, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import type { IOutputTools } from '../../results/outputs';
import { RunView } from '../../results/view';
import { RunViewModel } from '../../results/viewModel';
import { waitUntil } from '../fakes';
import { block, SimulatedRun, START, tools } from './runs';

describe('RunView', () => {
  let run: SimulatedRun;
  let view: RunViewModel;
  let given: IOutputTools;

  /** Show a run; drawn anew whenever it changes, as its widget does. */
  function show(changes: Record<string, unknown> = {}): void {
    run = new SimulatedRun(changes);
    view = new RunViewModel(run.model);
    given = tools();
    const { rerender } = render(<RunView view={view} tools={given} />);
    view.stateChanged.connect(() => {
      act(() => rerender(<RunView view={view} tools={given} />));
    });
  }

  afterEach(() => {
    view.dispose();
    given.queue.dispose();
  });

  function shown(): string[] {
    return screen.queryAllByRole('listitem').map(item => item.textContent);
  }

  it('says how it does, on what, and for how long', () => {
    show({ states: 'ddrr' });
    const region = screen.getByRole('region', { name: 'On engines: psum(a)' });
    expect(region.textContent).toContain(
      'Running: 2 done · 2 running (ranks 2–3)2 spsum(a)on pbs'
    );
    act(() =>
      run.model.update({ states: 'dddf', state: 'failed', ended_at: START + 3 })
    );
    expect(region.textContent).toContain(
      'Failed: 3 done · 1 failed (rank 3)3.0 s'
    );
  });

  it('draws time as it goes, and stops with the run', () => {
    jest.useFakeTimers();
    try {
      show();
      view.isVisible = true;
      run.clock += 5;
      act(() => {
        jest.advanceTimersByTime(1000);
      });
      expect(screen.getByText('7 s')).toBeTruthy();
      act(() => run.model.update({ state: 'done', ended_at: START + 8 }));
      expect(screen.getByText('8.0 s')).toBeTruthy();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('announces how it ends, not each rank', () => {
    show();
    const status = screen.getByRole('status');
    act(() => run.model.update({ states: 'drrr' }));
    expect(status.textContent).toBe('');
    act(() => run.model.update({ states: 'dddd', state: 'done' }));
    expect(status.textContent).toBe('Done on 4 engines');
  });

  it('stops it', async () => {
    show({ blocking: false });
    await userEvent.click(
      screen.getByRole('button', { name: 'Stop: psum(a)' })
    );
    expect(run.sent).toEqual([{ do: 'stop' }]);
    expect(screen.getByText('Stopping…')).toBeTruthy();
    act(() => run.model.update({ state: 'interrupted' }));
    expect(screen.queryByRole('button', { name: 'Stop: psum(a)' })).toBeNull();
  });

  it('says what came of stopping it, and offers it again', async () => {
    show({ blocking: false });
    await userEvent.click(
      screen.getByRole('button', { name: 'Stop: psum(a)' })
    );
    act(() => run.model.update({ notice: 'Rank 1 is still busy.' }));
    const body = screen.getByRole('region');
    expect(
      within(body).getByText('Rank 1 is still busy.', { selector: 'p' })
    ).toBeTruthy();
    expect(screen.getByText('Stop')).toBeTruthy();
    expect(screen.getByRole('status').textContent).toContain('Rank 1 is');
    act(() =>
      run.model.update({
        state: 'interrupted',
        states: 'iiii',
        notice: 'All engines are idle again.'
      })
    );
    expect(body.textContent).toContain('All engines are idle again.');
  });

  it('says when the kernel could not be interrupted', async () => {
    show();
    run.interrupt = () => Promise.reject(new Error('HTTP 500'));
    await userEvent.click(
      screen.getByRole('button', { name: 'Stop: psum(a)' })
    );
    await waitUntil(() => screen.queryByRole('alert') !== null);
    expect(screen.getByRole('alert').textContent).toContain('HTTP 500');
  });

  it('does not pretend to know what became of it when its kernel is gone', () => {
    show();
    act(() => run.model.setConnected(false));
    expect(screen.getAllByText(/^How it ended is not known/)).toHaveLength(2);
    expect(screen.queryByRole('button', { name: /^Stop/ })).toBeNull();
  });

  it('names the ranks of each output', () => {
    show({
      blocks: [
        block({
          key: 'a',
          kind: 'result',
          ranks: '0–2',
          count: 3,
          text: null,
          data: { 'text/plain': '496' }
        }),
        block({ key: 'b', ranks: '3', text: 'one\ntwo\n' })
      ]
    });
    expect(shown()).toEqual(['0–2496', '3one\ntwo\n']);
    expect(screen.getByTitle('3 ranks: 0–2')).toBeTruthy();
    expect(screen.getByTitle('rank 3')).toBeTruthy();
  });

  it('shows a user’s text as it is, never as markup', () => {
    show({ blocks: [block({ text: '<b>&lt;</b>' })] });
    expect(shown()).toEqual(['0<b>&lt;</b>']);
  });

  it('shows colours and pictures by JupyterLab’s renderers', async () => {
    show({
      blocks: [
        block({ text: '\x1b[31mred\x1b[0m' }),
        block({
          key: 'b',
          kind: 'display',
          text: null,
          data: { 'image/png': 'AAAA', 'text/plain': 'Figure' },
          metadata: { 'image/png': { width: 40 } }
        })
      ]
    });
    await waitUntil(() => document.querySelector('img') !== null);
    expect(document.querySelector('img')?.width).toBe(40);
    expect(screen.getByText('red').className).toBe('ansi-red-fg');
    // A picture that changes is drawn in its place.
    const renderer = document.querySelector('.jp-RenderedImage');
    act(() =>
      run.model.update({
        blocks: [
          block({
            key: 'b',
            kind: 'display',
            text: null,
            data: { 'image/png': 'BBBB' }
          })
        ]
      })
    );
    await waitUntil(
      () => document.querySelector('img')?.src.endsWith('BBBB') === true
    );
    expect(document.querySelector('.jp-RenderedImage')).toBe(renderer);
  });

  it('says so when the page cannot show something', async () => {
    show({
      blocks: [
        block({
          kind: 'display',
          text: null,
          data: { 'application/x-odd': '' }
        }),
        block({
          key: 'b',
          kind: 'display',
          text: null,
          data: { 'image/png': '' }
        })
      ]
    });
    expect(
      screen.getByText('This page cannot show application/x-odd.')
    ).toBeTruthy();
    given.rendermime.addFactory({
      safe: true,
      mimeTypes: ['image/svg+xml'],
      createRenderer: options => {
        const renderer = given.rendermime.clone().createRenderer('text/plain');
        renderer.renderModel = () =>
          Promise.reject(new Error(`no ${options.mimeType}`));
        return renderer;
      }
    });
    act(() =>
      run.model.update({
        blocks: [
          block({
            kind: 'display',
            text: null,
            data: { 'image/svg+xml': '<svg/>' }
          })
        ]
      })
    );
    await screen.findByText('This output could not be shown: no image/svg+xml');
  });

  it('opens the one error there is', async () => {
    show({
      blocks: [
        block({
          kind: 'error',
          ranks: '3',
          text: 'Traceback\n  1 / 0\n\x1b[0;31mZeroDivisionError\x1b[0m: division by zero\n'
        })
      ]
    });
    const summary = screen.getByText('ZeroDivisionError: division by zero', {
      selector: '.jp-Engines-Result-what'
    });
    expect(summary.closest('details')?.open).toBe(true);
    await screen.findByText(/^Traceback/);
  });

  it('shows only the first lines of many errors', () => {
    show({
      blocks: [
        block({
          kind: 'error',
          ranks: '1',
          title: 'ValueError: 1 (and 2 other messages)',
          text: 'Trace of one\nValueError: 1\n'
        }),
        block({
          key: 'b',
          kind: 'error',
          ranks: '2',
          text: 'Trace of two\nValueError: 2\n'
        })
      ]
    });
    expect(shown()).toEqual([
      '1ValueError: 1 (and 2 other messages)',
      '2ValueError: 2'
    ]);
    const details = screen.getByText('ValueError: 2').closest('details');
    if (details === null) {
      throw new Error('There are no details');
    }
    details.open = true;
    fireEvent(details, new Event('toggle'));
    expect(shown()[1]).toContain('Trace of two');
    // It stays open while others come.
    act(() => run.model.update({ states: 'dffd' }));
    expect(shown()[1]).toContain('Trace of two');
  });

  it('fetches what was left out', async () => {
    show({
      blocks: [block({ dropped: { lines: 1200, bytes: 3_400_000 } })],
      dropped_blocks: 3
    });
    expect(screen.getByText('1200 lines (3.4 MB) are left out')).toBeTruthy();
    const button = screen.getByRole('button', { name: 'Show all of rank 0' });
    await userEvent.click(button);
    await userEvent.click(button);
    expect(run.sent).toEqual([{ do: 'whole', key: 'a' }]);
    expect(button.getAttribute('aria-disabled')).toBe('true');
    act(() =>
      run.model.receive({ whole: 'a', text: 'everything', data: null })
    );
    expect(shown()).toEqual(['0everything']);

    expect(screen.getByText('3 outputs are left out')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Show all' }));
    expect(run.sent[1]).toEqual({ do: 'all' });
  });

  it('says when the kernel does not have it any more', async () => {
    show({ blocks: [block({ dropped: { lines: 0, bytes: 2 } })] });
    await userEvent.click(screen.getByRole('button', { name: /^Show all/ }));
    act(() => run.model.receive({ whole: 'a', text: null, data: null }));
    expect(
      screen.getByText('The kernel does not have them any more.')
    ).toBeTruthy();
    expect(shown()[0]).toContain('hello');
  });

  it('shows only the ranks that were asked for', async () => {
    show({
      blocks: [
        block({ ranks: '0–1', count: 2, text: 'low' }),
        block({ key: 'b', ranks: '2–3', count: 2, text: 'high' })
      ]
    });
    const field = screen.getByRole('textbox', { name: 'Ranks' });
    await userEvent.type(field, '3');
    expect(shown()).toEqual(['2–3high']);
    await userEvent.type(field, ',x');
    // What cannot be read changes nothing but the field.
    expect(shown()).toEqual(['2–3high']);
    expect(screen.getByText('Write ranks as 0–3, 7.')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'All ranks' }));
    expect(shown()).toHaveLength(2);

    await userEvent.click(screen.getByTitle('rank 0: running'));
    expect(shown()).toEqual(['0–1low']);
    await userEvent.click(screen.getByTitle('rank 2: running'));
    expect(field).toHaveProperty('value', '0, 2');
    await userEvent.click(screen.getByTitle('rank 0: running'));
    expect(shown()).toEqual(['2–3high']);
    act(() => run.model.update({ blocks: [block({ ranks: '0' })] }));
    expect(screen.getByText('These ranks have put out nothing.')).toBeTruthy();
    act(() => run.model.update({ dropped_blocks: 600 }));
    expect(screen.queryByText('These ranks have put out nothing.')).toBeNull();
    expect(
      screen.getByText(/if anything, is among what is left out/)
    ).toBeTruthy();
  });

  it('keeps the focus when a button has done its work', async () => {
    show({ blocking: false });
    const result = screen.getByRole('region', { name: 'On engines: psum(a)' });
    screen.getByRole('button', { name: /^Stop/ }).focus();
    act(() => run.model.update({ state: 'interrupted', states: 'iiii' }));
    expect(document.activeElement).toBe(result);
    // Somebody who has gone elsewhere stays there.
    const field = screen.getByRole('textbox', { name: 'Ranks' });
    await userEvent.type(field, '1');
    await userEvent.clear(field);
    expect(document.activeElement).toBe(field);
    // A click in the result is one on its cell.
    expect(result.hasAttribute('tabindex')).toBe(false);
  });

  it('has a stop for the keyboard where there is something to scroll', () => {
    const long = 'line\n'.repeat(40);
    show({
      blocks: [block(), block({ key: 'b', text: long, ranks: '1' })]
    });
    const [short, tall] = document.querySelectorAll('pre');
    expect(short?.hasAttribute('tabindex')).toBe(false);
    expect(tall?.tabIndex).toBe(0);
    tall?.focus();
    // Or the arrows would go to the next cell.
    expect(tall?.hasAttribute('data-lm-suppress-shortcuts')).toBe(true);
    tall?.blur();
    expect(tall?.hasAttribute('data-lm-suppress-shortcuts')).toBe(false);
  });

  it('has one for coloured text, too', () => {
    const long = '\x1b[31mline\x1b[0m\n'.repeat(40);
    show({ blocks: [block({ text: long })] });
    const [text] = document.querySelectorAll<HTMLElement>(
      '.jp-Engines-Result-text'
    );
    expect(text?.tabIndex).toBe(0);
    text?.focus();
    expect(text?.hasAttribute('data-lm-suppress-shortcuts')).toBe(true);
  });

  it('shows the other outputs when a renderer fails at once', async () => {
    show({});
    given.rendermime.addFactory({
      safe: true,
      mimeTypes: ['image/svg+xml'],
      createRenderer: () => {
        const renderer = given.rendermime.clone().createRenderer('text/plain');
        renderer.renderModel = () => {
          throw new Error('no pictures');
        };
        return renderer;
      }
    });
    const one = (key: string, data: object): Record<string, unknown> =>
      block({ key, kind: 'display', text: null, data });
    act(() =>
      run.model.update({
        blocks: [
          one('a', { 'image/svg+xml': '<svg/>' }),
          one('b', { 'text/html': '<b>bold</b>' })
        ]
      })
    );
    await screen.findByText('This output could not be shown: no pictures');
    await screen.findByText('bold');
  });

  it('shows all when each rank is chosen', async () => {
    show({ ranks: [0, 1], states: 'rr' });
    await userEvent.click(screen.getByTitle('rank 0: running'));
    await userEvent.click(screen.getByTitle('rank 1: running'));
    expect(view.selection).toBeNull();
  });

  it('chooses ranks by the keyboard, with a single stop for all squares', async () => {
    show();
    const list = screen.getByRole('listbox');
    act(() => list.focus());
    const active = () =>
      document.getElementById(list.getAttribute('aria-activedescendant') ?? '')
        ?.title;
    expect(active()).toBe('rank 0: running');
    await userEvent.keyboard('{ArrowRight}{ArrowRight}{ArrowLeft}');
    expect(active()).toBe('rank 1: running');
    await userEvent.keyboard('{End}');
    expect(active()).toBe('rank 3: running');
    await userEvent.keyboard('{ArrowRight}{ArrowDown}{ArrowUp} ');
    expect(
      within(list)
        .getAllByRole('option', { selected: true })
        .map(({ title }) => title)
    ).toEqual(['rank 3: running']);
    await userEvent.keyboard('{Home}{Enter}');
    expect(view.filter).toBe('0, 3');
    // Other keys are not ours.
    await userEvent.keyboard('a');
    await userEvent.keyboard(
      '{Shift>}{Enter}{/Shift}{Control>}{End}{/Control}'
    );
    expect(view.filter).toBe('0, 3');
    expect(active()).toBe('rank 0: running');
    act(() => list.blur());
    expect(list.hasAttribute('aria-activedescendant')).toBe(false);
  });

  it('moves by rows as wide as they are now', async () => {
    show({ ranks: [0, 1, 2, 3, 4], states: 'rrrrr' });
    const list = screen.getByRole('listbox');
    Array.from(list.children).forEach((square, index) => {
      Object.defineProperty(square, 'offsetTop', {
        value: Math.floor(index / 2) * 14
      });
    });
    act(() => list.focus());
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}');
    expect(list.getAttribute('aria-activedescendant')).toMatch(/-4$/);
    await userEvent.keyboard('{ArrowUp}');
    expect(list.getAttribute('aria-activedescendant')).toMatch(/-2$/);
  });
});
