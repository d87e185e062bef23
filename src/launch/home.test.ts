/** Taking a home. What it holds while a server runs is tested in test/launch-server.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findRunning, takeHome } from './home.ts';

const root = mkdtempSync(join(tmpdir(), 'ttai-home-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a home is made with the folders above it, and let go', () => {
  const dir = join(root, 'deep', 'er');
  const home = takeHome(dir);
  expect(findRunning(dir)?.pid).toBe(process.pid);
  home.release();
  expect(findRunning(dir)).toBeNull();
});

test('where no folder can be made it says so, instead of trying for ever', () => {
  writeFileSync(join(root, 'file'), '');
  for (const dir of ['/proc/ttai/home', join(root, 'file', 'home')]) {
    expect(() => takeHome(dir)).toThrow(/TTAI_HOME can't be used/);
  }
});
