import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { StartForm } from '../../clusters/startForm';
import type { IStartFormProps } from '../../clusters/startForm';
import { profile } from '../examples';
import { trans } from '../fakes';

function props(changes: Partial<IStartFormProps> = {}): IStartFormProps {
  return {
    profiles: [profile(), profile({ name: 'pbs', origin: 'user' })],
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
    onUse: jest.fn(),
    ...changes
  };
}

const field = () => screen.getByRole('textbox', { name: 'Engines' });

describe('StartForm', () => {
  it('offers the profiles and starts by keyboard', async () => {
    const given = props();
    render(<StartForm {...given} />);
    const user = userEvent.setup();
    await user.selectOptions(
      screen.getByRole('combobox', { name: 'Profile' }),
      'pbs'
    );
    expect(given.onProfile).toHaveBeenCalledWith('pbs');
    await user.type(field(), '8{Enter}');
    expect(given.onEngines).toHaveBeenCalledWith('48');
    expect(given.onStart).toHaveBeenCalledTimes(1);
    await user.click(screen.getByRole('button', { name: 'Start' }));
    expect(given.onStart).toHaveBeenCalledTimes(2);
  });

  it('describes the profile', () => {
    render(<StartForm {...props()} />);
    const id = field().getAttribute('aria-describedby') ?? '';
    expect(document.getElementById(id)?.textContent).toBe(
      'Starts engines on this machine.'
    );
  });

  it('says at the field what is wrong with it, and goes there after Start', async () => {
    const { rerender } = render(<StartForm {...props()} />);
    await userEvent.click(screen.getByRole('button', { name: 'Start' }));
    rerender(
      <StartForm {...props({ enginesText: '0', fieldError: 'At least 1.' })} />
    );
    expect(field().getAttribute('aria-invalid')).toBe('true');
    const id = field().getAttribute('aria-describedby') ?? '';
    expect(document.getElementById(id)?.textContent).toBe('At least 1.');
    expect(screen.getByRole('alert').textContent).toBe('At least 1.');
    expect(document.activeElement).toBe(field());
  });

  it('leaves the keyboard where it is when a message comes while typing', async () => {
    const given = props();
    const { rerender } = render(<StartForm {...given} />);
    const user = userEvent.setup();
    await user.click(screen.getByRole('button', { name: 'Start' }));
    await user.type(field(), '9');
    await user.tab();
    expect(given.onEnginesDone).toHaveBeenCalledTimes(1);
    rerender(
      <StartForm {...given} enginesText="49" fieldError="At most 16." />
    );
    expect(screen.getByRole('alert').textContent).toBe('At most 16.');
    expect(document.activeElement).not.toBe(field());
    const start = screen.getByRole('button', { name: 'Start' });
    expect(start.getAttribute('aria-disabled')).toBe('false');
    await user.click(start);
    expect(document.activeElement).toBe(field());
  });

  it('unfolds what is to know of the chosen profile', () => {
    const legacy = profile({
      name: 'old',
      kind: 'legacy',
      notes: ['`c.X` means nothing any more.', 'A template was not read.']
    });
    const { rerender } = render(
      <StartForm {...props({ profiles: [legacy], profile: legacy })} />
    );
    const notes = screen.getByText('2 notes on this profile');
    expect(notes.closest('details')?.open).toBe(false);
    expect(screen.getByText('c.X').tagName).toBe('CODE');
    rerender(<StartForm {...props()} />);
    expect(screen.queryByText(/notes? on this profile/)).toBeNull();
  });

  it('does not start twice while a start is on its way', async () => {
    const given = props({ isPending: true });
    render(<StartForm {...given} />);
    const button = screen.getByRole('button', { name: 'Starting…' });
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await userEvent.click(button);
    expect(given.onStart).not.toHaveBeenCalled();
  });

  it('says why a profile cannot be started', () => {
    const broken = profile({ startable: false, problem: 'No mpiexec here.' });
    render(<StartForm {...props({ profiles: [broken], profile: broken })} />);
    expect(screen.getByText('No mpiexec here.')).toBeTruthy();
    expect(
      screen
        .getByRole('button', { name: 'Start' })
        .getAttribute('aria-disabled')
    ).toBe('true');
  });

  it('says what to do when there are no profiles', () => {
    render(<StartForm {...props({ profiles: [], profile: null })} />);
    expect(screen.getByText(/There is no profile/)).toBeTruthy();
  });

  it('shows why a start was refused, with the system’s words on request', () => {
    render(
      <StartForm
        {...props({
          problem: {
            message: 'The disk is full.',
            nextStep: 'Free some space.',
            detail: 'ENOSPC'
          }
        })}
      />
    );
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('The disk is full.');
    expect(alert.textContent).toContain('Free some space.');
    expect(screen.getByText('ENOSPC').closest('details')?.open).toBe(false);
  });
});
