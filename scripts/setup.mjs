/**
 * Brings what the project needs into the project: npm packages, a Node that runs TypeScript, the Python environment.
 * Every npm script runs this first; when nothing is missing it is silent and done in a few milliseconds.
 * Plain .mjs without packages, because it runs on Node 20 in a fresh clone. Speaks on stderr only.
 *
 *   node scripts/setup.mjs [--dev]     --dev: also what tests, type check and lint need
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tryLock } from './file-lock.mjs';
import { SetupError, stopCommands } from './setup/command.mjs';
import { refuseLink } from './setup/no-link.mjs';
import { nodePart } from './setup/node.mjs';
import { showProgress } from './setup/progress.mjs';
import { pythonPart } from './setup/python.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));
const dev = process.argv.includes('--dev');

async function setUp() {
  const parts = [nodePart(project, dev), pythonPart(project, dev)];
  if (!parts.some((part) => part.isNeeded())) return;
  const lock = await waitForLock();
  try {
    // Another set-up may have done it while we waited.
    const needed = parts.filter((part) => part.isNeeded());
    for (const { folder } of needed) refuseLink(folder);
    if (needed.length > 0) await runAll(needed);
  } finally {
    lock.release();
  }
}

async function waitForLock() {
  mkdirSync(join(project, '.ttai'), { recursive: true, mode: 0o700 });
  for (let said = false; ; said = true) {
    const lock = tryLock(join(project, '.ttai', 'setup.lock'));
    if ('release' in lock) return lock;
    if (!said) console.error(`Waiting for the set-up that process ${lock.holder.pid} is doing...`);
    await delay(200);
  }
}

/** All parts at once: one waits for the network while the other unpacks. The first failure stops the others. */
async function runAll(parts) {
  const progress = showProgress(parts.map((part) => part.name));
  try {
    await Promise.all(
      parts.map(async (part) => {
        await part.run();
        progress.finished(part.name);
      }),
    );
    progress.end('Set-up is done');
  } catch (error) {
    progress.end('Set-up failed');
    throw error;
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    stopCommands();
    process.exitCode = 1;
  });
}

try {
  await setUp();
} catch (error) {
  stopCommands();
  console.error(error instanceof SetupError ? `\n${error.message}` : error);
  process.exitCode = 1;
}
