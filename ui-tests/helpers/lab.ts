import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import type { Locator, Page } from '@playwright/test';
import type { JupyterServer } from './server';

/** An output of a saved notebook, reduced to its text. */
interface SavedCell {
  cell_type: string;
  source: string | string[];
  outputs?: {
    output_type: string;
    text?: string | string[];
    data?: Record<string, string | string[]>;
    evalue?: string;
  }[];
}

/** JupyterLab, or Notebook 7, as a user sees it: found by role and name. */
export class Lab {
  constructor(page: Page, server: JupyterServer) {
    this.page = page;
    this.server = server;
    page.on('pageerror', error =>
      this._onException(error.stack ?? error.message)
    );
    // A dialog of the browser (leave with unsaved changes?) would stop everything.
    page.on('dialog', dialog => void dialog.accept());
  }

  readonly page: Page;
  readonly server: JupyterServer;
  readonly exceptions: string[] = [];

  /** Open JupyterLab and its Engines panel. */
  async open(where = 'lab'): Promise<void> {
    await this.page.goto(this.server.page(where));
    // What opens in the main area takes the keyboard; later it would take it from the panel.
    const main = this.page.locator('.jp-Launcher, .jp-Notebook').first();
    await expect(main).toBeVisible({ timeout: 40_000 });
    if (await main.evaluate(node => node.matches('.jp-Launcher'))) {
      await expect(main).toBeFocused();
    }
    await this.showPanel();
  }

  /** Show the panel if it is not shown. */
  async showPanel(): Promise<void> {
    const tab = this.page.getByRole('tab', { name: 'Engines', exact: true });
    await expect(tab).toBeVisible({ timeout: 40_000 });
    // JupyterLab may open it by itself just now, and a click would close it again.
    await expect(async () => {
      if ((await tab.getAttribute('aria-selected')) !== 'true') {
        await tab.click();
      }
      await expect(this.panel).toBeVisible({ timeout: 5_000 });
    }).toPass({ timeout: 40_000 });
  }

  get panel(): Locator {
    return this.page
      .getByRole('region', { name: 'Engines', exact: true })
      .first();
  }

  card(key = 'local'): Locator {
    return this.panel.getByRole('article', { name: key, exact: true });
  }

  get enginesField(): Locator {
    return this.panel.getByRole('textbox', { name: 'Engines', exact: true });
  }

  get startButton(): Locator {
    return this.panel.getByRole('button', { name: 'Start', exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  /** Type how many engines, and press Start. */
  async start(engines: number | string): Promise<void> {
    await this.enginesField.fill(String(engines));
    await this.startButton.click();
  }

  async startAndWait(engines: number, key = 'local'): Promise<void> {
    await this.start(engines);
    await this.expectReady(engines, key);
  }

  async expectReady(
    engines: number,
    key = 'local',
    timeout = 60_000
  ): Promise<void> {
    const card = this.card(key);
    const words = `Ready · ${engines} of ${engines} engine${engines === 1 ? '' : 's'}`;
    await expect(card.getByText(words)).toBeVisible({ timeout });
    await expect(card).toHaveAttribute('data-state', 'ready');
  }

  /** Press Stop on the card and confirm. */
  async stop(key = 'local'): Promise<void> {
    await this.card(key)
      .getByRole('button', { name: `Stop ${key}` })
      .click();
    await this.dialog
      .getByRole('button', { name: 'Stop', exact: true })
      .click();
  }

  async expectStopped(key = 'local'): Promise<void> {
    await expect(
      this.card(key).getByText('Stopped · nothing of it is running')
    ).toBeVisible({ timeout: 40_000 });
  }

  /** Return the toolbar's item of the notebook that is open. */
  get toolbarItem(): Locator {
    return this.notebook.locator('.jp-Engines-ToolbarButton');
  }

  /** Return the notebook that is shown. */
  get notebook(): Locator {
    return this.page.locator('.jp-NotebookPanel:visible');
  }

  /** Return the code cell of the notebook that is shown whose text holds `text`. */
  codeCell(text: string): Locator {
    return this.notebook.locator('.jp-CodeCell').filter({ hasText: text });
  }

  /** Wait until the kernel of the notebook that is shown has nothing to do. */
  async expectKernelIdle(timeout = 40_000): Promise<void> {
    await expect(
      this.notebook.locator('.jp-Notebook-ExecutionIndicator')
    ).toHaveAttribute('data-status', 'idle', { timeout });
  }

  /** Restart the kernel of the notebook that is shown; returns when the old one has ended. */
  async restartKernel(): Promise<void> {
    const restarted = this.page.waitForResponse(
      reply =>
        reply.request().method() === 'POST' &&
        /\/api\/kernels\/[^/]+\/restart$/.test(new URL(reply.url()).pathname)
    );
    await this.menu('Kernel', 'Restart Kernel');
    await this.dialog
      .getByRole('button')
      .filter({ hasText: /^Restart$/ })
      .click();
    expect((await restarted).status()).toBe(200);
  }

  /** Set the width of the sidebar that the panel is in, by dragging its edge. */
  async setPanelWidth(width: number): Promise<void> {
    const box = await this.panel.boundingBox();
    expect(box).not.toBeNull();
    const { x, y } = box!;
    const edge = x + box!.width;
    await this.page.mouse.move(edge + 2, y + 300);
    await this.page.mouse.down();
    await this.page.mouse.move(x + width + 2, y + 300, { steps: 5 });
    await this.page.mouse.up();
    await expect
      .poll(async () =>
        Math.round((await this.panel.boundingBox())?.width ?? 0)
      )
      .toBe(width);
  }

  /** Run an entry of the main menu; after its name may stand its shortcut. */
  async menu(...path: string[]): Promise<void> {
    const [top, ...items] = path;
    await this.page
      .getByRole('menubar')
      .getByRole('menuitem', { name: top, exact: true })
      .click();
    for (const [index, name] of items.entries()) {
      const item = this.page.getByRole('menuitem', {
        name: RegExp(`^${name}(?! and| All)`)
      });
      await (index < items.length - 1 ? item.hover() : item.click());
    }
  }

  /** Save the notebook and return its cells as they are on disk. */
  async savedCells(name: string): Promise<SavedCell[]> {
    await this.notebook.locator('.jp-Notebook').press('Control+s');
    await expect(
      this.page.locator('.lm-DockPanel-tabBar .lm-mod-current.jp-mod-dirty')
    ).toHaveCount(0);
    const text = readFileSync(path.join(this.server.root, name), 'utf8');
    return JSON.parse(text).cells;
  }

  private _onException(text: string): void {
    // Notebook 7.6 throws these by itself: with and without this extension while it loads
    // shortcuts, and now and then for a command of its own file browser.
    const isNotebooks =
      text.includes('/static/notebook/notebook_core') &&
      /reading 'schema'|Command 'filebrowser:open-path' not registered/.test(
        text
      );
    if (!isNotebooks) {
      this.exceptions.push(text);
    }
  }
}

/** Return what a cell says, with its outputs as text. */
export function textOf(cell: SavedCell): string {
  return (cell.outputs ?? [])
    .map(output =>
      joined(output.text ?? output.data?.['text/plain'] ?? output.evalue ?? '')
    )
    .join('\n');
}

export function sourceOf(cell: SavedCell): string {
  return joined(cell.source);
}

function joined(text: string | string[]): string {
  return Array.isArray(text) ? text.join('') : text;
}
