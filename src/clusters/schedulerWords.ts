/** Says in words whether the batch system answers; its name is in `schedulerName.ts`. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Profile, SchedulerStatus } from '../api/generated';
import { timeOfDay } from '../times';

/** Say whether it answers. */
export function answerSentence(
  status: SchedulerStatus,
  trans: TranslationBundle
): string {
  return status.answering
    ? trans.__('answers')
    : trans.__('does not answer since %1', timeOfDay(status.since));
}

/** Whether there is a batch system, and nothing yet to start on it. */
export function lacksProfile(
  status: SchedulerStatus | null,
  profiles: readonly Profile[]
): boolean {
  return (
    (status?.dialect ?? null) !== null &&
    profiles.every(({ kind }) => kind === 'local')
  );
}
