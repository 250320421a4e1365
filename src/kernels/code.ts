/** The few lines that this extension runs in a user's kernel. Pure. */

/** What is asked for, and what came back; `undefined` where the kernel could not say. */
export type Probed = string | null | undefined;

/** Name of the probe among a request's user expressions. */
export const PROBE = 'jupyterlab_engines';

/**
 * Return the two lines that connect a kernel to a cluster.
 *
 * #### Notes
 * A profile's name may hold spaces, but neither quotes nor backslashes
 * (`pxengines/launch/paths.py`), so that quoting it cannot go wrong.
 */
export function connectLines(key: string): string {
  const name = /^[\w.+@:-]+$/.test(key) ? key : `"${key}"`;
  return `%load_ext pxengines\n%engines connect ${name}`;
}

/** Whether a cell's source may have connected its kernel, or connected it anew. */
export function mayConnect(source: string): boolean {
  return /%engines\b|pxengines/.test(source);
}

/**
 * Asks a kernel which cluster it is connected to.
 *
 * #### Notes
 * Imports nothing: a kernel that has not loaded `pxengines` is not connected, and stays
 * as it was.
 */
export const PROBE_EXPRESSION =
  "(lambda m: m.connected_key() if m else None)(__import__('sys').modules.get('pxengines'))";

/** Read the answer to `PROBE_EXPRESSION` from the `user_expressions` of a reply. */
export function readProbe(userExpressions: unknown): Probed {
  const answer = field(userExpressions, PROBE);
  if (field(answer, 'status') !== 'ok') {
    return undefined;
  }
  const text = field(field(answer, 'data'), 'text/plain');
  if (text === 'None') {
    return null;
  }
  // Python's repr of a name: see `connectLines` for what cannot be in it.
  const match = typeof text === 'string' ? /^'([^'\\]*)'$/.exec(text) : null;
  return match?.[1];
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? Reflect.get(value, name)
    : undefined;
}
