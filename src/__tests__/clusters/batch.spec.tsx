import { render, screen, within } from '@testing-library/react';
import * as React from 'react';
import type { Cluster, Stage } from '../../api/generated';
import {
  batchSentence,
  hostsSentence,
  stopJobsSentence
} from '../../clusters/batchWords';
import { Card } from '../../clusters/card';
import { EngineCount } from '../../clusters/statusItem';
import { batch, cluster, engine, failed } from '../examples';
import { trans } from '../fakes';

const NOW = 1010;

function show(shown: Cluster): HTMLElement {
  render(
    <Card
      cluster={shown}
      now={NOW}
      notebooks={[]}
      trans={trans}
      onStop={jest.fn()}
      onConnect={jest.fn()}
      onLog={jest.fn()}
      onRestart={jest.fn()}
      onDismiss={jest.fn()}
    />
  );
  return screen.getByRole('article');
}

function queued(changes: Partial<Cluster> = {}): Cluster {
  const stage = (
    name: Stage['name'],
    status: Stage['status'],
    started: number | null,
    ended: number | null
  ): Stage => ({ name, status, started_at: started, ended_at: ended });
  return cluster({
    key: 'pbs',
    state: 'queued',
    state_since: NOW - 250,
    engines: [],
    engines_registered: 0,
    engines_requested: 64,
    mpi: null,
    stages: [
      stage('submitted', 'done', NOW - 251, NOW - 250),
      stage('queued', 'active', NOW - 250, null),
      stage('controller', 'waiting', null, null),
      stage('engines', 'waiting', null, null),
      stage('mpi_check', 'waiting', null, null)
    ],
    batch: batch({ ends_at: null, reason: 'Not enough free nodes' }),
    ...changes
  });
}

describe('the card of a batch cluster', () => {
  it('tells how long it is queued, as which job, and why', () => {
    const card = show(queued());
    expect(card.textContent).toContain('Queued 4 min · job 16');
    const [submitted, waiting, , registered] = within(
      screen.getByRole('list', { name: 'Stages of the start' })
    ).getAllByRole('listitem');
    expect(submitted?.textContent).toMatch(/^Submittedjob 16, .*done00:00:01$/);
    expect(waiting?.textContent).toBe(
      'QueuedPBS: Not enough free nodesin progress00:04:10'
    );
    expect(waiting?.getAttribute('aria-current')).toBe('step');
    expect(registered?.textContent).toContain('0 of 64');
  });

  it('tells what is left of the walltime, and where the engines are', () => {
    const card = show(cluster({ batch: batch() }));
    expect(card.textContent).toContain('Ready · job 16 · 53 min left');
    expect(card.textContent).toContain('4/4 engines on 1 node: n1 ×4');
    const bar = screen.getByRole('progressbar', { name: 'Walltime of local' });
    expect(bar.getAttribute('aria-valuetext')).toBe('53 min left');
    expect(bar.getAttribute('aria-valuenow')).toBe('12');
    expect(screen.queryByText(/ends soon/)).toBeNull();
  });

  it('warns in words when the walltime ends soon', () => {
    show(cluster({ batch: batch({ ends_at: NOW + 240 }) }));
    expect(screen.getByText(/walltime ends soon: save/)).toBeTruthy();
  });

  it('keeps the last state while PBS does not answer, and says so', () => {
    const card = show(
      cluster({
        batch: batch({ unknown_since: NOW - 60, unknown_why: 'errno=15010' })
      })
    );
    expect(card.getAttribute('data-state')).toBe('ready');
    // A tick would promise what nobody knows now.
    expect(card.querySelector('header [data-icon]')?.outerHTML).toContain(
      'alert'
    );
    expect(screen.getByRole('status').textContent).toMatch(
      /Unknown since .*: PBS does not answer\. Shown is what was known then\./
    );
    expect(screen.getByText('errno=15010').closest('details')?.open).toBe(
      false
    );
  });

  it('has its history on request', () => {
    show(
      queued({
        history: [
          { at: NOW - 251, state: 'submitting' },
          { at: NOW - 250, state: 'queued' }
        ]
      })
    );
    const items = within(
      screen.getByRole('list', { name: 'History of pbs' })
    ).getAllByRole('listitem');
    expect(items.map(item => item.textContent)).toEqual([
      expect.stringMatching(/ submitting$/),
      expect.stringMatching(/ queued$/)
    ]);
  });

  it('has no walltime once it has failed', () => {
    show(failed({}, { batch: batch() }));
    expect(screen.queryByRole('progressbar')).toBeNull();
  });
});

