import * as React from 'react';
import { OWN_KEYS } from './ownKeys';

/**
 * A button in the header or at the end of a list, which goes away when it has done its work.
 *
 * #### Notes
 * With the element that has it the focus goes to the page's body: no key would reach the
 * notebook, and the place in it would be lost. So it goes to the whole result.
 */
export function QuietButton(
  props: React.ButtonHTMLAttributes<HTMLButtonElement>
): React.JSX.Element {
  const button = React.useRef<HTMLButtonElement>(null);
  React.useLayoutEffect(() => {
    const element = button.current;
    return () => {
      if (element !== null && element === document.activeElement) {
        focusOnce(element.closest('section'));
      }
    };
  }, []);
  return (
    <button
      {...OWN_KEYS}
      {...props}
      ref={button}
      className="jp-Engines-button jp-mod-quiet"
    />
  );
}

/** Give the focus to an element that has it at no other time: a click in it is one on the cell. */
function focusOnce(element: HTMLElement | null): void {
  if (element !== null) {
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.addEventListener(
      'blur',
      () => element.removeAttribute('tabindex'),
      { once: true }
    );
  }
}
