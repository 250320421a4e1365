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

/** Name, among a request's user expressions, of what tells whether `%autopx` is on. */
export const AUTOPX = 'jupyterlab_engines_autopx';

/** Asks a kernel whether it sends each cell to engines; imports nothing either. */
export const AUTOPX_EXPRESSION =
  "(lambda m: m.autopx_is_on() if m else False)(__import__('sys').modules.get('pxengines'))";

/** The line that turns that on, or off if it is on. */
export const AUTOPX_LINE = '%autopx';

/** Read the answer to `AUTOPX_EXPRESSION`; undefined where the kernel could not say. */
export function readAutopx(userExpressions: unknown): boolean | undefined {
  const text = textOf(userExpressions, AUTOPX);
  return text === 'True' ? true : text === 'False' ? false : undefined;
}

/** Read the answer to `PROBE_EXPRESSION` from the `user_expressions` of a reply. */
export function readProbe(userExpressions: unknown): Probed {
  const text = textOf(userExpressions, PROBE);
  if (text === 'None') {
    return null;
  }
  // Python's repr of a name: see `connectLines` for what cannot be in it.
  const match = typeof text === 'string' ? /^'([^'\\]*)'$/.exec(text) : null;
  return match?.[1];
}

function textOf(userExpressions: unknown, name: string): unknown {
  const answer = field(userExpressions, name);
  return field(answer, 'status') === 'ok'
    ? field(field(answer, 'data'), 'text/plain')
    : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? Reflect.get(value, name)
    : undefined;
}
