/** Reads where a cell ran, from its reply or its outputs, and says it. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { RUN_MIME_TYPE } from '../results/contract';
import { parseRanks, ranksLabel } from '../results/ranks';
import type { Ranges } from '../results/ranks';

/** Names what the kernel tells in its reply: `SOURCE` of `pxengines/dispatch/where.py`. */
export const PAYLOAD_SOURCE = 'jupyterlab-engines.ran';

/** Engines that a cell ran on. */
export interface IPlace {
  /** Empty: a cluster that nobody here has started. */
  readonly cluster: string;
  readonly ranks: Ranges;
}

/** Read the reply to a cell; no places: it ran nothing on engines. */
export function placesOfReply(content: unknown): readonly IPlace[] {
  const payload = field(content, 'payload');
  const told = (Array.isArray(payload) ? payload : []).find(
    (part: unknown) => field(part, 'source') === PAYLOAD_SOURCE
  ) as unknown;
  const runs = field(told, 'runs');
  return merged((Array.isArray(runs) ? runs : []).map(readPlace));
}

/** Read the outputs of a cell, each a bundle of mime types. */
export function placesOfOutputs(
  bundles: Iterable<Readonly<Record<string, unknown>>>
): readonly IPlace[] {
  return merged(Array.from(bundles, data => readPlace(data[RUN_MIME_TYPE])));
}

/** Return how many engines there are in these places. */
export function engineCount(places: readonly IPlace[]): number {
  return places.reduce((sum, { ranks }) => sum + countOf(ranks), 0);
}

/** Say where a cell ran: `Ran code on 8 engines of pbs, ranks 0–7`. */
export function placesSentence(
  places: readonly IPlace[],
  trans: TranslationBundle
): string {
  return places
    .map(({ cluster, ranks }) => {
      const label = ranksLabel(ranks);
      return cluster === ''
        ? trans._n(
            'Ran code on %1 engine, rank %2',
            'Ran code on %1 engines, ranks %2',
            countOf(ranks),
            label
          )
        : trans._n(
            'Ran code on %1 engine of %2, rank %3',
            'Ran code on %1 engines of %2, ranks %3',
            countOf(ranks),
            cluster,
            label
          );
    })
    .join('\n');
}

function countOf(ranks: Ranges): number {
  return ranks.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** Name each cluster once, with all its ranks. */
function merged(places: readonly (IPlace | null)[]): readonly IPlace[] {
  const byCluster = new Map<string, Ranges>();
  for (const place of places) {
    if (place !== null) {
      const known = byCluster.get(place.cluster);
      const both = [...(known ?? []), ...place.ranks];
      byCluster.set(place.cluster, parseRanks(ranksLabel(both)) ?? place.ranks);
    }
  }
  return Array.from(byCluster, ([cluster, ranks]) => ({ cluster, ranks }));
}

function readPlace(value: unknown): IPlace | null {
  const cluster = field(value, 'cluster');
  const text = field(value, 'ranks');
  const ranks = typeof text === 'string' ? parseRanks(text) : null;
  return typeof cluster === 'string' && ranks !== null && ranks.length > 0
    ? { cluster, ranks }
    : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? Reflect.get(value, name)
    : undefined;
}
