/**
 * For elements with keys of their own.
 *
 * #### Notes
 * JupyterLab takes keys before the page does: Enter on a button in an output would start to edit
 * the cell, and arrows would go to the next one.
 */
export const OWN_KEYS = { 'data-lm-suppress-shortcuts': 'true' };
