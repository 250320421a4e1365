import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { ClusterList } from '../../clusters/clusterList';
import type { IClusterListProps } from '../../clusters/clusterList';
import type { Link } from '../../tokens';
import { cluster, profile } from '../examples';
import { trans } from '../fakes';

function props(changes: Partial<IClusterListProps> = {}): IClusterListProps {
  return {
    link: { state: 'live' },
    isKnown: true,
    clusters: [],
    now: 1010,
    announcement: '',
    trans,
    form: {
      profiles: [profile()],
      profile: profile(),
      enginesText: '4',
      fieldError: null,
      problem: null,
      obstacle: null,
      isPending: false,
      resources: null,
      trans,
      onProfile: jest.fn(),
      onEngines: jest.fn(),
      onEnginesDone: jest.fn(),
      onStart: jest.fn(),
      onUse: jest.fn()
    },
    scheduler: null,
    notebooksOf: () => [],
    onRetry: jest.fn(),
    onCopy: jest.fn(),
    onStop: jest.fn(),
    onConnect: jest.fn(),
    onLog: jest.fn(),
    onRestart: jest.fn(),
    onDismiss: jest.fn(),
    ...changes
  };
}

describe('ClusterList', () => {
  it('says what to do when nothing runs', () => {
    render(<ClusterList {...props()} />);
    expect(screen.getByText(/No engines are running\. Choose/)).toBeTruthy();
    expect(screen.getByRole('form', { name: 'Start engines' })).toBeTruthy();
  });

  it('has a card for each cluster', () => {
    render(
      <ClusterList
        {...props({ clusters: [cluster(), cluster({ key: 'b' })] })}
      />
    );
    expect(screen.getAllByRole('article')).toHaveLength(2);
  });

  it('keeps the focus in the list when the focused card goes', () => {
    const { rerender } = render(
      <ClusterList {...props({ clusters: [cluster({ state: 'stopped' })] })} />
    );
    screen.getByRole('button', { name: 'Dismiss local' }).focus();
    rerender(<ClusterList {...props({ clusters: [] })} />);
    expect(document.activeElement).toBe(
      screen.getByRole('region', { name: 'Clusters' })
    );
  });

  it('announces politely, and not the cards themselves', () => {
    render(
      <ClusterList
        {...props({
          clusters: [cluster()],
          announcement: 'local: Ready · 4 of 4 engines'
        })}
      />
    );
    const status = screen.getByRole('status');
    expect(status.getAttribute('aria-live')).toBe('polite');
    expect(status.textContent).toBe('local: Ready · 4 of 4 engines');
    expect(screen.getByRole('article').closest('[aria-live]')).toBeNull();
  });

  it('gives the command that installs the server half, to copy', async () => {
    const given = props({ link: { state: 'missing' }, isKnown: false });
    render(<ClusterList {...given} />);
    expect(screen.getByRole('alert').textContent).toContain(
      'pip install jupyterlab-engines'
    );
    expect(screen.queryByRole('form')).toBeNull();
    await userEvent.click(
      screen.getByRole('button', { name: 'Copy the command' })
    );
    expect(given.onCopy).toHaveBeenCalledWith('pip install jupyterlab-engines');
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(given.onRetry).toHaveBeenCalled();
  });

  it('keeps what was known when the connection is lost, and says since when', () => {
    const knownAt = new Date(2026, 1, 3, 9, 14).getTime();
    render(
      <ClusterList
        {...props({ link: { state: 'lost', knownAt }, clusters: [cluster()] })}
      />
    );
    expect(screen.getByRole('alert').textContent).toMatch(
      /Connection lost · showing what was known at 0?9:14/
    );
    expect(screen.getByRole('article')).toBeTruthy();
  });

  const links: [Link, RegExp, boolean][] = [
    [{ state: 'connecting' }, /Asking the Jupyter server/, false],
    [{ state: 'lost', knownAt: null }, /does not answer/, false],
    [{ state: 'polling' }, /WebSockets are blocked/, true],
    [{ state: 'refused', message: 'no role' }, /not let you.*no role/, false],
    [
      { state: 'mismatch', serverVersion: '2.0', older: 'page' },
      /newer jupyterlab-engines \(2\.0\).*reload the page/,
      false
    ],
    [
      { state: 'mismatch', serverVersion: '0.1', older: 'server' },
      /older jupyterlab-engines \(0\.1\).*Restart the Jupyter server/,
      false
    ]
  ];
  it.each(links)('says what %o means', (link, sentence, hasForm) => {
    render(
      <ClusterList {...props({ link, isKnown: link.state === 'polling' })} />
    );
    expect(screen.getByText(sentence)).toBeTruthy();
    expect(screen.queryByRole('form') !== null).toBe(hasForm);
  });

  it('shows no old cards to a page that may not trust them', () => {
    render(
      <ClusterList
        {...props({
          link: { state: 'mismatch', serverVersion: '2', older: 'page' },
          clusters: [cluster()]
        })}
      />
    );
    expect(screen.queryByRole('article')).toBeNull();
  });
});
