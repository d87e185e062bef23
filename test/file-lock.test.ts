/** The lock that set-up and home share. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, processIdentity, tryLock } from '../scripts/file-lock.mjs';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttai-lock-'));
  path = join(folder, 'lock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Takes the lock or throws. */
function lock(): { release(): void } {
  const taken = tryLock(path);
  if ('holder' in taken) throw new Error(`held by ${taken.holder.pid}`);
  return taken;
}

test('is held by one, and free when released', async () => {
  const mine = lock();
  expect(tryLock(path)).toEqual({ holder: { pid: process.pid } });
  mine.release();
  expect(await readdir(folder)).toEqual([]);
  lock().release();
});

test('is taken over from a process that has ended', async () => {
  const other = spawn(process.execPath, ['-e', '']);
  const identity = processIdentity(Number(other.pid));
  await once(other, 'exit');
  await writeFile(path, JSON.stringify({ pid: other.pid, identity }));
  expect(lockHolder(path)).toBeNull();
  lock();
  expect(lockHolder(path)).toEqual({ pid: process.pid });
});

test('is taken over when its pid belongs to another process by now', async () => {
  await writeFile(path, JSON.stringify({ pid: process.pid, identity: 'another start' }));
  lock();
  expect(await readdir(folder)).toEqual(['lock']);
});

test.each(['', 'not json', '{"pid":-1}', '{"pid":"1"}'])(
  'a broken lock file (%j) is no lock',
  async (text) => {
    await writeFile(path, text);
    lock();
  },
);

test('releasing does not touch the lock of who came after', async () => {
  const mine = lock();
  await writeFile(path, JSON.stringify({ pid: 1, identity: 'of another' }));
  mine.release();
  expect(existsSync(path)).toBe(true);
});

test('of many processes that find a stale lock, one gets it', async () => {
  await writeFile(path, JSON.stringify({ pid: 1, identity: 'another boot' }));
  const script = `
    import { tryLock } from ${JSON.stringify(new URL('../scripts/file-lock.mjs', import.meta.url).href)};
    console.log('release' in tryLock(process.argv[1]));
    process.stdin.on('end', () => process.exit()).resume();`;
  const racers = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  // All stay until each has answered, so that no lock is stale again meanwhile.
  const answers = await Promise.all(
    racers.map(async (racer) => {
      const [line] = (await once(racer.stdout, 'data')) as [Buffer];
      return line.toString().trim();
    }),
  );
  for (const racer of racers) racer.stdin.end();
  await Promise.all(racers.map((racer) => once(racer, 'exit')));
  expect(answers.filter((answer) => answer === 'true')).toHaveLength(1);
});
