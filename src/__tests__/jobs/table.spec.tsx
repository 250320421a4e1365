import { act, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import type { Job } from '../../api/generated';
import type { IRow } from '../../jobs/filter';
import { StaleNotice, OrphanNotice } from '../../jobs/statusLine';
import { JobTable } from '../../jobs/table';
import type { IJobTableProps } from '../../jobs/table';
import { windowOf } from '../../rowWindow';
import { job, queuedJob, scheduler } from '../examples';
import { trans } from '../fakes';

function rowOf(one: Job, changes: Partial<IRow> = {}): IRow {
  return { job: one, depth: 0, subjobs: null, isOpen: false, ...changes };
}

function many(count: number): IRow[] {
  return Array.from({ length: count }, (_, n) =>
    rowOf(job({ job_id: `${n}.s`, name: `sim_${n}` }))
  );
}

function props(changes: Partial<IJobTableProps> = {}): IJobTableProps {
  return {
    rows: [rowOf(job()), rowOf(queuedJob())],
    column: 'id',
    isDescending: true,
    showsOwner: false,
    isStale: false,
    now: 5000,
    requests: new Map(),
    trans,
    hasMenu: () => true,
    onSort: jest.fn(),
    onFold: jest.fn(),
    onMenu: jest.fn(),
    ...changes
  };
}

function focusGrid(): void {
  act(() => screen.getByRole('grid').focus());
}

function active(): string | null {
  const id = screen.getByRole('grid').getAttribute('aria-activedescendant');
  return id === null
    ? null
    : (document.getElementById(id)?.dataset.job ?? 'not drawn');
}

describe('JobTable', () => {
  it('shows a job in words and times as qstat writes them', () => {
    render(
      <JobTable
        {...props({
          now: 4940 + 405,
          rows: [rowOf(job({ cluster: 'pbs', memory_bytes: 2 ** 31 }))]
        })}
      />
    );
    const [, row] = screen.getAllByRole('row');
    const cells = within(row ?? document.body)
      .getAllByRole('gridcell')
      .map(({ textContent }) => textContent);
    expect(cells.slice(0, -1)).toEqual([
      'Running',
      '16',
      'engines of pbs',
      'default',
      '2',
      '8',
      '2 GB',
      '00:06:45',
      '01:00:00',
      'n2×4 n1×4'
    ]);
  });

  it('says why a job waits and what was asked of it', () => {
    render(
      <JobTable
        {...props({
          requests: new Map([
            ['17.pbshead', { action: 'delete' as const, askedAt: 0 }]
          ])
        })}
      />
    );
    expect(screen.getByText('delete requested')).toBeTruthy();
    expect(screen.getByText('waiting 00:01:40')).toBeTruthy();
    expect(screen.getByText(/^Not Running: Insufficient/)).toBeTruthy();
  });

  it('has the users’ names only where there are several', () => {
    const { rerender } = render(<JobTable {...props()} />);
    expect(screen.queryByRole('columnheader', { name: 'User' })).toBeNull();
    rerender(<JobTable {...props({ showsOwner: true })} />);
    expect(screen.getByRole('columnheader', { name: 'User' })).toBeTruthy();
  });

  it('draws only what is in sight of ten thousand, and counts all', () => {
    render(<JobTable {...props({ rows: many(10_000) })} />);
    const grid = screen.getByRole('grid', { name: 'Jobs' });
    expect(grid.getAttribute('aria-rowcount')).toBe('10001');
    // By role each would be looked at with all its styles.
    const drawn = () => grid.querySelectorAll('[role="row"]').length;
    expect(drawn()).toBeLessThanOrEqual(150);
    fireEvent.scroll(grid, { target: { scrollTop: 5000 * 28 } });
    expect(
      screen
        .getByText('5000')
        .closest('[role="row"]')
        ?.getAttribute('aria-rowindex')
    ).toBe('5002');
    expect(drawn()).toBeLessThanOrEqual(150);
  });

  it('sorts by its headers, and says how it is sorted', async () => {
    const given = props();
    render(<JobTable {...given} />);
    expect(
      screen
        .getByRole('columnheader', { name: 'Job' })
        .getAttribute('aria-sort')
    ).toBe('descending');
    await userEvent.click(screen.getByRole('button', { name: 'Cores' }));
    expect(given.onSort).toHaveBeenCalledWith('cores');
  });

  it('is walked by the keyboard, and keeps its place when rows come and go', async () => {
    const rows = many(500);
    const given = props({ rows });
    const { rerender } = render(<JobTable {...given} />);
    focusGrid();
    expect(active()).toBe('0.s');
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowUp}');
    expect(active()).toBe('1.s');
    await userEvent.keyboard('{End}');
    expect(active()).toBe('499.s');
    await userEvent.keyboard('{Home}{PageDown}');
    expect(active()).toBe('19.s');
    rerender(<JobTable {...given} rows={rows.slice(10)} />);
    expect(active()).toBe('19.s');
    expect(document.activeElement).toBe(screen.getByRole('grid'));
    // Its job is gone: the row that took its place is next.
    rerender(
      <JobTable
        {...given}
        rows={rows.slice(10).filter(({ job: { job_id } }) => job_id !== '19.s')}
      />
    );
    expect(active()).toBe('20.s');
  });

  it.each(['{Enter}', '{Shift>}{F10}{/Shift}', '{ContextMenu}'])(
    'opens the menu of the active job with %s',
    async keys => {
      const given = props();
      render(<JobTable {...given} />);
      focusGrid();
      await userEvent.keyboard(`{ArrowDown}${keys}`);
      expect(given.onMenu).toHaveBeenCalledTimes(1);
      expect(given.onMenu).toHaveBeenCalledWith(
        given.rows[1],
        expect.anything(),
        screen.getByRole('grid')
      );
    }
  );

  it('opens menus by the button and by the right click, not where nothing can be done', () => {
    const given = props({
      hasMenu: ({ job: { state } }) => state === 'queued'
    });
    render(<JobTable {...given} />);
    fireEvent.click(
      screen.getByRole('button', { name: 'What can be done to 17.pbshead' })
    );
    fireEvent.contextMenu(screen.getByText('17'));
    fireEvent.contextMenu(screen.getByText('17'), { shiftKey: true });
    fireEvent.contextMenu(screen.getByText('n2×4 n1×4'));
    expect(given.onMenu).toHaveBeenCalledTimes(2);
  });

  it('unfolds arrays by mouse and keyboard', async () => {
    const array = rowOf(job({ job_id: '18[].s', state: 'array' }), {
      subjobs: { running: 1, queued: 3 }
    });
    const given = props({ rows: [array] });
    render(<JobTable {...given} />);
    expect(screen.getByText('4 subjobs: 1 running, 3 queued')).toBeTruthy();
    fireEvent.click(
      screen.getByRole('button', { name: 'Show the subjobs of 18[].s' })
    );
    focusGrid();
    await userEvent.keyboard('{ArrowRight}{ArrowLeft}');
    expect((given.onFold as jest.Mock).mock.calls).toEqual([
      ['18[].s', true],
      ['18[].s', true],
      ['18[].s', false]
    ]);
  });
});

