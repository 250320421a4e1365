import type { Job, JobOutcome } from '../../api/generated';
import { allowedActions } from '../../jobs/allowed';
import { subjobsLabel } from '../../jobs/row';
import {
  conditionIcon,
  conditionOf,
  conditionTone,
  conditionWord,
  elapsedSeconds,
  hostsLabel,
  memoryLabel,
  outcomeSentence,
  remarkOf,
  walltimeUsed
} from '../../jobs/words';
import { schedulerLabel } from '../../schedulerName';
import { job, queuedJob, scheduler } from '../examples';
import { trans } from '../fakes';

function outcome(
  code: JobOutcome['code'],
  changes: Partial<JobOutcome> = {}
): JobOutcome {
  return { code, exit_status: null, signal: null, ...changes };
}

describe('The words of a job', () => {
  it.each<[JobOutcome, string]>([
    [outcome('succeeded'), ''],
    [outcome('walltime'), 'killed by walltime after 00:10:00'],
    [outcome('signal', { signal: 'SIGKILL' }), 'ended by SIGKILL'],
    [outcome('signal'), 'ended by a signal'],
    [outcome('memory'), 'out of memory'],
    [outcome('command_not_found'), 'command not found'],
    [outcome('exit_status', { exit_status: 3 }), 'exit status 3'],
    [outcome('deleted'), 'deleted'],
    [outcome('cpu_time'), 'killed by the limit of processor time'],
    [outcome('shell_missing'), 'the script’s shell was not found'],
    [outcome('never_ran'), 'never ran'],
    [outcome('unknown'), 'how it ended is not known']
  ])('%j is: %s', (value, sentence) => {
    expect(outcomeSentence(value, 600, trans)).toBe(sentence);
  });

  it.each<[Partial<Job>, string]>([
    [{}, 'Running'],
    [{ state: 'queued' }, 'Queued'],
    [{ state: 'queued', never_runs: true }, 'Never runs'],
    [{ state: 'held' }, 'Held'],
    [{ state: 'waiting' }, 'Waiting'],
    [{ state: 'suspended' }, 'Suspended'],
    [{ state: 'exiting' }, 'Ending'],
    [{ state: 'array' }, 'Array'],
    [{ state: 'unknown' }, 'Unknown'],
    [{ state: 'finished' }, 'Finished'],
    [{ state: 'finished', outcome: outcome('unknown') }, 'Finished'],
    [{ state: 'finished', outcome: outcome('succeeded') }, 'Done'],
    [{ state: 'finished', outcome: outcome('deleted') }, 'Deleted'],
    [{ state: 'finished', outcome: outcome('walltime') }, 'Failed']
  ])('%j is %s', (changes, word) => {
    const condition = conditionOf(job(changes));
    expect(conditionWord(condition, trans)).toBe(word);
    expect(conditionIcon(condition).name).toMatch(/^jupyterlab-engines:/);
    expect(conditionTone(condition)).not.toBe('');
  });

  it('names hosts with their cores, or says why it waits, or how it ended', () => {
    expect(remarkOf(job(), trans)).toBe('n2×4 n1×4');
    expect(hostsLabel(job({ hosts: [{ name: 'n1', cores: null }] }))).toBe(
      'n1'
    );
    expect(remarkOf(queuedJob(), trans)).toMatch(/^Not Running: Insufficient/);
    expect(
      remarkOf(job({ state: 'finished', outcome: outcome('walltime') }), trans)
    ).toBe('killed by walltime after 01:00:00');
    expect(
      remarkOf(job({ state: 'finished', outcome: outcome('succeeded') }), trans)
    ).toBe('n2×4 n1×4');
  });

  it('counts time from the start, up to the end', () => {
    expect(elapsedSeconds(job(), 5000)).toBe(60);
    expect(walltimeUsed(job(), 5000)).toBeCloseTo(1 / 60);
    expect(walltimeUsed(job(), 500_000)).toBe(1);
    expect(elapsedSeconds(queuedJob(), 5000)).toBeNull();
    expect(elapsedSeconds(job({ elapsed_seconds: 7 }), 5000)).toBe(7);
    expect(elapsedSeconds(job({ ended_at: 4950 }), 5000)).toBe(10);
  });

  it.each([
    [512, '512 B'],
    [2 * 1024 ** 3, '2 GB'],
    [1.5 * 1024 ** 2, '1.5 MB'],
    [64 * 1024 ** 3 + 1, '64 GB']
  ])('%d bytes are %s', (bytes, text) => {
    expect(memoryLabel(bytes)).toBe(text);
  });

  it('names the batch system', () => {
    expect(schedulerLabel(scheduler(), trans)).toBe(
      'OpenPBS 23.06.06 @ pbshead'
    );
    expect(
      schedulerLabel(
        scheduler({ dialect: 'slurm_torque', version: '', server: '' }),
        trans
      )
    ).toBe('Slurm');
  });

  it('sums an array up', () => {
    expect(subjobsLabel({ running: 1, queued: 2 }, trans)).toBe(
      '3 subjobs: 1 running, 2 queued'
    );
  });
});

describe('allowedActions', () => {
  it.each<[Partial<Job>, string[]]>([
    [{}, ['delete', 'alter_walltime']],
    [{ state: 'queued' }, ['hold', 'delete', 'alter_walltime']],
    [{ state: 'held' }, ['release', 'delete', 'alter_walltime']],
    [{ state: 'array' }, ['hold', 'delete', 'alter_walltime']],
    [{ state: 'exiting' }, ['delete']],
    [{ state: 'finished' }, []],
    [{ owner: 'bob' }, []],
    [{ state: 'queued', array_id: '18[].s' }, ['delete']]
  ])('%j', (changes, expected) => {
    expect(allowedActions(job(changes), scheduler())).toEqual(expected);
  });

  it('offers what the batch system can do, and no more', () => {
    expect(
      allowedActions(queuedJob(), scheduler({ actions: ['delete'] }))
    ).toEqual(['delete']);
    expect(allowedActions(queuedJob(), null)).toEqual([]);
  });

  it('offers to release what Slurm’s commands show as queued', () => {
    expect(
      allowedActions(queuedJob(), scheduler({ dialect: 'slurm_torque' }))
    ).toContain('release');
  });
});
