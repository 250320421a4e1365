import { StateDB } from '@jupyterlab/statedb';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { StartModel } from '../../clusters/startModel';
import { StartResources } from '../../clusters/startResources';
import type { IStartResourcesProps } from '../../clusters/startResources';
import { textsOf } from '../../profiles/resources';
import {
  batchProfile,
  preview,
  profile,
  profileDetail,
  resources,
  starting
} from '../examples';
import { Bench, settle, trans } from '../fakes';

const TOO_LONG = {
  field: 'resources.walltime_seconds',
  message: '`debug` allows 30 min; you ask for 1 h',
  severity: 'error'
} as const;

describe('StartResources', () => {
  function props(
    changes: Partial<IStartResourcesProps> = {}
  ): IStartResourcesProps {
    return {
      resources: resources(),
      texts: textsOf(resources()),
      problems: [],
      queues: null,
      locked: [],
      isOpen: true,
      isChanged: false,
      showsScript: false,
      scripts: preview().scripts,
      scriptProblem: null,
      isStale: false,
      trans,
      onToggle: jest.fn(),
      onText: jest.fn(),
      onReset: jest.fn(),
      onToggleScript: jest.fn(),
      onEdit: jest.fn(),
      ...changes
    };
  }

  it('is one line until it is unfolded', async () => {
    const given = props({ isOpen: false });
    render(<StartResources {...given} />);
    const line = screen.getByRole('button', {
      name: 'The job asks for: default · 2 nodes · 1 h · 4 GB'
    });
    expect(line.getAttribute('aria-expanded')).toBe('false');
    expect(screen.queryByRole('textbox')).toBeNull();
    await userEvent.click(line);
    expect(given.onToggle).toHaveBeenCalledTimes(1);
  });

  it('says what is wrong even if folded', () => {
    render(
      <StartResources {...props({ isOpen: false, problems: [TOO_LONG] })} />
    );
    expect(screen.getByText('debug').tagName).toBe('CODE');
  });

  it('says at the field what is wrong with it', () => {
    render(<StartResources {...props({ problems: [TOO_LONG] })} />);
    const field = screen.getByRole('textbox', { name: 'Walltime' });
    expect(field.getAttribute('aria-invalid')).toBe('true');
    const id = field.getAttribute('aria-describedby') ?? '';
    expect(document.getElementById(id)?.textContent).toBe(
      'debug allows 30 min; you ask for 1 h'
    );
  });

  it('offers the queues with what they allow', async () => {
    const given = props({
      queues: [
        {
          name: 'default',
          enabled: true,
          started: true,
          is_default: true,
          max_walltime_seconds: null,
          default_walltime_seconds: null,
          max_nodes: null,
          max_cores: null
        },
        {
          name: 'debug',
          enabled: true,
          started: true,
          is_default: false,
          max_walltime_seconds: 1800,
          default_walltime_seconds: null,
          max_nodes: 1,
          max_cores: null
        }
      ]
    });
    render(<StartResources {...given} />);
    const queue = screen.getByRole('combobox', { name: 'Queue' });
    expect(
      screen.getAllByRole('option').map(option => option.textContent)
    ).toEqual([
      'default queue (default)',
      'default',
      'debug — up to 30 min, 1 node'
    ]);
    await userEvent.selectOptions(queue, 'debug');
    expect(given.onText).toHaveBeenCalledWith('queue', 'debug');
  });

  it('locks what the site has fixed, and says so', () => {
    render(<StartResources {...props({ locked: ['resources.account'] })} />);
    const field = screen.getByRole<HTMLInputElement>('textbox', {
      name: 'Account'
    });
    expect(field.disabled).toBe(true);
    expect(screen.getByText('Fixed by your site')).toBeTruthy();
  });

  it('shows the script as it is, and what differs from the template', async () => {
    const diff = '@@ -1 +1 @@\n-#PBS -q batch\n+#PBS -q default';
    render(
      <StartResources
        {...props({
          showsScript: true,
          scripts: [{ role: 'cluster', text: '#PBS -q <b>', diff }]
        })}
      />
    );
    expect(screen.getByLabelText('Script of the job').textContent).toBe(
      '#PBS -q <b>'
    );
    await userEvent.click(
      screen.getByRole('checkbox', { name: /what differs from the site/ })
    );
    expect(screen.getByLabelText('Script of the job').textContent).toBe(
      `${diff}\n`
    );
  });
});