describe('windowOf', () => {
  it('holds the active row, wherever it is', () => {
    expect(windowOf(0, 280, 1000, 900)).toContain(900);
    expect(windowOf(992, 280, 1000, null).pop()).toBe(999);
    expect(windowOf(0, 280, 3, null)).toEqual([0, 1, 2]);
    expect(windowOf(0, 100_000, 100_000, null).length).toBeLessThanOrEqual(150);
  });
});

describe('The notices of the table', () => {
  it('say since when nobody knows, and what PBS said', () => {
    render(
      <StaleNotice
        status={scheduler({ answering: false, problem: 'errno=15010' })}
        isLinkLost={false}
        serverNow={5000}
        trans={trans}
      />
    );
    expect(screen.getByRole('alert').textContent).toMatch(
      /Unknown since .+: PBS does not answer\..*as of .+; they may have changed\..*errno=15010/
    );
  });

  it('offer to delete what carries our tag, one by one', () => {
    const onDelete = jest.fn();
    const onShow = jest.fn();
    render(
      <OrphanNotice
        orphans={[job({ orphan: true }), queuedJob({ orphan: true })]}
        trans={trans}
        onShow={onShow}
        onDelete={onDelete}
      />
    );
    expect(
      screen.getByText(/2 jobs carry our tag and belong to no cluster/)
    ).toBeTruthy();
    fireEvent.click(
      screen.getByRole('button', { name: 'Delete job 17.pbshead' })
    );
    expect(onDelete).toHaveBeenCalledWith('17.pbshead');
    fireEvent.click(screen.getByRole('button', { name: 'Show' }));
    expect(onShow).toHaveBeenCalled();
  });
});
