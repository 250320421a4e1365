import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  connectLines,
  PROBE,
  PROBE_EXPRESSION,
  readProbe
} from '../kernels/code';
import type { ICodeConsole } from './codeConsole';

/** So many clusters are offered; there is room for few. */
const OFFERED = 3;

/**
 * Tells of a console that is to run code on engines and is not connected to any, and offers to
 * connect it by the two lines that one would type.
 *
 * #### Notes
 * Nobody follows the kernels of consoles as those of notebooks: so the kernel is asked, if it
 * has nothing else to do.
 *
 * @param keys - the clusters that can be connected to
 */
export async function remindConsole(
  console: ICodeConsole,
  keys: readonly string[],
  showPanel: () => void,
  trans: TranslationBundle
): Promise<void> {
  const kernel = console.sessionContext.session?.kernel;
  if (kernel?.status !== 'idle') {
    return;
  }
  // Rejected if the kernel goes away meanwhile.
  const reply = await kernel
    .requestExecute({
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false,
      user_expressions: { [PROBE]: PROBE_EXPRESSION }
    })
    .done.catch(() => null);
  if (
    reply?.content.status !== 'ok' ||
    readProbe(reply.content.user_expressions) !== null
  ) {
    return;
  }
  const offers = keys.slice(0, OFFERED).map((key): Notification.IAction => ({
    label: trans.__('Connect to %1', key),
    caption: trans.__('Run in this console: %1', connectLines(key)),
    displayType: 'accent',
    callback: () => {
      if (!console.isDisposed) {
        // What becomes of it stands in the console.
        console.inject(connectLines(key)).catch(() => undefined);
      }
    }
  }));
  Notification.warning(
    trans.__(
      'This console is not connected to engines. Code cannot run there until it is.'
    ),
    {
      actions:
        offers.length > 0
          ? offers
          : [
              {
                label: trans.__('Show Engines'),
                caption: trans.__(
                  'No engines are ready: start them in the panel'
                ),
                displayType: 'accent',
                callback: () => showPanel()
              }
            ]
    }
  );
}
