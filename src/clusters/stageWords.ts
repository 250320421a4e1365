/** Says in words how far a start is. Pure: no clock, no document. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Cluster, Stage } from '../api/generated';
import type { Tone } from '../icon';
import { doneIcon, failedIcon, progressIcon, waitingIcon } from '../icons';
import { engineCounts } from './words';

/** Name a stage of a start. */
export function stageLabel(
  stage: Stage,
  cluster: Cluster,
  trans: TranslationBundle
): string {
  switch (stage.name) {
    case 'submitted':
      return trans.__('Submitted');
    case 'queued':
      return trans.__('Queued');
    case 'controller':
      return trans.__('Controller');
    case 'engines':
      return trans.__('Engines · %1', registeredLabel(stage, cluster, trans));
    case 'mpi_check':
      return trans.__('MPI check');
    default:
      return unknown(stage.name);
  }
}

export function stageIcon(status: Stage['status']): LabIcon {
  switch (status) {
    case 'waiting':
      return waitingIcon;
    case 'active':
      return progressIcon;
    case 'done':
      return doneIcon;
    case 'failed':
      return failedIcon;
    default:
      return unknown(status);
  }
}

export function stageTone(status: Stage['status']): Tone {
  switch (status) {
    case 'waiting':
      return 'neutral';
    case 'active':
      return 'busy';
    case 'done':
      return 'good';
    case 'failed':
      return 'bad';
    default:
      return unknown(status);
  }
}

/** Say what the icon of a stage shows. */
export function stageStatusLabel(
  status: Stage['status'],
  trans: TranslationBundle
): string {
  switch (status) {
    case 'waiting':
      return trans.__('waiting');
    case 'active':
      return trans.__('in progress');
    case 'done':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    default:
      return unknown(status);
  }
}

/** Return how long a stage has taken, or took, in seconds; null if it has not begun. */
export function stageSeconds(stage: Stage, serverNow: number): number | null {
  if (stage.started_at === null || stage.status === 'waiting') {
    return null;
  }
  const end = stage.ended_at ?? serverNow;
  // Clocks are corrected to within a message's travel: never count backwards from zero.
  return Math.max(0, end - stage.started_at);
}

/** How many engines have registered: all of them, once the stage is done, whatever came later. */
function registeredLabel(
  stage: Stage,
  cluster: Cluster,
  trans: TranslationBundle
): string {
  const [alive, wanted] = engineCounts(cluster);
  const present = stage.status === 'done' ? (wanted ?? alive) : alive;
  return wanted === null
    ? String(present)
    : trans.__('%1 of %2', present, wanted);
}

function unknown(value: never): never {
  throw new Error(`No words for ${String(value)}`);
}
