/** That what a process has started is undone to the end, however often it is told to end meanwhile. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const module = fileURLToPath(new URL('undo-at-exit.ts', import.meta.url));

/** Its undo holds up the process until its stdin is closed, so that signals can come meanwhile. */
const program = `
  import { readFileSync, writeSync } from 'node:fs';
  import { undoAtExit } from ${JSON.stringify(module)};
  undoAtExit(() => {
    writeSync(1, 'undoing\\n');
    readFileSync(0);
    writeSync(1, 'undone\\n');
  });
  writeSync(1, 'ready\\n');
  setInterval(() => {}, 1_000);
`;

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('after %s', (first) => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s does not keep it from undoing', async (second) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const said: string[] = [];
      const ended = once(child, 'close');
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (line === 'ready') child.kill(first);
        if (line !== 'undoing') return;
        for (let times = 0; times < 3; times++) child.kill(second);
        child.stdin.end();
      });
      await ended;
      expect(said).toEqual(['ready', 'undoing', 'undone']);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
