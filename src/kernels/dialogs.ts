/** Tell why a notebook cannot be connected, and offer what to do about it. */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

export async function explainNoNotebook(
  key: string,
  canCreate: boolean,
  trans: TranslationBundle
): Promise<boolean> {
  return explain(
    trans.__('No notebook is open'),
    trans.__(
      'Open the notebook that should use the engines of %1, click into it, then connect again.',
      key
    ),
    canCreate ? trans.__('New notebook') : null,
    trans
  );
}

export async function explainNoKernel(
  notebook: string,
  canSelect: boolean,
  trans: TranslationBundle
): Promise<boolean> {
  return explain(
    trans.__('No kernel to connect'),
    trans.__(
      '%1 has no running kernel. Start a Python kernel for it, then connect again.',
      notebook
    ),
    canSelect ? trans.__('Select kernel…') : null,
    trans
  );
}

export async function explainNotPython(
  notebook: string,
  kernel: string,
  canSelect: boolean,
  trans: TranslationBundle
): Promise<boolean> {
  return explain(
    trans.__('Not a Python kernel'),
    trans.__(
      '%1 uses the kernel %2. Engines are driven from Python: change the kernel to a Python one, then connect again.',
      notebook,
      kernel
    ),
    canSelect ? trans.__('Change kernel…') : null,
    trans
  );
}

/** Return whether the user wants the offered action; always false if there is none. */
async function explain(
  title: string,
  body: string,
  action: string | null,
  trans: TranslationBundle
): Promise<boolean> {
  const result = await showDialog({
    title,
    body,
    buttons:
      action === null
        ? [Dialog.okButton({ label: trans.__('OK') })]
        : [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.okButton({ label: action })
          ]
  });
  return action !== null && result.button.accept;
}
