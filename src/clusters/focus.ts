import * as React from 'react';

/**
 * Keep the keyboard focus inside an element whose content changes under it.
 *
 * #### Notes
 * The browser gives the focus to the body when the focused button is taken away, and a
 * keyboard user starts from the top of the page again. The element needs a `tabIndex`.
 *
 * @param root - The element; if it still stands after an update that took the focused
 *   node away, it gets the focus itself.
 */
export function useKeptFocus(root: React.RefObject<HTMLElement>): void {
  const hadFocus = hasFocusInside(root.current);
  React.useLayoutEffect(() => {
    const element = root.current;
    if (hadFocus && element !== null && !hasFocusInside(element)) {
      element.focus({ preventScroll: true });
    }
  });
}

function hasFocusInside(element: HTMLElement | null): boolean {
  return element?.contains(element.ownerDocument.activeElement) ?? false;
}
