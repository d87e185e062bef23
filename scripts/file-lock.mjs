/**
 * A lock held by a process, kept in a file: for the set-up (which waits for it) and for a home (which does not).
 * Plain .mjs, because the set-up runs on Node 20 before anything is installed. Not for locks between machines.
 *
 * The file holds the holder's pid and when that process started, so that a lock left by a crash is known to be
 * stale even when its pid has gone to another process.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * When a process started, as a string that no other process with the same pid has; null when there is none.
 * @param {number} pid
 * @returns {string | null}
 */
export function processIdentity(pid) {
  if (!isAlive(pid)) return null;
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field, the program's name, may hold spaces and brackets: count from the last bracket.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [state, startTicks] = [fields[0], fields[19]];
      if (state === 'Z' || state === 'X') return null;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${startTicks}`;
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return started.trim() || null;
  } catch {
    return null;
  }
}

/**
 * True when a process with this pid exists, whoever it belongs to.
 * @param {number} pid
 * @returns {boolean}
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Takes the lock at once or says who has it. A lock whose holder has ended is taken over.
 * @param {string} path
 * @returns {{ release(): void } | { holder: { pid: number } }}
 */
export function tryLock(path) {
  const mine = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${mine}\n`, { mode: 0o600 });
  try {
    // Two rounds: the second after a stale lock was moved away.
    for (let round = 0; round < 2; round += 1) {
      if (linkTo(draft, path)) return { release: () => release(path, mine) };
      const found = readLock(path);
      if (found?.holder) return { holder: found.holder };
      if (found) moveAway(path, found.text);
    }
    return { holder: lockHolder(path) ?? { pid: 0 } };
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Who has the lock; null when nobody has.
 * @param {string} path
 * @returns {{ pid: number } | null}
 */
export function lockHolder(path) {
  return readLock(path)?.holder ?? null;
}

/** Hard links are made whole or not at all, so nobody ever reads a half-written lock. */
function linkTo(draft, path) {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The lock's text, and its holder when that process still runs; null when there is no lock. */
function readLock(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { pid, identity } = JSON.parse(text);
    const alive = Number.isInteger(pid) && pid > 0 && processIdentity(pid) === identity;
    return { text, holder: alive ? { pid } : null };
  } catch {
    return { text, holder: null };
  }
}

/**
 * Moves a stale lock away. When it was another's fresh lock by now, it is put back; only a third that came in that
 * instant could hold it as well, which takes three starts within a millisecond after a crash.
 */
function moveAway(path, staleText) {
  const grave = `${path}.${randomUUID()}`;
  try {
    renameSync(path, grave);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(grave, 'utf8').trim() !== staleText) linkTo(grave, path);
  rmSync(grave, { force: true });
}

function release(path, mine) {
  if (readLock(path)?.text === mine) rmSync(path, { force: true });
}
