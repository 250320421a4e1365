import type { Batch, Cluster, ClusterJob } from '../../api/generated';
import { batchSentence, stageDetail } from '../../clusters/batchWords';
import { batch, cluster } from '../examples';
import { trans } from '../fakes';

const NOW = 1010;

/** A queued cluster whose job 16 somebody holds since a minute. */
function held(changes: Partial<Batch> = {}): Cluster & { batch: Batch } {
  const jobs = batch().jobs.map((job): ClusterJob => ({
    ...job,
    state: 'held',
    since: NOW - 60
  }));
  return {
    ...cluster({ state: 'queued', state_since: NOW - 250 }),
    batch: batch({ ends_at: null, jobs, ...changes })
  };
}

describe('a cluster whose job is held', () => {
  it('says so, since when, and what releases it', () => {
    const shown = held({ estimated_start_at: NOW + 60 });
    const sentence = batchSentence(shown, shown.batch, NOW, trans);
    expect(sentence).toMatch(/^Held 1 min · job 16 · it waits until/);
    expect(sentence).toContain('in the job table, or with `qrls 16`');
    expect(sentence).toContain('an administrator holds it');
    expect(sentence).not.toContain('est.');
  });

  it('has its stage say it where PBS gives no words of its own', () => {
    const stage = {
      name: 'queued',
      status: 'active',
      started_at: NOW - 250,
      ended_at: null
    } as const;
    expect(stageDetail(stage, held({ reason: null }), trans)).toBe('held');
    const told = held({ reason: 'Job held by anna' });
    expect(stageDetail(stage, told, trans)).toBe('PBS: Job held by anna');
  });

  it('is no longer told once it is released', () => {
    const released = batch({ ends_at: null });
    const shown = cluster({ state: 'queued', state_since: NOW - 250 });
    expect(
      batchSentence({ ...shown, batch: released }, released, NOW, trans)
    ).toMatch(/^Queued 4 min · job 16$/);
  });
});

describe('a cluster whose controller does not answer', () => {
  const silent = batch({ ends_at: null, reason: 'The controller is silent.' });

  it('says so, though it is ready as far as PBS knows', () => {
    expect(
      batchSentence(cluster({ batch: silent }), silent, NOW, trans)
    ).toMatch(
      /^Ready · job 16 · its controller does not answer, though PBS says that its job runs/
    );
  });

  it('says nothing of it otherwise', () => {
    const well = batch({ ends_at: null });
    expect(batchSentence(cluster({ batch: well }), well, NOW, trans)).toBe(
      'Ready · job 16'
    );
    const stopping = cluster({ state: 'stopping', batch: silent });
    expect(batchSentence(stopping, silent, NOW, trans)).not.toContain('answer');
  });
});
