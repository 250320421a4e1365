import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import type { Cluster } from '../../api/generated';
import { notebookStatus } from '../../kernels/status';
import { NotebookEngines } from '../../kernels/toolbarItem';
import type { Connection } from '../../tokens';
import { cluster, engine, failed, starting } from '../examples';
import { trans } from '../fakes';

const connected: Connection = {
  state: 'connected',
  key: 'local',
  runId: 'run-1'
};
const detached: Connection = { ...connected, state: 'detached' };

describe('notebookStatus', () => {
  const cases: [Connection, Cluster | undefined, string, RegExp, string][] = [
    [{ state: 'none' }, undefined, 'Engines', /Click to connect/, 'menu'],
    [{ state: 'unknown' }, undefined, 'Engines', /not known yet/, 'menu'],
    [
      { ...connected, state: 'connecting' },
      cluster(),
      'local …',
      /Connecting/,
      'menu'
    ],
    [connected, cluster(), 'local 4/4', /all its engines are alive/, 'menu'],
    [
      connected,
      cluster({
        state: 'degraded',
        engines: [engine(0), engine(1, { alive: false })]
      }),
      'local 1/4',
      /lost engines: 1 of 4/,
      'menu'
    ],
    [
      connected,
      cluster({ run_id: 'run-2' }),
      'Reattach local',
      /started again since/,
      'reattach'
    ],
    [detached, cluster(), 'Reattach local', /kernel has restarted/, 'reattach'],
    [
      detached,
      cluster({ state: 'stopped' }),
      'local · stopped',
      /not running/,
      'menu'
    ],
    [connected, undefined, 'local · stopped', /not running/, 'menu'],
    [connected, failed(), 'local · failed', /says why/, 'menu'],
    [connected, starting(), 'local · starting', /starting again/, 'menu'],
    [
      connected,
      cluster({ state: 'stopping' }),
      'local · stopping',
      /being stopped/,
      'menu'
    ]
  ];
  it.each(cases)(
    'shows %o with cluster %o',
    (connection, known, label, caption, action) => {
      const status = notebookStatus(connection, known, trans);
      expect(status.label).toBe(label);
      expect(status.caption).toMatch(caption);
      expect(status.action).toBe(action);
    }
  );
});

describe('NotebookEngines', () => {
  it('is a button that says it all, without colour', async () => {
    const onClick = jest.fn();
    render(
      <NotebookEngines
        status={notebookStatus(connected, cluster(), trans)}
        onClick={onClick}
      />
    );
    const button = screen.getByRole('button', { name: 'local 4/4' });
    expect(button.title).toMatch(/all its engines are alive/);
    expect(button.getAttribute('aria-haspopup')).toBe('menu');
    await userEvent.click(button);
    expect(onClick).toHaveBeenCalledWith(button);
  });
});
