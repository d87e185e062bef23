/**
 * Short runs of the chaos commands, each with its seed in what fails. The whole: `npm run chaos -- --help`.
 * One after the other: each starts several processes and loads the machine.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { newSeed } from './random.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = promisify(execFile);
/** Far above what each takes: the machine may be busy. */
const PATIENCE_MS = 300_000;

/**
 * What a command prints as its report. A run that ends with a violation is read like any other. What the driver warns of
 * is a fault too: two queries at once on one connection.
 */
async function chaos<Report>(...args: string[]): Promise<Report> {
  const { stdout, stderr } = await run(process.execPath, [main, ...args], { maxBuffer: 2 ** 26 }).catch(
    (error: { code?: unknown; stdout: string; stderr: string }) => {
      if (error.code !== 1 || error.stdout === '') throw error;
      return error;
    },
  );
  expect(stderr).not.toContain('DeprecationWarning');
  return JSON.parse(stdout) as Report;
}

describe('R1, R3, R4, R5, R6, R7: killed at a point', () => {
  const seed = newSeed();
  test(
    `a sample of the crash matrix comes to what the undisturbed run does (seed ${seed})`,
    async () => {
      const report = await chaos<{ total: number; covered: number }>(
        'crash-matrix',
        '--sample',
        '20',
        '--seed',
        String(seed),
      );
      // Each run meets the same points, so that every one of them can be tried.
      expect(report).toMatchObject({ violations: [], unsteady: [], notReached: [], covered: 20 });
      expect(report.total).toBeGreaterThan(400);
    },
    PATIENCE_MS,
  );

  test(
    'R1: with the journal in a second transaction a sample finds it',
    async () => {
      const report = await chaos<{
        plant: { foundAfterPoints: number | null };
        violations: { point: string; faults: string[] }[];
      }>('crash-matrix', '--sample', '60', '--plant', 'journal-later', '--seed', '5');
      // Undisturbed it makes no difference, and neither before a commit: only the kill after one shows it.
      expect(report.plant.foundAfterPoints).toBeGreaterThan(0);
      expect(report.violations[0]?.point).toMatch(/: after \d+ commit_/);
      expect(report.violations[0]?.faults.join()).toContain('revision');
    },
    PATIENCE_MS,
  );
});

describe('R1 to R8, R13: under chaos', () => {
  const seed = newSeed();
  test(
    `the history of half a minute holds no violation (seed ${seed})`,
    async () => {
      const report = await chaos<{ violations: unknown[]; acknowledged: number; faults: object }>(
        'actors',
        '--minutes',
        '0.5',
        '--seed',
        String(seed),
      );
      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(50);
      expect(Object.keys(report.faults).length).toBeGreaterThan(3);
    },
    PATIENCE_MS,
  );

  test(
    `R2: with the revision check switched off it is found (seed ${seed})`,
    async () => {
      const { plant, violations } = await chaos<{
        plant: { foundAfterSeconds: number | null };
        violations: { rule: string }[];
      }>('actors', '--minutes', '1', '--plant', 'revision-check', '--seed', String(seed));
      expect(plant.foundAfterSeconds).toEqual(expect.any(Number));
      expect(violations.map(({ rule }) => rule)).toContain('revisions without gaps (R2)');
    },
    PATIENCE_MS,
  );
});

describe('streams: two servers, one killed again and again', () => {
  const seed = newSeed();
  test(
    `no client misses anything or sees it twice (seed ${seed})`,
    async () => {
      const report = await chaos<{
        violations: unknown[];
        kills: number;
        reconnects: number;
        frames: number;
      }>(...['streams', '--minutes', '0.35', '--clients', '60', '--seed', String(seed)]);
      expect(report.violations).toEqual([]);
      expect(report.kills).toBeGreaterThan(0);
      expect(report.reconnects).toBeGreaterThan(20);
      expect(report.frames).toBeGreaterThan(200);
    },
    PATIENCE_MS,
  );

  test.each([
    { plant: 'repeats-after-reconnect', rule: 'no repeat' },
    { plant: 'shared-read-skips', rule: 'no gap' },
    { plant: 'deaf-server', rule: 'all arrive' },
  ])(
    `$plant is found (seed ${seed})`,
    async ({ plant, rule }) => {
      const report = await chaos<{
        plant: { foundAfterSeconds: number | null };
        violations: { rule: string }[];
      }>('streams', '--minutes', '0.3', '--clients', '40', '--plant', plant, '--seed', String(seed));
      expect(report.plant.foundAfterSeconds).toEqual(expect.any(Number));
      expect(report.violations.map((violation) => violation.rule)).toContain(rule);
    },
    PATIENCE_MS,
  );
});

test.each([
  { args: [], says: 'Name one command' },
  { args: ['nonsense'], says: 'There is no command "nonsense"' },
  { args: ['crash-matrix', '--sample', '0'], says: '--sample takes a whole number' },
  { args: ['crash-matrix', '--variant', 'nonsense'], says: 'There is no variant "nonsense"' },
  { args: ['crash-matrix', '--plant', 'nonsense'], says: 'There is no plant "nonsense"' },
  { args: ['actors', '--minutes', '0'], says: '--minutes takes a number above 0' },
  { args: ['actors', '--plant', 'nonsense'], says: 'There is no plant "nonsense"' },
  { args: ['streams', '--plant', 'revision-check'], says: 'There is no plant "revision-check"' },
  { args: ['streams', '--clients', '0'], says: '--clients takes a whole number' },
  { args: ['actors', '--clients', '3'], says: 'actors takes no --clients' },
  { args: ['differential', '--plant', 'revision-check'], says: 'differential takes no --plant' },
  { args: ['differential', '--minutes', '3'], says: 'differential takes no --minutes' },
  {
    args: ['actors', '--sample', '3'],
    says: 'actors takes no --sample. It takes: --minutes, --plant, --seed',
  },
  { args: ['crash-matrix', '--cases', '3'], says: 'crash-matrix takes no --cases' },
  { args: ['crash-matrix', '--nonsense'], says: "Unknown option '--nonsense'" },
])('$args is refused with the reason', async ({ args, says }) => {
  await expect(run(process.execPath, [main, ...args])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(says),
  });
});
