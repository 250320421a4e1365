/** Says in words what a cluster is doing. Pure: no clock, no document. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Cluster, Engine, MpiWorld } from '../api/generated';

export type ClusterState = Cluster['state'];

/** Whether a cluster has, or may still have, processes. */
export function isLive(cluster: Cluster): boolean {
  return cluster.state !== 'stopped' && cluster.state !== 'failed';
}

/** Whether a kernel can be connected to it. */
export function isUsable(cluster: Cluster): boolean {
  return cluster.state === 'ready' || cluster.state === 'degraded';
}

/** Whether its engines can be interrupted and restarted: those of a terminal are not ours. */
export function isInOurHands(cluster: Cluster): boolean {
  return isUsable(cluster) && cluster.origin === 'panel';
}

/** Whether its card tells of progress, so that time has to tick. */
export function isMoving(cluster: Cluster): boolean {
  return (
    isLive(cluster) && cluster.state !== 'ready' && cluster.state !== 'degraded'
  );
}

/** How many engines there are, and should be; the second is null when nobody recorded it. */
export function engineCounts(cluster: Cluster): [number, number | null] {
  const alive = cluster.engines.filter(engine => engine.alive).length;
  const present =
    cluster.engines.length > 0 ? alive : cluster.engines_registered;
  return [present, cluster.engines_requested];
}

/** Engines there are and should be, as in a status bar: `8/8`. */
export function countLabel(cluster: Cluster): string {
  const [present, wanted] = engineCounts(cluster);
  return wanted === null ? String(present) : `${present}/${wanted}`;
}

/** One line on what a cluster is doing: its state first. */
export function sentenceOf(cluster: Cluster, trans: TranslationBundle): string {
  const state = cluster.state;
  switch (state) {
    case 'submitting':
      return trans.__('Submitting');
    case 'queued':
      return trans.__('Queued');
    case 'starting':
      return trans.__('Starting · %1', countSentence(cluster, trans));
    case 'ready':
      return trans.__('Ready · %1', countSentence(cluster, trans));
    case 'degraded':
      return trans.__('Degraded · %1', countSentence(cluster, trans));
    case 'stopping':
      return trans.__('Stopping · waiting for its processes to end');
    case 'stopped':
      return trans.__('Stopped · nothing of it is running');
    case 'failed':
      return trans.__('Failed');
    default:
      return unknown(state);
  }
}

/** Say which MPI the engines share. */
export function mpiSentence(mpi: MpiWorld, trans: TranslationBundle): string {
  return trans.__(
    'MPI: %1 · one world of %2',
    libraryName(mpi.library),
    mpi.size
  );
}

/**
 * Return name and version from the first line of `MPI.Get_library_version()`.
 *
 * #### Notes
 * MPICH writes `MPICH Version:      5.0.2`, Open MPI `Open MPI v5.0.8, package: …`,
 * Intel MPI `Intel(R) MPI Library 2021.9 for Linux* OS`.
 */
export function libraryName(library: string): string {
  const line = (library.split('\n')[0] ?? '').replace(/\0/g, '').trim();
  return line
    .replace(/\s+version:?\s+/i, ' ')
    .replace(/^(Open MPI) v/, '$1 ')
    .replace(/^Intel\(R\) MPI Library/, 'Intel MPI')
    .replace(/,.*$/, '')
    .replace(/ for .*$/, '');
}

/** Name the engines that are gone, for a cluster that is degraded; empty if none is known. */
export function lostEngines(
  cluster: Cluster,
  trans: TranslationBundle
): string {
  const lost = cluster.engines.filter(engine => !engine.alive);
  if (lost.length === 0) {
    return '';
  }
  return trans._n(
    'Lost: rank %2. The MPI world is broken: operations of all ranks would wait for it. Stop this cluster and start it again.',
    'Lost: ranks %2. The MPI world is broken: operations of all ranks would wait for them. Stop this cluster and start it again.',
    lost.length,
    lost.map(engine => rankOf(engine)).join(', ')
  );
}

/** Return an engine's rank; before it has told it, the id that will be its rank. */
export function rankOf(engine: Engine): number {
  return engine.rank ?? engine.engine_id;
}

/** Say who ends when this cluster is stopped. */
export function stopSentence(
  cluster: Cluster,
  trans: TranslationBundle
): string {
  const [present, wanted] = engineCounts(cluster);
  const count = Math.max(present, wanted ?? 0);
  if (count === 0) {
    return trans.__(
      'This ends the controller of %1 and whatever engines it has.',
      cluster.key
    );
  }
  return trans._n(
    'This ends the controller and %1 engine of %2. All variables on it are lost, and cells that run on it are ended.',
    'This ends the controller and all %1 engines of %2. All variables on them are lost, and cells that run on them are ended.',
    count,
    cluster.key
  );
}

/** Return the word for a state, for short labels. */
export function stateWord(
  state: ClusterState,
  trans: TranslationBundle
): string {
  switch (state) {
    case 'submitting':
      return trans.__('submitting');
    case 'queued':
      return trans.__('queued');
    case 'starting':
      return trans.__('starting');
    case 'ready':
      return trans.__('ready');
    case 'degraded':
      return trans.__('degraded');
    case 'stopping':
      return trans.__('stopping');
    case 'stopped':
      return trans.__('stopped');
    case 'failed':
      return trans.__('failed');
    default:
      return unknown(state);
  }
}

function countSentence(cluster: Cluster, trans: TranslationBundle): string {
  const [present, wanted] = engineCounts(cluster);
  return wanted === null
    ? trans._n('%1 engine', '%1 engines', present)
    : trans._n('%2 of %1 engine', '%2 of %1 engines', wanted, present);
}

function unknown(value: never): never {
  throw new Error(`No words for ${String(value)}`);
}
