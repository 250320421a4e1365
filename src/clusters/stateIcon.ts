/** Which icon stands for what a cluster is doing. Pure; it never stands without its sentence. */
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Cluster } from '../api/generated';
import type { Tone } from '../icon';
import {
  alertIcon,
  clockIcon,
  doneIcon,
  failedIcon,
  offIcon,
  pauseIcon,
  progressIcon
} from '../icons';
import { heldJob } from './batchWords';
import type { ClusterState } from './words';

/** Return the icon of a cluster. */
export function iconOf(cluster: Cluster): LabIcon {
  if (isUnknown(cluster)) {
    return alertIcon;
  }
  return heldJob(cluster) !== null ? pauseIcon : iconOfState(cluster.state);
}

/** Return what the colour of its icon supports. */
export function toneOf(cluster: Cluster): Tone {
  return isUnknown(cluster) ? 'warning' : toneOfState(cluster.state);
}

/** Whether its state is only the last known one: a tick would promise what nobody knows. */
function isUnknown({ batch }: Cluster): boolean {
  return (batch?.unknown_since ?? null) !== null;
}

function iconOfState(state: ClusterState): LabIcon {
  switch (state) {
    case 'submitting':
    case 'starting':
    case 'stopping':
      return progressIcon;
    case 'queued':
      return clockIcon;
    case 'ready':
      return doneIcon;
    case 'degraded':
      return alertIcon;
    case 'stopped':
      return offIcon;
    case 'failed':
      return failedIcon;
    default:
      return noIcon(state);
  }
}

function toneOfState(state: ClusterState): Tone {
  switch (state) {
    case 'submitting':
    case 'starting':
    case 'stopping':
      return 'busy';
    case 'queued':
    case 'stopped':
      return 'neutral';
    case 'ready':
      return 'good';
    case 'degraded':
      return 'warning';
    case 'failed':
      return 'bad';
    default:
      return noIcon(state);
  }
}

function noIcon(state: never): never {
  throw new Error(`No icon for ${String(state)}`);
}
