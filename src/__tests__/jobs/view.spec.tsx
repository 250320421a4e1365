import { fireEvent, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Widget } from '@lumino/widgets';
import type { Job, SchedulerStatus } from '../../api/generated';
import { JobsWidget } from '../../jobs/widget';
import { job, noScheduler, queuedJob, scheduler } from '../examples';
import { waitUntil } from '../fakes';
import { Queue } from './queue';

let queue: Queue;
let widget: JobsWidget;
const onDelete = jest.fn();
const onMenu = jest.fn();

async function show(
  jobs: Job[],
  status: SchedulerStatus = scheduler()
): Promise<void> {
  queue = await Queue.of(jobs, { status });
  widget = new JobsWidget(queue.model, { onDelete, onMenu });
  Widget.attach(widget, document.body);
}

function shownIds(): (string | undefined)[] {
  return [...widget.node.querySelectorAll<HTMLElement>('[data-job]')].map(
    ({ dataset }) => dataset.job
  );
}

afterEach(() => {
  widget.dispose();
  queue.dispose();
  jest.clearAllMocks();
});

describe('The job table’s tab', () => {
  it('says whose jobs these are, and who says so', async () => {
    await show([job(), queuedJob()]);
    await screen.findByRole('grid', { name: 'Jobs' });
    expect(widget.node.textContent).toMatch(
      /Jobs of \w+ · updated .+ ago · OpenPBS 23\.06\.06 @ pbshead/
    );
    expect(screen.getByRole('status').textContent).toBe('2 jobs');
  });

  it('filters while one types, and loses no letter', async () => {
    await show([job({ name: 'alpha' }), queuedJob({ name: 'beta' })]);
    const field = await screen.findByRole('searchbox', { name: 'Filter jobs' });
    await userEvent.type(field, 'alpha');
    expect((field as HTMLInputElement).value).toBe('alpha');
    await waitUntil(() => shownIds().length === 1);
    expect(screen.getByRole('status').textContent).toBe('1 of 2');
    await userEvent.type(field, 'x');
    await screen.findByText('No job matches the filter.');
  });

  it('shows finished jobs when asked, at once', async () => {
    await show([
      job({
        state: 'finished',
        outcome: { code: 'memory', exit_status: 137, signal: null }
      })
    ]);
    await screen.findByText(/All jobs have finished\. Tick “finished”/);
    const box = screen.getByRole<HTMLInputElement>('checkbox', {
      name: 'finished'
    });
    fireEvent.click(box);
    expect(box.checked).toBe(true);
    await screen.findByText('out of memory');
  });

  it('shows all users’ jobs, with their names, only where the site allows it', async () => {
    await show([job()], scheduler({ all_users: false }));
    await screen.findByRole('grid');
    expect(screen.queryByRole('checkbox', { name: 'all users' })).toBeNull();
    queue.network.answer = () => ({
      status: 200,
      body: {
        status: scheduler(),
        jobs: [job({ job_id: '9.pbshead', owner: 'bob' })]
      }
    });
    queue.tell({ scheduler: scheduler({ all_users: true }) });
    fireEvent.click(await screen.findByRole('checkbox', { name: 'all users' }));
    await screen.findByText('bob');
    expect(screen.getByRole('columnheader', { name: 'User' })).toBeTruthy();
    expect(
      screen.queryByRole('button', { name: 'What can be done to 9.pbshead' })
    ).toBeNull();
  });

  it('shows the scheduler’s own words', async () => {
    await show([job()]);
    queue.network.answer = () => ({
      status: 200,
      body: { command: 'qstat -tn -u me', read_at: 4990, text: 'Job ID  Q' }
    });
    fireEvent.click(await screen.findByRole('checkbox', { name: 'raw' }));
    const text = await screen.findByLabelText('What the scheduler printed');
    expect(text.textContent).toBe('Job ID  Q');
    expect(screen.getByText('qstat -tn -u me')).toBeTruthy();
    expect(screen.queryByRole('grid')).toBeNull();
  });

  it('says why it could not be read, and what to do', async () => {
    await show([job()]);
    queue.network.answer = () => ({
      status: 503,
      body: {
        code: 'scheduler_silent',
        message: 'PBS did not answer.',
        next_step: 'Try again in a minute.',
        detail: null
      }
    });
    fireEvent.click(
      await screen.findByRole('button', { name: 'Refresh jobs' })
    );
    await screen.findByText(/PBS did not answer\./);
    expect(screen.getByText(/Try again in a minute\./)).toBeTruthy();
    expect(shownIds()).toEqual(['16.pbshead']);
  });

  it('keeps the table, as of when it was read, while nobody knows', async () => {
    await show(
      [job()],
      scheduler({ answering: false, problem: 'errno=15010' })
    );
    expect((await screen.findByRole('alert')).textContent).toMatch(
      /Unknown since .+: PBS does not answer\./
    );
    expect(screen.getByRole('grid').dataset.stale).toBe('true');
  });

  it('offers to delete orphans, and shows them', async () => {
    await show([job({ orphan: true }), queuedJob()]);
    fireEvent.click(
      await screen.findByRole('button', { name: 'Delete job 16.pbshead' })
    );
    expect(onDelete).toHaveBeenCalledWith('16.pbshead');
    fireEvent.click(screen.getByRole('button', { name: 'Show' }));
    await waitUntil(() => shownIds().length === 1);
    const field = screen.getByRole<HTMLInputElement>('searchbox', {
      name: 'Filter jobs'
    });
    await waitUntil(() => field.value === 'orphan');
  });

  it('has what can be done to a job in its menu', async () => {
    await show([queuedJob()]);
    const button = await screen.findByRole('button', {
      name: 'What can be done to 17.pbshead'
    });
    fireEvent.click(button);
    expect(onMenu).toHaveBeenCalledWith(
      '17.pbshead',
      ['hold', 'delete', 'alter_walltime'],
      expect.anything(),
      screen.getByRole('grid')
    );
  });

  it('names a cluster’s job by its cluster, its own name on hover', async () => {
    await show([job({ cluster: 'pbs', name: 'pxe-pbs-1a2b' })]);
    const name = await screen.findByText('engines of pbs');
    fireEvent.mouseOver(name);
    expect(name.title).toBe('pxe-pbs-1a2b');
  });

  it('tells what does not fit when the mouse is over it', async () => {
    await show([job()]);
    const id = await screen.findByText('16');
    fireEvent.mouseOver(id);
    expect(id.title).toBe('16.pbshead');
    const state = screen.getByText('Running');
    fireEvent.mouseOver(state);
    expect(state.title).toBe('As the scheduler prints it: R');
  });

  it.each([
    [noScheduler(), /No batch system was found here/],
    [scheduler({ read_at: null }), /The queue has not been read yet\./],
    [scheduler(), /has no jobs in the queue\./]
  ])('says why there is no table', async (status, words) => {
    await show([], status);
    await screen.findByText(words);
    expect(screen.queryByRole('grid')).toBeNull();
  });
});
