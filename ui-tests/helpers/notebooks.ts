import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import type { Locator } from '@playwright/test';
import type { JupyterServer } from './server';

/** Write a notebook of these code cells. */
export function writeNotebook(
  server: JupyterServer,
  name: string,
  sources: string[],
  kernel = 'python3'
): void {
  const kernelspec = { name: kernel, display_name: kernel, language: kernel };
  const content = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec },
    cells: sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${index}`,
      execution_count: null,
      metadata: {},
      outputs: [],
      source
    }))
  };
  writeFileSync(path.join(server.root, name), JSON.stringify(content));
}

/** Make a cell the active one, in command mode. */
export async function selectCell(cell: Locator): Promise<void> {
  await cell.locator('.jp-InputPrompt').click();
}

/** Run a cell, and return when the kernel has begun it. */
export async function beginCell(cell: Locator): Promise<void> {
  await selectCell(cell);
  await cell.page().keyboard.press('Control+Enter');
  await expect(cell.locator('.jp-InputPrompt')).toHaveText('[*]:');
}

/** Wait until a cell has been run: it has a number. */
export async function expectRun(cell: Locator): Promise<void> {
  await expect(cell.locator('.jp-InputPrompt')).toHaveText(/^\[\d+\]:$/);
}

/** Run a cell, also one that was run before, and wait for its end. */
export async function rerunCell(cell: Locator): Promise<void> {
  const prompt = cell.locator('.jp-InputPrompt');
  const before = (await prompt.textContent()) ?? '';
  await selectCell(cell);
  await cell.page().keyboard.press('Control+Enter');
  // JupyterLab leaves the old number there for a moment; numbers only grow, so the next one is new.
  await expect(prompt).not.toHaveText(before);
  await expectRun(cell);
}

/** Run a cell that was not run before, and wait for its end. */
export async function runCell(cell: Locator): Promise<void> {
  await selectCell(cell);
  await cell.page().keyboard.press('Control+Enter');
  await expectRun(cell);
}
