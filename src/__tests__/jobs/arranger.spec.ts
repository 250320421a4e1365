import type { Job } from '../../api/generated';
import { Arranger } from '../../jobs/arranger';
import { arrange } from '../../jobs/filter';
import type { Column, IRow, IView } from '../../jobs/filter';
import { job, queuedJob } from '../examples';

const NOW = 5000;

const VIEW: IView = {
  text: '',
  showsFinished: false,
  column: 'id',
  isDescending: false,
  open: new Set(['7[].s'])
};

/** Return numbers that look like any, the same in each run. */
function* numbers(): Generator<number, never> {
  for (let seed = 1; ; seed = (seed * 48271) % 2147483647) {
    yield seed;
  }
}

function haystack({ job_id, name }: Job): string {
  return `${job_id} ${name}`.toLowerCase();
}

function plain(rows: readonly IRow[]) {
  return rows.map(({ job: { job_id, name, state }, depth, subjobs, isOpen }) =>
    JSON.stringify([job_id, name, state, depth, subjobs, isOpen])
  );
}

/** Return some job, of few ids, so that changes meet. */
function someJob(random: () => number): Job {
  const n = random() % 40;
  const changes = {
    name: `job${random() % 5}`,
    cores: random() % 3 === 0 ? null : random() % 8,
    state: (['running', 'queued', 'held', 'finished'] as const)[random() % 4]
  };
  if (n === 7) {
    return job({ ...changes, job_id: '7[].s', state: 'array' });
  }
  return n > 35
    ? queuedJob({ ...changes, job_id: `7[${n}].s`, array_id: '7[].s' })
    : job({ ...changes, job_id: `${n}.s` });
}

describe('Arranger', () => {
  it.each<[Column, boolean, boolean, string]>([
    ['id', false, false, ''],
    ['id', true, true, ''],
    ['name', true, false, ''],
    ['cores', false, true, 'job1'],
    ['cores', true, false, ''],
    ['state', false, false, ''],
    ['elapsed', true, true, '']
  ])(
    'by %s, descending %s: after any changes the rows are those of all jobs',
    (column, isDescending, showsFinished, text) => {
      const sequence = numbers();
      const random = () => sequence.next().value;
      const view = { ...VIEW, column, isDescending, showsFinished, text };
      const jobs = new Map<string, Job>();
      const arranger = new Arranger(haystack);
      arranger.arrange(jobs, view, NOW, null);
      for (let round = 0; round < 150; round++) {
        const touched = new Set<string>();
        for (let n = random() % 6; n >= 0; n--) {
          const one = someJob(random);
          if (random() % 4 === 0) {
            jobs.delete(one.job_id);
          } else {
            jobs.set(one.job_id, one);
          }
          touched.add(one.job_id);
        }
        expect(plain(arranger.arrange(jobs, view, NOW, touched))).toEqual(
          plain(arrange(jobs, view, haystack, NOW))
        );
      }
    }
  );

  it('keeps the rows of jobs that did not change', () => {
    const jobs = new Map(
      ['1.s', '2.s', '3.s'].map(job_id => [job_id, job({ job_id })])
    );
    const arranger = new Arranger(haystack);
    const before = arranger.arrange(jobs, VIEW, NOW, null);
    jobs.set('2.s', job({ job_id: '2.s', name: 'other' }));
    const after = arranger.arrange(jobs, VIEW, NOW, new Set(['2.s']));
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[2]).toBe(before[2]);
  });
});
