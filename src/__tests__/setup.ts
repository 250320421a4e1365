/**
 * Undo what JupyterLab's shim takes away from the simulated browser.
 *
 * #### Notes
 * It replaces ranges by empty shells, from before there were real ones.
 */
Reflect.deleteProperty(document, 'createRange');

/**
 * JupyterLab's cells warn when they are made outside of a shared document or an
 * application, as its own tests do: hundreds of lines that hide what matters.
 */
const warn = console.warn;
console.warn = (...words: unknown[]) => {
  if (!/Yjs|yjs#509|Clipboard API|cell executor/.test(String(words[0]))) {
    warn(...words);
  }
};
