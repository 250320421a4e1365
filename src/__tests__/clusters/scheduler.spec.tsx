import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import * as React from 'react';
import { SchedulerLine } from '../../clusters/schedulerLine';
import type { ISchedulerLineProps } from '../../clusters/schedulerLine';
import { lacksProfile } from '../../clusters/schedulerWords';
import { batchProfile, noScheduler, profile, scheduler } from '../examples';
import { trans } from '../fakes';

function show(changes: Partial<ISchedulerLineProps> = {}): ISchedulerLineProps {
  const props = {
    status: scheduler(),
    lacksProfile: false,
    isRefreshing: false,
    trans,
    onRefresh: jest.fn(),
    onNewProfile: jest.fn(),
    ...changes
  };
  render(<SchedulerLine {...props} />);
  return props;
}

describe('SchedulerLine', () => {
  it('names the scheduler, says that it answers, and asks it on request', async () => {
    const props = show();
    expect(screen.getByRole('status').textContent).toBe(
      'OpenPBS 23.06.06 @ pbshead · answers'
    );
    await userEvent.click(
      screen.getByRole('button', { name: 'Ask the scheduler now' })
    );
    expect(props.onRefresh).toHaveBeenCalledTimes(1);
    expect(screen.queryByText('Make a PBS profile')).toBeNull();
  });

  it('asks once at a time', async () => {
    const props = show({ isRefreshing: true });
    await userEvent.click(
      screen.getByRole('button', { name: 'Ask the scheduler now' })
    );
    expect(props.onRefresh).not.toHaveBeenCalled();
  });

  it('says since when it does not answer, with its own words on request', () => {
    show({
      status: scheduler({ answering: false, problem: 'errno=15010' })
    });
    expect(screen.getByRole('status').textContent).toMatch(
      /does not answer since /
    );
    expect(screen.getByText('errno=15010').closest('details')?.open).toBe(
      false
    );
  });

  it('offers to make the first profile', async () => {
    const props = show({ lacksProfile: true });
    await userEvent.click(
      screen.getByRole('button', { name: 'Make a PBS profile' })
    );
    expect(props.onNewProfile).toHaveBeenCalledTimes(1);
  });

  it('is not there without a batch system', () => {
    show({ status: noScheduler() });
    expect(screen.queryByRole('status')).toBeNull();
  });

  it.each([
    ['torque', 'Torque 23.06.06'],
    ['slurm_torque', 'Slurm 23.06.06']
  ] as const)('names %s as people do', (dialect, name) => {
    show({ status: scheduler({ dialect, server: '' }) });
    expect(screen.getByText(name)).toBeTruthy();
  });
});

it('knows when a profile is missing', () => {
  expect(lacksProfile(scheduler(), [profile()])).toBe(true);
  expect(lacksProfile(scheduler(), [profile(), batchProfile()])).toBe(false);
  expect(lacksProfile(noScheduler(), [profile()])).toBe(false);
  expect(lacksProfile(null, [profile()])).toBe(false);
});
