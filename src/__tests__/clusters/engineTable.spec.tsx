import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { EngineTable } from '../../clusters/engineTable';
import { activity, batch, cluster, doing, engine, engines } from '../examples';
import { trans } from '../fakes';

const cells = () =>
  screen
    .getAllByRole('row')
    .slice(1)
    .map(row => [
      within(row).getByRole('rowheader').textContent,
      ...within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent.trim())
    ]);

const NOW = 5000;

describe('EngineTable', () => {
  it('lists the engines by rank, with words for their state', () => {
    render(
      <EngineTable
        cluster={cluster({
          engines: [
            engine(1, { alive: false, host: 'n2' }),
            engine(2, { rank: null, host: null, pid: null }),
            engine(0)
          ]
        })}
        activity={null}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(
      screen.getByRole('table', { name: 'Engines of local' })
    ).toBeTruthy();
    expect(cells()).toEqual([
      ['0', 'n1', 'alive', '—', '—'],
      ['1', 'n2', 'lost', '—', '—'],
      ['2', '—', 'alive', '—', '—']
    ]);
    expect(screen.getByTitle('n1, process 4000').textContent).toBe('n1');
  });

  it('tells what engines do, since when, and what they use', () => {
    render(
      <EngineTable
        cluster={cluster({ engines: engines(4) })}
        activity={activity([
          doing(0, { busy_since: NOW - 65, what: 'psum(a)' }),
          doing(1, { cpu_percent: null, memory_mib: null }),
          doing(2, { busy_since: NOW - 2, what: null, memory_mib: 2048 }),
          doing(3, { silent_since: NOW - 30 })
        ])}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(cells()).toEqual([
      ['0', 'busypsum(a)', '100 %', '180 MB'],
      ['1', 'idle', '—', '—'],
      ['2', 'busya function', '100 %', '2.0 GB'],
      ['3', 'no heartbeat', '100 %', '180 MB']
    ]);
    expect(screen.getByTitle('psum(a), for 1 min')).toBeTruthy();
    // All on one host: told once.
    expect(screen.getByTitle('n1').textContent).toBe('n1');
  });

  it('believes nothing of another run, or of a controller that does not answer', () => {
    const { rerender } = render(
      <EngineTable
        cluster={cluster({ engines: engines(1), run_id: 'run-2' })}
        activity={activity([doing(0)])}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(cells()[0]?.[1]).toBe('alive');
    rerender(
      <EngineTable
        cluster={cluster({ engines: engines(1) })}
        activity={activity([doing(0)], { problem: 'silent' })}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(cells()[0]?.[1]).toBe('alive');
    expect(screen.getByText(/The controller does not answer/)).toBeTruthy();
  });

  it('says why nothing is known of a terminal’s engines, or nothing was measured', () => {
    const { rerender } = render(
      <EngineTable
        cluster={cluster({ origin: 'terminal' })}
        activity={null}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(screen.getByText(/does not tell/)).toBeTruthy();
    rerender(
      <EngineTable
        cluster={cluster({ engines: engines(1) })}
        activity={activity([doing(0, { cpu_percent: null, memory_mib: null })])}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(screen.getByText(/could measure them/)).toBeTruthy();
  });

  it('calls no engine alive while the scheduler is silent', () => {
    render(
      <EngineTable
        cluster={cluster({
          engines: [engine(0), engine(1, { alive: false })],
          batch: batch({ unknown_since: 1790000000 })
        })}
        activity={null}
        link={{ state: 'live' }}
        now={NOW}
        trans={trans}
      />
    );
    expect(cells().map(row => row[1])).toEqual(['unknown', 'lost']);
  });

  it('shows more than a panel has room for only on request, in the large table if there is one', async () => {
    const onOpen = jest.fn();
    const table = {
      cluster: cluster({ engines: engines(300) }),
      activity: null,
      link: { state: 'live' as const },
      now: NOW,
      trans
    };
    const { container, rerender } = render(
      <EngineTable {...table} onOpen={onOpen} />
    );
    const rows = () => container.querySelectorAll('tbody tr').length;
    expect(rows()).toBe(64);
    await userEvent.click(screen.getByText('Show all 300 engines'));
    await userEvent.click(
      screen.getByRole('button', { name: 'Open the engines of local' })
    );
    expect(onOpen.mock.calls).toEqual([['local'], ['local']]);
    expect(rows()).toBe(64);
    rerender(<EngineTable {...table} />);
    await userEvent.click(screen.getByText('Show all 300 engines'));
    expect(rows()).toBe(300);
  });
});
