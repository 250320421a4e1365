import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { Card } from '../../clusters/card';
import type { ICardProps } from '../../clusters/card';
import { cluster, engine, failed, stages, starting } from '../examples';
import { trans } from '../fakes';

function props(changes: Partial<ICardProps> = {}): ICardProps {
  return {
    cluster: cluster(),
    now: 1010,
    notebooks: [],
    trans,
    onStop: jest.fn(),
    onConnect: jest.fn(),
    onLog: jest.fn(),
    onRestart: jest.fn(),
    onDismiss: jest.fn(),
    ...changes
  };
}

const buttons = () =>
  screen.getAllByRole('button').map(button => button.textContent);

describe('Card', () => {
  it('says that engines are ready, on which MPI, and offers to connect', async () => {
    const given = props({ notebooks: ['a.ipynb', 'b.ipynb'] });
    render(<Card {...given} />);
    const card = screen.getByRole('article', { name: 'local' });
    expect(card.textContent).toContain('Ready · 4 of 4 engines');
    expect(card.textContent).toContain('MPI: MPICH 5.0.2 · one world of 4');
    expect(card.textContent).toContain('Connected: a.ipynb, b.ipynb');
    expect(card.textContent).toContain('Start took 4 s');
    expect(buttons()).toEqual(['Stop', 'Connect notebook', 'Log']);

    const user = userEvent.setup();
    await user.click(
      screen.getByRole('button', { name: 'Connect notebook to local' })
    );
    expect(given.onConnect).toHaveBeenCalledWith('local');
    await user.click(screen.getByRole('button', { name: 'Stop local' }));
    expect(given.onStop).toHaveBeenCalledWith('local');
    await user.click(screen.getByRole('button', { name: 'Log of local' }));
    expect(given.onLog).toHaveBeenCalledWith('local');
  });

  it('shows each stage of a start, its state in words, and its time', () => {
    const { rerender } = render(<Card {...props({ cluster: starting() })} />);
    const items = within(
      screen.getByRole('list', { name: 'Stages of the start' })
    )
      .getAllByRole('listitem')
      .map(item => item.textContent);
    expect(items).toEqual([
      'Submitteddone00:00:01',
      'Controllerdone00:00:01',
      'Engines · 2 of 4in progress00:00:08',
      'MPI checkwaiting'
    ]);
    expect(
      screen
        .getAllByRole('listitem')
        .map(item => item.getAttribute('aria-current'))
    ).toEqual([null, null, 'step', null]);
    rerender(<Card {...props({ cluster: starting(), now: 1012 })} />);
    expect(screen.getByText('00:00:10')).toBeTruthy();
    expect(buttons()).toEqual(['Stop', 'Log']);
  });

  it('does not stop twice', async () => {
    const given = props({ cluster: cluster({ state: 'stopping' }) });
    render(<Card {...given} />);
    const stop = screen.getByRole('button', { name: 'Stop local' });
    expect(stop.getAttribute('aria-disabled')).toBe('true');
    await userEvent.click(stop);
    expect(given.onStop).not.toHaveBeenCalled();
  });

  it('says why it failed, what to do, and shows the log on request', async () => {
    const given = props({
      cluster: failed({
        code: 'mpiexec_missing',
        params: { command: 'mpiexec' },
        log_tail: 'sh: mpiexec: not found'
      })
    });
    render(<Card {...given} />);
    expect(screen.getByText('Failed')).toBeTruthy();
    expect(
      screen.getByText('The MPI launcher mpiexec was not found.')
    ).toBeTruthy();
    expect(screen.getByText('pip install mpich').tagName).toBe('CODE');
    const output = screen.getByText('sh: mpiexec: not found');
    expect(output.closest('details')?.open).toBe(false);
    await userEvent.click(screen.getByText('Show output'));
    expect(output.closest('details')?.open).toBe(true);
    expect(buttons()).toEqual(['Start again', 'Log', 'Dismiss']);
    await userEvent.click(
      screen.getByRole('button', { name: 'Start local again' })
    );
    expect(given.onRestart).toHaveBeenCalledWith('local');
    await userEvent.click(
      screen.getByRole('button', { name: 'Dismiss local' })
    );
    expect(given.onDismiss).toHaveBeenCalledWith('local');
  });

  it('shows a user’s text as it is, never as markup', () => {
    render(
      <Card
        {...props({ cluster: failed({ log_tail: '<b onclick="x">&lt;' }) })}
      />
    );
    expect(screen.getByText('<b onclick="x">&lt;')).toBeTruthy();
  });

  it('offers to start again over what did not end', () => {
    render(
      <Card
        {...props({
          cluster: failed({
            code: 'stop_incomplete',
            params: { pids: '7', host: 'n1' }
          })
        })}
      />
    );
    expect(buttons()).toEqual(['Start again', 'Log', 'Dismiss']);
  });

  it('names the rank that a degraded cluster has lost', () => {
    render(
      <Card
        {...props({
          cluster: cluster({
            state: 'degraded',
            engines: [engine(0), engine(1, { alive: false })]
          })
        })}
      />
    );
    expect(screen.getByText(/^Lost: rank 1\. The MPI world is/)).toBeTruthy();
  });

  it('tells what was started in a terminal', () => {
    render(
      <Card
        {...props({
          cluster: cluster({ origin: 'terminal', engines_requested: null })
        })}
      />
    );
    expect(screen.getByText('Started in a terminal')).toBeTruthy();
    expect(screen.getByText('Ready · 4 engines')).toBeTruthy();
  });

  it('shows the stage that failed', () => {
    render(
      <Card
        {...props({
          cluster: failed({}, { stages: stages('done', 'failed') })
        })}
      />
    );
    expect(screen.getAllByRole('listitem')[1]?.textContent).toBe(
      'Controllerfailed00:00:01'
    );
  });

  it('tells no story of a start that went well when an engine died later', () => {
    render(
      <Card
        {...props({
          cluster: failed(
            {},
            { stages: stages('done', 'done', 'done', 'done') }
          )
        })}
      />
    );
    expect(screen.queryByRole('list')).toBeNull();
    expect(screen.queryByText(/Start took/)).toBeNull();
  });

  it('keeps the focus on a button that stays', () => {
    const { rerender } = render(<Card {...props({ cluster: starting() })} />);
    const stop = screen.getByRole('button', { name: 'Stop local' });
    stop.focus();
    rerender(<Card {...props({ cluster: cluster() })} />);
    expect(document.activeElement).toBe(stop);
    expect(stop.isConnected).toBe(true);
  });

  it('keeps the focus when the focused button goes', () => {
    const { rerender } = render(
      <Card {...props({ cluster: cluster({ state: 'stopping' }) })} />
    );
    screen.getByRole('button', { name: 'Stop local' }).focus();
    rerender(<Card {...props({ cluster: cluster({ state: 'stopped' }) })} />);
    expect(document.activeElement).toBe(
      screen.getByRole('article', { name: 'local' })
    );
  });

  it('takes no focus that was elsewhere', () => {
    const { rerender } = render(<Card {...props({ cluster: starting() })} />);
    rerender(<Card {...props({ cluster: failed() })} />);
    expect(document.activeElement).toBe(document.body);
  });
});
