import { fireEvent, screen, within } from '@testing-library/react';
import { SidePanel } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import type { Job } from '../../api/generated';
import { JobsSection, placeSection } from '../../jobs/section';
import { job, noScheduler, queuedJob, scheduler } from '../examples';
import { waitUntil } from '../fakes';
import { Queue } from './queue';

let queue: Queue;
let section: JobsSection;
const handlers = {
  onOpen: jest.fn(),
  onShowOrphans: jest.fn(),
  onDelete: jest.fn(),
  onMenu: jest.fn()
};

async function show(jobs: Job[]): Promise<void> {
  queue = await Queue.of(jobs);
  section = new JobsSection({ model: queue.model, ...handlers });
  Widget.attach(section, document.body);
}

function items(): (string | null)[] {
  return within(screen.getByRole('list', { name: 'Jobs' }))
    .getAllByRole('listitem')
    .map(({ textContent }) => textContent);
}

afterEach(() => {
  section.dispose();
  queue.dispose();
  jest.clearAllMocks();
});

describe('The sidebar’s section of jobs', () => {
  it('has the jobs in short, and says whose engines one runs', async () => {
    await show([
      job({ name: 'pxe-local-1a2b', cluster: 'local' }),
      job({ job_id: '15', cluster: 'old', role: 'controller' }),
      queuedJob({ name: 'mine' })
    ]);
    await screen.findByRole('list', { name: 'Jobs' });
    expect(items()[2]).toMatch(/^15controller of old/);
    expect(items()[0]).toMatch(/^17mine.*queued/);
    expect(items()[1]).toMatch(/^16engines of local/);
    expect(screen.getByText('engines of local').title).toBe('pxe-local-1a2b');
    expect(section.title.label).toBe('Jobs (3)');
  });

  it('has the first few, and opens the table for the others', async () => {
    await show(
      Array.from({ length: 12 }, (_, n) => job({ job_id: `${n}.pbshead` }))
    );
    await screen.findByRole('list', { name: 'Jobs' });
    expect(items()).toHaveLength(8);
    fireEvent.click(screen.getByRole('button', { name: 'Show all 12 jobs' }));
    expect(handlers.onOpen).toHaveBeenCalledTimes(1);
  });

  it('has a button for the table that does not claim to be a switch', async () => {
    await show([job()]);
    Widget.attach(section.toolbar, document.body);
    await waitUntil(
      () => section.toolbar.node.querySelector('jp-button') !== null
    );
    const button = section.toolbar.node.querySelector('jp-button');
    expect(button?.getAttribute('aria-label')).toBe('Open the job table');
    expect(button?.hasAttribute('aria-pressed')).toBe(false);
  });

  it('shows what was asked for until it is answered', async () => {
    await show([queuedJob()]);
    await screen.findByText('queued');
    queue.network.answer = () => ({ status: 202, body: queuedJob() });
    await queue.store.hold('17.pbshead');
    await screen.findByText('hold requested');
    queue.tell({ jobs_changed: [queuedJob({ state: 'held' })] });
    await screen.findByText('held');
  });

  it('opens the menu of a job by its button and by the right click', async () => {
    await show([queuedJob()]);
    const button = await screen.findByRole('button', {
      name: 'What can be done to 17.pbshead'
    });
    fireEvent.click(button);
    fireEvent.contextMenu(screen.getByText('17'));
    expect(handlers.onMenu).toHaveBeenCalledTimes(2);
    expect(handlers.onMenu).toHaveBeenLastCalledWith(
      '17.pbshead',
      ['hold', 'delete', 'alter_walltime'],
      expect.anything(),
      expect.anything()
    );
  });

  it('tells of orphans in a line, and leaves the rest to the table', async () => {
    await show([job({ orphan: true })]);
    await screen.findByText(/1 job carries our tag/);
    expect(screen.queryByRole('button', { name: /^Delete job/ })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Show' }));
    expect(handlers.onShowOrphans).toHaveBeenCalledTimes(1);
  });

  it('says as of when, while nobody knows', async () => {
    await show([job()]);
    queue.tell({ scheduler: scheduler({ answering: false }) });
    await screen.findByText(/^As of .+; the jobs may have changed since\.$/);
  });

  it('stands in the panel only where there is a batch system', async () => {
    await show([job()]);
    section.parent = null;
    const panel = new SidePanel();
    panel.addWidget(new Widget());
    placeSection(panel, section, queue.store);
    expect(panel.widgets[1]).toBe(section);
    queue.tell({ scheduler: noScheduler() });
    expect(section.parent).toBeNull();
    queue.tell({ scheduler: scheduler() });
    expect(panel.widgets[1]).toBe(section);
    panel.dispose();
  });
});
