import type { Job } from '../../api/generated';
import { arrange, idOrder } from '../../jobs/filter';
import type { Column, IView } from '../../jobs/filter';
import { job, queuedJob } from '../examples';

const NOW = 5000;

const ARRAY = job({
  job_id: '18[].s',
  name: 'sweep',
  state: 'array',
  hosts: [],
  started_at: null
});
const JOBS: Job[] = [
  job({ job_id: '9.s', name: 'old', state: 'finished', elapsed_seconds: 30 }),
  job({ job_id: '16.s', name: 'Beta', queue: 'work', cores: 8 }),
  queuedJob({ job_id: '17.s', name: 'alpha', cores: 16, walltime_seconds: 60 }),
  ARRAY,
  job({ job_id: '18[10].s', name: 'sweep', array_id: '18[].s' }),
  queuedJob({ job_id: '18[2].s', name: 'sweep', array_id: '18[].s' }),
  job({
    job_id: '18[1].s',
    name: 'sweep',
    array_id: '18[].s',
    state: 'finished'
  }),
  queuedJob({ job_id: '100.s', name: 'gamma', cores: null, memory_bytes: 5 })
];

function ids(changes: Partial<IView>, jobs: readonly Job[] = JOBS): string[] {
  return rowsOf(changes, jobs).map(({ job: { job_id } }) => job_id);
}

function rowsOf(changes: Partial<IView>, jobs: readonly Job[] = JOBS) {
  return arrange(
    new Map(jobs.map(one => [one.job_id, one])),
    {
      text: '',
      showsFinished: false,
      column: 'id',
      isDescending: false,
      open: new Set(),
      ...changes
    },
    ({ job_id, name, queue, hosts }) =>
      [job_id, name, queue, ...hosts.map(h => h.name)].join(' ').toLowerCase(),
    NOW
  );
}

describe('arrange', () => {
  it('sorts ids as numbers, folds arrays, leaves out what has finished', () => {
    expect(ids({})).toEqual(['16.s', '17.s', '18[].s', '100.s']);
    expect(ids({ isDescending: true })).toEqual([
      '100.s',
      '18[].s',
      '17.s',
      '16.s'
    ]);
    expect(ids({ showsFinished: true })[0]).toBe('9.s');
  });

  it('unfolds an array into its subjobs, and counts all of them', () => {
    const rows = rowsOf({ open: new Set(['18[].s']) });
    expect(rows.map(({ job: { job_id }, depth }) => [job_id, depth])).toEqual([
      ['16.s', 0],
      ['17.s', 0],
      ['18[].s', 0],
      ['18[2].s', 1],
      ['18[10].s', 1],
      ['100.s', 0]
    ]);
    expect(rows[2]).toMatchObject({
      isOpen: true,
      subjobs: { running: 1, queued: 1, finished: 1 }
    });
  });

  it('shows a subjob without its array like any job', () => {
    const lone = JOBS.filter(({ state }) => state !== 'array');
    expect(rowsOf({}, lone).map(({ depth }) => depth)).toEqual([0, 0, 0, 0, 0]);
  });

  it.each([
    ['ALPHA', ['17.s']],
    ['work 16', ['16.s']],
    ['work 17', []],
    ['18[10]', ['18[].s', '18[10].s']],
    ['sweep', ['18[].s']]
  ])('filters by %j', (text, expected) => {
    expect(ids({ text })).toEqual(expected);
  });

  it.each<[Column, string[]]>([
    ['name', ['17.s', '16.s', '100.s', '18[].s']],
    ['cores', ['16.s', '18[].s', '17.s', '100.s']],
    ['memory', ['100.s', '16.s', '17.s', '18[].s']],
    ['state', ['16.s', '18[].s', '17.s', '100.s']],
    ['walltime', ['17.s', '16.s', '18[].s', '100.s']],
    ['queue', ['17.s', '18[].s', '100.s', '16.s']],
    ['elapsed', ['16.s', '17.s', '18[].s', '100.s']],
    ['nodes', ['17.s', '100.s', '16.s', '18[].s']],
    ['owner', ['16.s', '17.s', '18[].s', '100.s']]
  ])('sorts by %s', (column, expected) => {
    expect(ids({ column })).toEqual(expected);
  });

  it('puts what is not known last, whichever way it sorts', () => {
    expect(ids({ column: 'cores', isDescending: true }).pop()).toBe('100.s');
    expect(ids({ column: 'memory', isDescending: true })[0]).toBe('100.s');
  });

  it('orders ids of any form', () => {
    const sorted = ['18[2].s', '9', '18[10].s', 'weird', '18[].s', '19.s'].sort(
      (a, b) => idOrder(a) - idOrder(b)
    );
    expect(sorted).toEqual([
      '9',
      '18[].s',
      '18[2].s',
      '18[10].s',
      '19.s',
      'weird'
    ]);
  });
});