describe('StartModel of a batch profile', () => {
  let bench: Bench;
  let form: StartModel;

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new Bench();
    await bench.connect(
      [],
      [
        batchProfile(),
        profile(),
        batchProfile({ name: 'site', origin: 'site' })
      ]
    );
    bench.network.answer = () => ({ status: 200, body: preview() });
    form = new StartModel({
      manager: bench.model,
      service: bench.service,
      stateDB: new StateDB(),
      trans
    });
    await form.restored;
  });

  afterEach(() => {
    form.dispose();
    bench.model.dispose();
    jest.useRealTimers();
  });

  const bodies = () => bench.network.requests.map(({ body }) => body);
  async function previewed(): Promise<void> {
    await jest.advanceTimersByTimeAsync(300);
    await settle();
  }

  it('asks for the script once nobody types, and once for the same', async () => {
    expect(form.enginesText).toBe('8');
    form.resources.setText('nodes', '1');
    form.resources.setText('nodes', '4');
    await previewed();
    form.setEnginesText('8');
    await previewed();
    expect(bodies()).toEqual([
      {
        profile: 'pbs',
        settings: null,
        engines: 8,
        resources: resources({ nodes: 4 })
      }
    ]);
    expect(form.resources.preview.scripts).toEqual(preview().scripts);
  });

  it('does not start what PBS would refuse', async () => {
    bench.network.answer = () => ({
      status: 200,
      body: preview({ problems: [TOO_LONG] })
    });
    form.resources.setText('queue', 'debug');
    await previewed();
    expect(form.obstacle).toBe(TOO_LONG.message);
    bench.network.requests.length = 0;
    expect(await form.submit()).toBe(false);
    expect(bodies()).toEqual([]);
  });

  it('does not ask with what cannot be read', async () => {
    await previewed();
    bench.network.requests.length = 0;
    form.resources.setText('walltime_seconds', '90');
    await previewed();
    expect(bodies()).toEqual([]);
    expect(form.obstacle).toMatch(/with its unit/);
  });

  it('sends resources only if they were changed', async () => {
    await previewed();
    bench.network.requests.length = 0;
    bench.network.answer = () => ({ status: 202, body: starting() });
    await form.submit();
    form.resources.setText('walltime_seconds', '90m');
    await form.submit();
    form.resources.reset();
    await form.submit();
    expect(bodies()).toMatchObject([
      { profile: 'pbs', engines: 8 },
      { resources: resources({ walltime_seconds: 5400 }) },
      { profile: 'pbs', engines: 8 }
    ]);
    expect(bodies()[0]).not.toHaveProperty('resources');
    expect(bodies()[2]).not.toHaveProperty('resources');
  });

  it('offers nothing of the kind for engines of this machine', () => {
    form.setProfile('local');
    expect(form.resources.isOffered).toBe(false);
    expect(form.obstacle).toBeNull();
  });

  it('makes a site’s profile the user’s own', async () => {
    form.setProfile('site');
    bench.network.requests.length = 0;
    bench.network.answer = () => ({
      status: 200,
      body: profileDetail({ profile: batchProfile({ name: 'mine' }) })
    });
    expect(await form.adopt('mine')).toBe(true);
    expect(bench.network.requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        body: { name: 'mine' },
        url: expect.stringMatching(/profiles\/site\/adopt$/) as string
      })
    ]);
    bench.tell([], [], { profiles: [batchProfile({ name: 'mine' })] });
    expect(form.profile?.name).toBe('mine');
  });

  it('says why a profile of the site cannot be used', async () => {
    form.setProfile('site');
    bench.network.answer = () => ({
      status: 409,
      body: {
        code: 'wrong_state',
        message: 'There is a profile of that name.',
        next_step: 'Choose another.',
        detail: null
      }
    });
    expect(await form.adopt('pbs')).toBe(false);
    expect(form.problem?.message).toBe('There is a profile of that name.');
  });
});
