import { job, queuedJob, scheduler } from '../examples';
import { settle, waitUntil } from '../fakes';
import { Queue } from './queue';

let queue: Queue;

afterEach(() => queue.dispose());

describe('JobTableModel', () => {
  it('has the newest first, and follows the queue', async () => {
    queue = await Queue.of([job(), queuedJob()]);
    expect(queue.ids).toEqual(['17.pbshead', '16.pbshead']);
    queue.tell({
      jobs_changed: [job({ job_id: '18.pbshead' })],
      jobs_removed: ['17.pbshead']
    });
    expect(queue.ids).toEqual(['18.pbshead', '16.pbshead']);
    expect(queue.model.rows).toBe(queue.model.rows);
  });

  it('sorts by a column, by the same again the other way round', async () => {
    queue = await Queue.of([
      job({ name: 'b' }),
      queuedJob({ name: 'a' }),
      job({ job_id: '15.pbshead', name: 'c' })
    ]);
    queue.model.sortBy('name');
    expect(queue.ids.map(id => Number.parseInt(id))).toEqual([17, 16, 15]);
    queue.model.sortBy('name');
    expect(queue.ids.map(id => Number.parseInt(id))).toEqual([15, 16, 17]);
  });

  it('filters by words, of the state and the hosts too', async () => {
    queue = await Queue.of([job(), queuedJob()]);
    queue.model.setText('RUNNING n2');
    expect(queue.ids).toEqual(['16.pbshead']);
    queue.model.setText('insufficient');
    expect(queue.ids).toEqual(['17.pbshead']);
  });

  it('shows the orphans that have not ended', async () => {
    queue = await Queue.of([
      job({ orphan: true }),
      queuedJob(),
      job({ job_id: '15.pbshead', orphan: true, state: 'finished' })
    ]);
    const orphans = () => queue.model.orphans.map(({ job_id }) => job_id);
    expect(orphans()).toEqual(['16.pbshead']);
    queue.tell({ jobs_changed: [queuedJob({ orphan: true })] });
    expect(orphans()).toEqual(['16.pbshead', '17.pbshead']);
    queue.tell({ jobs_removed: ['16.pbshead'] });
    expect(orphans()).toEqual(['17.pbshead']);
    queue.model.setShowsRaw(true);
    queue.model.showOrphans();
    expect(queue.model.showsRaw).toBe(false);
    expect(queue.ids).toEqual(['17.pbshead']);
  });

  it('renders once a frame, and not at all while nobody looks', async () => {
    queue = await Queue.of([job()]);
    let renders = 0;
    queue.model.stateChanged.connect(() => {
      renders += 1;
    });
    const frame = () =>
      new Promise(resolve => {
        requestAnimationFrame(resolve);
      });
    queue.tell({ jobs_changed: [queuedJob()] });
    await frame();
    expect(renders).toBe(0);
    queue.model.isVisible = true;
    queue.tell({ jobs_removed: ['17.pbshead'] });
    queue.model.setText('x');
    await frame();
    expect(renders).toBe(1);
    queue.model.isVisible = false;
  });

  it('stands still where nobody knows how time went on', async () => {
    queue = await Queue.of([job()]);
    expect(queue.model.isStale).toBe(false);
    queue.tell({ scheduler: scheduler({ answering: false, read_at: 4321 }) });
    expect(queue.model.isStale).toBe(true);
    expect(queue.model.now).toBe(4321);
  });

  it('reads all users’ jobs when asked, and again when the queue was read', async () => {
    queue = await Queue.of([job()]);
    queue.network.answer = () => ({
      status: 200,
      body: {
        status: scheduler(),
        jobs: [job(), job({ job_id: '9.pbshead', owner: 'bob' })]
      }
    });
    queue.model.isVisible = true;
    queue.model.setScope('all');
    await waitUntil(() => queue.model.jobs.size === 2);
    expect(queue.ids).toEqual(['16.pbshead', '9.pbshead']);
    queue.tell({ scheduler: scheduler({ read_at: 6000 }) });
    await settle();
    expect(queue.network.requests.map(({ url }) => url.slice(-14))).toEqual([
      'jobs?scope=all',
      'jobs?scope=all'
    ]);
    queue.model.setScope('mine');
    expect(queue.ids).toEqual(['16.pbshead']);
  });

  it('says why a reading did not work, until one does', async () => {
    queue = await Queue.of([job()]);
    queue.network.answer = () => ({
      status: 503,
      body: {
        code: 'scheduler_silent',
        message: 'qstat did not answer.',
        next_step: 'Try again.',
        detail: null
      }
    });
    queue.model.setShowsRaw(true);
    await waitUntil(() => queue.model.problem !== null);
    expect(queue.model.problem?.message).toBe('qstat did not answer.');
    queue.network.answer = () => ({
      status: 200,
      body: { command: 'qstat -tn', read_at: 4990, text: 'Job ID' }
    });
    await queue.model.refresh();
    expect(queue.model.problem).toBeNull();
    expect(queue.model.raw?.text).toBe('Job ID');
    expect(queue.model.isReading).toBe(false);
  });

  it('changes its rows no sooner than it is calm, but at once when asked to', async () => {
    queue = await Queue.of([job()], { calmness: 3_600_000 });
    expect(queue.ids).toEqual(['16.pbshead']);
    queue.tell({ jobs_changed: [queuedJob()] });
    expect(queue.ids).toEqual(['16.pbshead']);
    queue.model.setOpen('18[].pbshead', true);
    expect(queue.ids).toEqual(['17.pbshead', '16.pbshead']);
  });
});
