/** What the README says of settings is what the program reads. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { settingsAsMarkdown } from '../src/config.ts';

test('the README has the table of settings as it is in src/config.ts', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(settingsAsMarkdown());
});
