/** What docs/runtime.md says is what there is: its links, the promises' tests, the metrics and the commands. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const docs = fileURLToPath(new URL('../docs/', import.meta.url));
const page = readFileSync(`${docs}runtime.md`, 'utf8');

test('every file that it links to is there', () => {
  const links = [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path);
  expect(links.length).toBeGreaterThan(20);
  for (const path of links) expect(existsSync(`${docs}${path}`), path).toBe(true);
});

test('each promise has a test that is named after it', () => {
  for (let promise = 1; promise <= 16; promise++) {
    const row = page.split('\n').find((line) => line.startsWith(`| R${promise} |`)) ?? '';
    const files = [...row.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) =>
      readFileSync(`${docs}${path}`, 'utf8'),
    );
    expect(files.length, `R${promise}`).toBeGreaterThan(0);
    for (const text of files)
      expect(text).toMatch(new RegExp(`(?:test|describe)[^\\n]*\\(\\s*['\`]R${promise}: `));
  }
});

test('every metric that it names is one', () => {
  const source = ['runtime-metrics', 'metrics']
    .map((name) => fileURLToPath(new URL(`../src/telemetry/${name}.ts`, import.meta.url)))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const named = [...page.matchAll(/`(ttai_\w+)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(10);
  for (const name of named) expect(source, name).toContain(name);
});
