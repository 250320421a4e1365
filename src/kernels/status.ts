/** Says in a toolbar's few letters what a notebook has to do with engines. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Cluster } from '../api/generated';
import type { Tone } from '../icon';
import {
  alertIcon,
  doneIcon,
  enginesIcon,
  offIcon,
  progressIcon
} from '../icons';
import type { Connection } from '../tokens';

export interface INotebookStatus {
  label: string;
  /** The whole sentence. */
  caption: string;
  icon: LabIcon;
  tone: Tone;
  /** Whether each cell goes to the engines, wherever it does not say so itself. */
  hasAutopx?: boolean;
  /** What a click does: show what there is to choose, or reattach. */
  action: 'menu' | 'reattach';
}

export function notebookStatus(
  connection: Connection,
  cluster: Cluster | undefined,
  trans: TranslationBundle
): INotebookStatus {
  switch (connection.state) {
    case 'unknown':
      return {
        label: trans.__('Engines'),
        caption: trans.__(
          'Whether the kernel is connected to engines is not known yet: it tells when it is idle.'
        ),
        icon: enginesIcon,
        tone: 'neutral',
        action: 'menu'
      };
    case 'none':
      return {
        label: trans.__('Engines'),
        caption: trans.__('Not connected to engines. Click to connect.'),
        icon: enginesIcon,
        tone: 'neutral',
        action: 'menu'
      };
    case 'connecting':
      return {
        label: trans.__('%1 …', connection.key),
        caption: trans.__('Connecting to %1', connection.key),
        icon: progressIcon,
        tone: 'busy',
        action: 'menu'
      };
    case 'detached':
      return isUsable(cluster)
        ? {
            label: trans.__('Reattach %1', connection.key),
            caption: trans.__(
              'The kernel has restarted and is not connected to %1 any more. Click to connect it again.',
              connection.key
            ),
            icon: alertIcon,
            tone: 'warning',
            action: 'reattach'
          }
        : gone(connection.key, cluster, trans);
    case 'connected':
      return connectedStatus(connection.key, connection.runId, cluster, trans);
    default:
      return unknownConnection(connection);
  }
}

/** Add to a status that each cell of the notebook is sent to its engines. */
export function withAutopx(
  status: INotebookStatus,
  hasAutopx: boolean,
  trans: TranslationBundle
): INotebookStatus {
  return hasAutopx
    ? {
        ...status,
        hasAutopx,
        caption: trans.__(
          '%1 Every cell runs on engines (%%autopx).',
          status.caption
        )
      }
    : status;
}

function connectedStatus(
  key: string,
  runId: string | null,
  cluster: Cluster | undefined,
  trans: TranslationBundle
): INotebookStatus {
  if (!isUsable(cluster)) {
    return gone(key, cluster, trans);
  }
  if (runId !== null && runId !== cluster.run_id) {
    return {
      label: trans.__('Reattach %1', key),
      caption: trans.__(
        '%1 was started again since this kernel connected to it. Click to connect to the new engines.',
        key
      ),
      icon: alertIcon,
      tone: 'warning',
      action: 'reattach'
    };
  }
  const alive = cluster.engines.filter(engine => engine.alive).length;
  const wanted = cluster.engines_requested ?? cluster.engines_registered;
  const label = trans.__('%1 %2/%3', key, alive, wanted);
  return cluster.state === 'ready'
    ? {
        label,
        caption: trans.__(
          'Connected to %1: all its engines are alive (%2 of %3).',
          key,
          alive,
          wanted
        ),
        icon: doneIcon,
        tone: 'good',
        action: 'menu'
      }
    : {
        label,
        caption: trans.__(
          'Connected to %1, which has lost engines: %2 of %3 are alive. The Engines panel says which.',
          key,
          alive,
          wanted
        ),
        icon: alertIcon,
        tone: 'warning',
        action: 'menu'
      };
}

/** The kernel knows a cluster that it cannot use now. */
function gone(
  key: string,
  cluster: Cluster | undefined,
  trans: TranslationBundle
): INotebookStatus {
  const base = { tone: 'bad', action: 'menu', icon: offIcon } as const;
  switch (cluster?.state) {
    case 'submitting':
    case 'queued':
    case 'starting':
      return {
        ...base,
        label: trans.__('%1 · starting', key),
        caption: trans.__(
          '%1 is starting again. Connect when it is ready.',
          key
        ),
        icon: progressIcon,
        tone: 'busy'
      };
    case 'stopping':
      return {
        ...base,
        label: trans.__('%1 · stopping', key),
        caption: trans.__('%1 is being stopped.', key),
        icon: progressIcon,
        tone: 'busy'
      };
    case 'failed':
      return {
        ...base,
        label: trans.__('%1 · failed', key),
        caption: trans.__('%1 has failed. The Engines panel says why.', key),
        icon: alertIcon
      };
    default:
      return {
        ...base,
        label: trans.__('%1 · stopped', key),
        caption: trans.__(
          '%1 is not running any more. Start it again in the Engines panel, then connect.',
          key
        )
      };
  }
}

function isUsable(cluster: Cluster | undefined): cluster is Cluster {
  return cluster?.state === 'ready' || cluster?.state === 'degraded';
}

function unknownConnection(connection: never): never {
  throw new Error(`No words for ${JSON.stringify(connection)}`);
}
