import type * as React from 'react';

/** Has JupyterLab leave all keys to the page while an element with it has the focus. */
const SUPPRESS = 'data-lm-suppress-shortcuts';

/**
 * For elements with keys of their own.
 *
 * #### Notes
 * JupyterLab takes keys before the page does: Enter on a button in an output would start to edit
 * the cell, and arrows would go to the next one. Only who came there by keyboard means the
 * element: after a click all keys, that for saving among them, are JupyterLab's.
 */
export const OWN_KEYS = { onFocus: takeKeys, onBlur: giveBackKeys };

export function takeKeys({
  currentTarget
}: React.FocusEvent<HTMLElement>): void {
  if (currentTarget.matches(':focus-visible')) {
    currentTarget.setAttribute(SUPPRESS, 'true');
  }
}

export function giveBackKeys({
  currentTarget
}: React.FocusEvent<HTMLElement>): void {
  currentTarget.removeAttribute(SUPPRESS);
}
