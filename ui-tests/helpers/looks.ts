import { readFileSync } from 'node:fs';
import { expect } from '@playwright/test';
import type { Locator, Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import type { Lab } from './lab';

/** Hold that nothing in the panel is cut off: no sideways scrolling, and no text without its end. */
export async function expectNothingClipped(lab: Lab): Promise<void> {
  const clipped = await lab.panel.evaluate(panel => {
    const found: string[] = [];
    for (const element of panel.querySelectorAll<HTMLElement>('*')) {
      const style = getComputedStyle(element);
      if (
        element.scrollWidth <= element.clientWidth + 1 ||
        element.clientWidth <= 1 || // for screen readers only
        element.closest('.jp-Engines-icon') || // some turn
        style.display === 'inline' ||
        !element.checkVisibility()
      ) {
        continue;
      }
      // What is shortened with an ellipsis has its whole text as a tooltip.
      const isShortened =
        style.textOverflow === 'ellipsis' && element.title !== '';
      // Raw output scrolls by itself.
      if (!isShortened && element.tagName !== 'PRE') {
        found.push(
          `${element.tagName}.${element.className}: ${element.scrollWidth} > ${element.clientWidth}: ` +
            element.textContent?.slice(0, 60)
        );
      }
    }
    // Nothing may reach beyond the panel either.
    const edge = panel.getBoundingClientRect().right + 1;
    for (const element of panel.querySelectorAll<HTMLElement>('*')) {
      const { right, width } = element.getBoundingClientRect();
      if (
        width > 1 &&
        right > edge &&
        !element.closest('pre, .jp-Engines-icon')
      ) {
        found.push(
          `${element.tagName}.${element.className} ends at ${right}, the panel at ${edge}`
        );
      }
    }
    return found;
  });
  expect(clipped).toEqual([]);
}

/** Hold that axe-core finds nothing serious in an element. */
export async function expectAccessible(
  page: Page,
  element: Locator
): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) {
    await page.evaluate(
      readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
    );
  }
  const violations = await element.evaluate(async node => {
    const { axe } = window as unknown as {
      axe: { run: (context: Element) => Promise<AxeResults> };
    };
    const results = await axe.run(node);
    return results.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(
          ({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`
        )
      );
  });
  expect(violations).toEqual([]);
}
