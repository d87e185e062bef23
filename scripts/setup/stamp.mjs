/** A note in an installed folder of what was installed there, so that the next start knows in a millisecond. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The stamp's content, or null when it is absent or unreadable: then nothing is known. */
export function readStamp(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Written last; an interrupted installation has none. */
export function writeStamp(path, stamp) {
  writeFileSync(path, `${JSON.stringify(stamp)}\n`);
}

export function removeStamp(path) {
  rmSync(path, { force: true });
}

/** One hash over these files. */
export function hashFiles(...paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest('hex');
}
