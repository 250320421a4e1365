import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { EngineTable } from '../../clusters/engineTable';
import { batch, cluster, engine, engines } from '../examples';
import { trans } from '../fakes';

const cells = () =>
  screen
    .getAllByRole('row')
    .slice(1)
    .map(row => [
      within(row).getByRole('rowheader').textContent,
      ...within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent)
    ]);

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
        trans={trans}
      />
    );
    expect(
      screen.getByRole('table', { name: 'Engines of local' })
    ).toBeTruthy();
    expect(cells()).toEqual([
      ['0', 'n1', '4000', 'alive'],
      ['1', 'n2', '4001', 'lost'],
      ['2', 'not known', 'not known', 'alive']
    ]);
  });

  it('calls no engine alive while the scheduler is silent', () => {
    render(
      <EngineTable
        cluster={cluster({
          engines: [engine(0), engine(1, { alive: false })],
          batch: batch({ unknown_since: 1790000000 })
        })}
        trans={trans}
      />
    );
    expect(cells().map(row => row[row.length - 1])).toEqual([
      'unknown',
      'lost'
    ]);
  });

  it('shows more than a panel has room for only on request', async () => {
    const { container } = render(
      <EngineTable cluster={cluster({ engines: engines(300) })} trans={trans} />
    );
    const rows = () => container.querySelectorAll('tbody tr').length;
    expect(rows()).toBe(64);
    await userEvent.click(screen.getByText('Show all 300 engines'));
    expect(rows()).toBe(300);
  });
});