describe('batchSentence', () => {
  it.each([
    ['submitting', {}, 'Submitting · qsub has not answered yet'],
    ['stopping', {}, 'Stopping · waiting for its jobs to leave the queue'],
    ['stopped', {}, 'Stopped · its jobs have left the queue'],
    ['failed', {}, 'Failed'],
    ['starting', {}, 'Starting · 4 of 4 engines']
  ] as const)('says what a %s cluster is doing', (state, changes, sentence) => {
    const told = batch({ jobs: [], ends_at: null, ...changes });
    expect(
      batchSentence(cluster({ state, batch: told }), told, NOW, trans)
    ).toBe(sentence);
  });

  it('names both jobs where the controller has its own', () => {
    const [job] = batch().jobs;
    const two = batch({
      ends_at: null,
      jobs: job
        ? [
            { ...job, role: 'controller', job_id: '16.h' },
            { ...job, role: 'engines', job_id: '17[].h' }
          ]
        : []
    });
    expect(batchSentence(cluster({ batch: two }), two, NOW, trans)).toBe(
      'Ready · jobs 16, 17[]'
    );
  });

  it('tells the scheduler’s estimate', () => {
    const told = batch({ ends_at: null, estimated_start_at: NOW + 60 });
    expect(batchSentence(queued({ batch: told }), told, NOW, trans)).toMatch(
      /^Queued 4 min · job 16 · est\. \S/
    );
  });
});

it('counts the engines of each host', () => {
  const engines = [0, 1, 2].map(rank =>
    engine(rank, { host: rank < 2 ? 'n1' : 'n2' })
  );
  expect(hostsSentence(cluster({ engines, engines_requested: 4 }), trans)).toBe(
    '3/4 engines on 2 nodes: n1 ×2, n2 ×1'
  );
  expect(hostsSentence(cluster({ engines: [] }), trans)).toBe('');
});

describe('stopJobsSentence', () => {
  it('says what is lost', () => {
    expect(stopJobsSentence(queued(), batch(), NOW, trans)).toMatch(
      /deletes job 16 from the queue, where it has waited for 4 min\./
    );
    expect(stopJobsSentence(cluster(), batch(), NOW, trans)).toMatch(
      /deletes job 16 with what is left of its walltime/
    );
    expect(
      stopJobsSentence(cluster(), batch({ jobs: [] }), NOW, trans)
    ).toMatch(/as soon as it has an id/);
  });
});

it('shows in the status bar what is left', () => {
  render(
    <EngineCount
      clusters={[cluster({ batch: batch() }), queued()]}
      now={NOW}
      trans={trans}
      onClick={jest.fn()}
    />
  );
  expect(screen.getByRole('button').textContent).toBe(
    '4/4 · 53 min, pbs queued'
  );
});

it('says in the status bar that nobody knows while the scheduler is silent', () => {
  const silent = batch({ unknown_since: NOW - 60, unknown_why: 'errno=15010' });
  const { container } = render(
    <EngineCount
      clusters={[
        cluster({ key: 'pbs', batch: silent }),
        cluster({ key: 'local' })
      ]}
      now={NOW}
      trans={trans}
      onClick={jest.fn()}
    />
  );
  const item = screen.getByRole('button');
  expect(item.textContent).toMatch(/^pbs unknown since [^,]*\d\d[^,]*, 4\/4$/);
  expect(item.title).toMatch(/pbs: Unknown since .*: PBS does not answer\./);
  // Not by its colour alone.
  expect(container.querySelector('[data-icon]')?.outerHTML).toContain('alert');
});

it('shows what releases a held job as code on the card, in quotes in a tooltip', () => {
  const [job] = batch().jobs;
  const held = queued({
    batch: batch({ jobs: job === undefined ? [] : [{ ...job, state: 'held' }] })
  });
  show(held);
  render(
    <EngineCount
      clusters={[held]}
      now={NOW}
      trans={trans}
      onClick={jest.fn()}
    />
  );
  expect(screen.getByText('qrls 16').tagName).toBe('CODE');
  const item = screen.getByRole('button', { name: /^Engines: / });
  expect(item.title).toContain('with “qrls 16”');
  expect(item.textContent).toMatch(/ held$/);
});
