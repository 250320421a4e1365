/**
 * Undo what JupyterLab's shim takes away from the simulated browser.
 *
 * #### Notes
 * It replaces ranges by empty shells, from before there were real ones.
 */
Reflect.deleteProperty(document, 'createRange');
