import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { LogModel } from '../../clusters/logModel';
import { LogView } from '../../clusters/logView';
import type { ILogViewProps } from '../../clusters/logView';
import { cluster, starting } from '../examples';
import { Bench, trans, waitUntil } from '../fakes';

describe('LogModel', () => {
  let bench: Bench;
  let log: LogModel;

  beforeEach(async () => {
    bench = new Bench();
    await bench.connect([starting()], []);
    bench.network.answer = ({ url }) => ({
      status: 200,
      body: {
        source: 'engines',
        text: new URL(url).searchParams.get('source'),
        truncated: false
      }
    });
    log = new LogModel({ key: 'local', manager: bench.model, trans });
    await waitUntil(() => !log.isLoading);
  });

  afterEach(() => {
    log.dispose();
    bench.model.dispose();
  });

  it('reads the engines’ log first, another when asked', async () => {
    expect(log.log?.text).toBe('engines');
    await log.setSource('job');
    expect(log.log?.text).toBe('job');
  });

  it('reads again when the cluster’s state changes, not for each engine', async () => {
    bench.network.requests.length = 0;
    bench.tell([starting({ engines_registered: 3 })]);
    expect(log.isLoading).toBe(false);
    bench.tell([cluster()]);
    expect(log.isLoading).toBe(true);
    await waitUntil(() => !log.isLoading);
    expect(bench.network.requests).toHaveLength(1);
  });

  it('keeps what it has when reading again fails, and says so', async () => {
    bench.network.answer = () => {
      throw new TypeError('Failed to fetch');
    };
    await log.refresh();
    expect(log.log?.text).toBe('engines');
    expect(log.problem?.message).toMatch(/did not answer/);
  });

  it('does not show an answer that came too late', async () => {
    const late = log.refresh();
    const newer = log.setSource('controller');
    await Promise.all([late, newer]);
    expect(log.log?.text).toBe('controller');
  });
});

describe('LogView', () => {
  function props(changes: Partial<ILogViewProps> = {}): ILogViewProps {
    return {
      clusterKey: 'local',
      source: 'engines',
      log: { source: 'engines', text: 'one\ntwo', truncated: false },
      problem: null,
      isLoading: false,
      trans,
      onSource: jest.fn(),
      onRefresh: jest.fn(),
      onCopy: jest.fn(),
      ...changes
    };
  }

  it('shows one log, with tabs for the others', async () => {
    const given = props();
    render(<LogView {...given} />);
    expect(screen.getByRole('tabpanel', { name: 'Engines' }).textContent).toBe(
      'one\ntwo'
    );
    await userEvent.click(screen.getByRole('tab', { name: 'Controller' }));
    expect(given.onSource).toHaveBeenCalledWith('controller');
    await userEvent.click(screen.getByRole('button', { name: 'Copy' }));
    expect(given.onCopy).toHaveBeenCalledWith('one\ntwo');
    await userEvent.click(screen.getByRole('button', { name: 'Refresh' }));
    expect(given.onRefresh).toHaveBeenCalled();
  });

  it('moves between tabs with the arrow keys', async () => {
    const given = props();
    render(<LogView {...given} />);
    act(() => screen.getByRole('tab', { name: 'Engines' }).focus());
    await userEvent.keyboard('{ArrowLeft}');
    expect(given.onSource).toHaveBeenCalledWith('job');
    expect(document.activeElement).toBe(
      screen.getByRole('tab', { name: 'Job' })
    );
  });

  it('shows the end of a log that has grown', () => {
    const { rerender } = render(<LogView {...props()} />);
    const text = screen.getByText(/one/);
    Object.defineProperty(text, 'scrollHeight', { value: 900 });
    rerender(
      <LogView
        {...props({
          log: { source: 'engines', text: 'one\ntwo\nthree', truncated: true }
        })}
      />
    );
    expect(text.scrollTop).toBe(900);
    expect(screen.getByText('Older lines are left out.')).toBeTruthy();
  });

  it('says when there is nothing, and when it could not be read', () => {
    render(
      <LogView
        {...props({
          log: { source: 'engines', text: '', truncated: false },
          problem: { message: 'No answer.', nextStep: '', detail: null }
        })}
      />
    );
    expect(screen.getByText('Nothing has been written yet.')).toBeTruthy();
    expect(screen.getByRole('alert').textContent).toContain('No answer.');
  });
});
