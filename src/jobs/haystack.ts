import type { TranslationBundle } from '@jupyterlab/translation';
import type { Job } from '../api/generated';
import type { Haystack } from './filter';
import { conditionOf, conditionWord } from './words';

/** Return what gives the text of a job that the filter looks in; made once a job. */
export function haystackOf(trans: TranslationBundle): Haystack {
  const known = new WeakMap<Job, string>();
  return job => {
    let text = known.get(job);
    if (text === undefined) {
      text = [
        job.job_id,
        job.name,
        job.owner,
        job.queue,
        conditionWord(conditionOf(job), trans),
        job.cluster,
        job.orphan ? trans.__('orphan') : null,
        ...job.hosts.map(({ name }) => name),
        job.comment
      ]
        .filter(Boolean)
        .join(' ')
        .toLowerCase();
      known.set(job, text);
    }
    return text;
  };
}
