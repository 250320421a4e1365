import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { rowsOf, sortRows } from '../../clusters/engineRows';
import { EngineView } from '../../clusters/engineView';
import type { IEngineViewProps } from '../../clusters/engineView';
import { pathOf } from '../../clusters/sparkline';
import { activity, cluster, doing, engines } from '../examples';
import { trans } from '../fakes';

const NOW = 5000;

function show(changes: Partial<IEngineViewProps> = {}) {
  const props: IEngineViewProps = {
    clusterKey: 'local',
    cluster: cluster({ engines: engines(3) }),
    activity: activity([
      doing(0, { busy_since: NOW - 65, what: 'psum(a)', queued: 2 }),
      doing(1, { cpu_percent: 0, silent_since: NOW - 4 }),
      doing(2, { memory_mib: 99 })
    ]),
    link: { state: 'live' },
    now: NOW,
    column: 'rank',
    isDescending: false,
    trans,
    onSort: jest.fn(),
    onInterrupt: jest.fn(),
    onRestart: jest.fn(),
    onRetry: jest.fn(),
    onCopy: jest.fn(),
    ...changes
  };
  return { props, ...render(<EngineView {...props} />) };
}

describe('EngineView', () => {
  it('has all that is known of each engine', () => {
    show();
    const rows = within(
      screen.getByRole('table', { name: 'Engines of local' })
    ).getAllByRole('row');
    const texts = rows
      .slice(1)
      .map(row => [...row.children].map(cell => cell.textContent));
    expect(texts).toEqual([
      [
        '0',
        'n1',
        '4000',
        'busy',
        'psum(a)',
        '00:01:05',
        '2',
        '100 %',
        '180 MB',
        '2 s ago'
      ],
      ['1', 'n1', '4001', 'idle', '', '', '0', '0 %', '180 MB', '4 s ago'],
      ['2', 'n1', '4002', 'idle', '', '', '0', '100 %', '99 MB', '2 s ago']
    ]);
    expect(screen.getByText(/1 busy, 2 idle/)).toBeTruthy();
  });

  it('tells in words what the charts show', () => {
    show();
    expect(
      screen.getAllByRole('img').map(image => image.getAttribute('aria-label'))
    ).toEqual([
      'Busy: now 1 of 3; of the last 10 minutes at least 1 of 3, at most 3 of 3',
      'CPU, mean: now 40 %; of the last 10 minutes at least 40 %, at most 98 %',
      'Memory, all: now 1.5 GB; of the last 10 minutes at least 900 MB, at most 1.5 GB'
    ]);
  });

  it('sorts by what is clicked', async () => {
    const { props } = show({ column: 'cpu', isDescending: true });
    expect(
      screen
        .getByRole('columnheader', { name: /CPU/ })
        .getAttribute('aria-sort')
    ).toBe('descending');
    await userEvent.click(screen.getByRole('button', { name: 'Memory' }));
    expect(props.onSort).toHaveBeenCalledWith('memory');
  });

  it('interrupts and restarts only engines that are ready, and none of a terminal', async () => {
    const { props, rerender } = show();
    await userEvent.click(screen.getByText('Interrupt'));
    await userEvent.click(screen.getByText('Restart engines…'));
    expect(props.onInterrupt).toHaveBeenCalledWith('local');
    expect(props.onRestart).toHaveBeenCalledWith('local');
    rerender(
      <EngineView {...props} cluster={cluster({ state: 'starting' })} />
    );
    await userEvent.click(screen.getByText('Restart engines…'));
    expect(props.onRestart).toHaveBeenCalledTimes(1);
    rerender(
      <EngineView {...props} cluster={cluster({ origin: 'terminal' })} />
    );
    expect(screen.queryByText('Restart engines…')).toBeNull();
    expect(screen.queryByText('Interrupt')).toBeNull();
  });

  it('claims nothing of engines of which nothing is told', () => {
    show({ activity: null, link: { state: 'polling' } });
    expect(screen.queryByText(/\d busy/)).toBeNull();
    expect(
      screen.getByText(/not known: that is told by WebSockets only/)
    ).toBeTruthy();
  });

  it('says that the server is gone, and offers to ask again', async () => {
    const { props } = show({ link: { state: 'lost', knownAt: NOW * 1000 } });
    expect(screen.getByRole('alert').textContent).toMatch(/Connection lost/);
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(props.onRetry).toHaveBeenCalled();
  });

  it('says that a cluster is gone', () => {
    show({ cluster: undefined });
    expect(screen.getByRole('status').textContent).toBe(
      'There is no cluster named local.'
    );
  });
});

describe('rows of engines', () => {
  const rows = rowsOf(
    cluster({ engines: engines(3) }),
    activity([
      doing(0, { busy_since: NOW - 5, queued: 1 }),
      doing(2, { busy_since: NOW - 50, cpu_percent: 3 })
    ]),
    NOW
  );
  const ranks = (...args: [Parameters<typeof sortRows>[1], boolean]) =>
    sortRows(rows, ...args).map(({ rank }) => rank);

  it('stand last where a value is not known, in both directions', () => {
    expect(ranks('cpu', false)).toEqual([2, 0, 1]);
    expect(ranks('cpu', true)).toEqual([0, 2, 1]);
    expect(ranks('since', true)).toEqual([2, 0, 1]);
    expect(ranks('heartbeat', false)).toEqual([0, 2, 1]);
    expect(ranks('state', false)).toEqual([1, 0, 2]);
    expect(ranks('pid', true)).toEqual([2, 1, 0]);
  });
});

describe('the line of a chart', () => {
  const path = (samples: [number, number | null][]) =>
    pathOf({
      samples: samples.map(([at, value]) => ({ at, value })),
      now: 600,
      span: 600,
      top: 10
    });

  it('breaks where nobody measured', () => {
    expect(path([])).toBe('');
    expect(path([[600, 10]])).toBe('M120.0 1.0h0.5');
    expect(
      path([
        [0, 0],
        [5, 10],
        [300, 5],
        [305, null],
        [310, 0]
      ])
    ).toBe('M0.0 31.0h0.5L1.0 1.0M60.0 16.0h0.5M62.0 31.0h0.5');
  });
});
