/** Says in words which batch system there is, and whether it answers. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Profile, SchedulerStatus } from '../api/generated';
import { timeOfDay } from '../profiles/amounts';

type Dialect = NonNullable<SchedulerStatus['dialect']>;

/** Name a batch system as its users do. */
export function dialectName(
  dialect: Dialect,
  trans: TranslationBundle
): string {
  switch (dialect) {
    case 'openpbs':
      return trans.__('OpenPBS');
    case 'torque':
      return trans.__('Torque');
    case 'slurm_torque':
      return trans.__('Slurm with PBS commands');
    default:
      return unknownDialect(dialect);
  }
}

/** Name, version and host: `OpenPBS 23.06.06 @ pbshead`; empty if there is none. */
export function schedulerName(
  status: SchedulerStatus,
  trans: TranslationBundle
): string {
  if (status.dialect === null) {
    return '';
  }
  const name = [dialectName(status.dialect, trans), status.version]
    .filter(part => part !== '')
    .join(' ');
  return status.server === '' ? name : trans.__('%1 @ %2', name, status.server);
}

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

function unknownDialect(dialect: never): never {
  throw new Error(`No words for the dialect ${String(dialect)}`);
}
