import type { Locator } from '@playwright/test';

/**
 * Note what an element says from now on, and whatever it said in between: looking now and then misses
 * what passes by itself.
 *
 * @param element - What stays in the page meanwhile; what it has inside may be replaced.
 * @param attribute - Note this attribute of it; without it, its text.
 * @returns a function that returns the different values in their order, the first one from the call.
 */
export async function watch(
  element: Locator,
  attribute = ''
): Promise<() => Promise<string[]>> {
  const values = await element.evaluateHandle((node, name) => {
    const read = () =>
      (name ? node.getAttribute(name) : node.textContent) ?? '';
    const noted = [read()];
    new MutationObserver(() => {
      const value = read();
      if (value !== noted[noted.length - 1]) {
        noted.push(value);
      }
    }).observe(node, {
      attributes: true,
      characterData: true,
      childList: true,
      subtree: true
    });
    return noted;
  }, attribute);
  return () => values.jsonValue();
}
