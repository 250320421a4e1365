/** Names the batch system, for all that shows it. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { SchedulerStatus } from './api/generated';

/** Name the batch system as its own manuals do. */
function dialectName(
  dialect: NonNullable<SchedulerStatus['dialect']>,
  trans: TranslationBundle
): string {
  switch (dialect) {
    case 'openpbs':
      return trans.__('OpenPBS');
    case 'torque':
      return trans.__('Torque');
    case 'slurm_torque':
      return trans.__('Slurm');
    default:
      return unknownDialect(dialect);
  }
}

/** Name the batch system, its version and its host. */
export function schedulerLabel(
  status: SchedulerStatus,
  trans: TranslationBundle
): string {
  if (status.dialect === null) {
    return '';
  }
  const name = dialectName(status.dialect, trans);
  const full =
    status.version === '' ? name : trans.__('%1 %2', name, status.version);
  return status.server === '' ? full : trans.__('%1 @ %2', full, status.server);
}

function unknownDialect(dialect: never): never {
  throw new Error(`No words for the dialect ${String(dialect)}`);
}
