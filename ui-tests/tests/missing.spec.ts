import { DEFAULT_SERVER, expect, test } from '../helpers/fixtures';

test.use({
  serverOptions: { ...DEFAULT_SERVER, hasServerHalf: false },
  permissions: ['clipboard-read', 'clipboard-write']
});

test('without the server half the panel says so, with the command to copy', async ({
  lab,
  page
}) => {
  await lab.open();
  const notice = lab.panel.getByRole('alert');
  await expect(notice).toContainText(
    'The Jupyter server runs without the server half of this extension.'
  );
  const command = 'pip install jupyterlab-engines';
  await expect(notice.getByText(command, { exact: true })).toBeVisible();
  await notice.getByRole('button', { name: 'Copy the command' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    command
  );
  await expect(notice.getByRole('button', { name: 'Try again' })).toBeVisible();
  await expect(lab.startButton).toHaveCount(0);
});
