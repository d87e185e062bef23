/** A smoke run of each bench: that it runs and prints what it says. No figure is judged here. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = promisify(execFile);

test('pipeline prints JSON with the floor beside it', async () => {
  const { stdout, stderr } = await run(process.execPath, [main, 'pipeline', '--smoke']);
  const { rows } = JSON.parse(stdout) as { rows: { atOnce: number }[] };
  expect(rows.map(({ atOnce }) => atOnce)).toEqual([1, 20, 200]);
  for (const row of rows) {
    expect(row).toMatchObject({
      pipeline: { perSecond: expect.any(Number), p50Ms: expect.any(Number), p99Ms: expect.any(Number) },
      floorOneByOne: { perSecond: expect.any(Number) },
      floorBatched: { perSecond: expect.any(Number) },
    });
  }
  expect(stderr).toContain('pipelines/s');
});

test('an unknown bench is named', async () => {
  await expect(run(process.execPath, [main, 'nonsense'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('There is no bench "nonsense"'),
  });
});
