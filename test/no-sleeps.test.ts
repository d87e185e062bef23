/** Tests wait for events, never for time: no test sleeps. Where a timer stands in one all the same, its reason is here. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TIMER =
  /\b(?:setTimeout|setInterval|scheduler\.wait|Atomics\.wait|pg_sleep)\b|\bsleep\(|timers\/promises/g;
const PYTHON_TIMER = /\b(?:asyncio|time)\.sleep\((?!0\))/g;

/** By file, how many times a timer is named in it, and why. */
const allowed: Record<string, [times: number, reason: string]> = {
  'bench/bench.test.ts': [
    1,
    'Ctrl-C comes again while a benchmark stops: at moments, which nothing tells of',
  ],
  'src/actors/runtime/promises/r05-timers.test.ts': [2, 'names the timers that it turns itself'],
  'src/actors/runtime/promises/r09-wrong-options.test.ts': [
    1,
    'that a wait of 30,000 years is not over at once: nothing happens that could be waited for',
  ],
  'src/persistence/database-errors.test.ts': [1, 'a turn of the event loop, not a time'],
  'src/server/inspect/testing/door.ts': [1, 'closes idle connections, as a server; no test waits for it'],
  'src/server/sessions/delivery.test.ts': [1, 'names the timers that it turns itself'],
  'src/server/testing/fake-system.ts': [1, 'the timeout of a wait, as the system has it'],
  'test/fixtures/start-postgres.ts': [1, 'keeps a process alive that a test ends'],
  'test/screener-crash.test.ts': [1, 'kills at a random moment, which is what is tested'],
  'test/undo-at-exit.test.ts': [1, 'keeps a process alive that a test ends'],
  'test/undo-at-exit.ts': [
    3,
    'at the exit of the process, where nothing can be awaited: until Postgres is gone',
  ],
};

const files = ['bench', 'src', 'test', 'python/tests', 'scripts'].flatMap((folder) =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => /\.test\.ts$|\/testing\/.*\.ts$|^test\/.*\.ts$|^python\/tests\/.*\.py$/.test(file))
    // Not tests: they break things at moments that they choose, and run for minutes.
    .filter((file) => !file.startsWith('test/chaos/') || file.endsWith('.test.ts'))
    // They name what they look for.
    .filter((file) => !['test/rooms.test.ts', 'test/no-sleeps.test.ts'].includes(file)),
);

/** Timers that a file names, outside of its comments. */
function timersIn(file: string): number {
  const code = readFileSync(`${ROOT}${file}`, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '');
  return [...code.matchAll(file.endsWith('.py') ? PYTHON_TIMER : TIMER)].length;
}

test('no test sleeps, but for the timers that are named here with their reasons', () => {
  expect(files.length).toBeGreaterThan(150);
  const found = files.flatMap((file): [string, number][] => {
    const times = timersIn(file);
    return times > 0 ? [[file, times]] : [];
  });
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(allowed).map(([file, [times]]) => [file, times])),
  );
});
