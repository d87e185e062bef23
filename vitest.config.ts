/** How the tests run. `npm test` runs them with type check, lint and the Python tests (scripts/test.mjs). */
import { defineConfig } from 'vitest/config';

// `./node_modules/.bin/vitest` called directly runs on the system's Node, which may not know TypeScript.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  throw new Error(
    `The tests need Node 24 and this is ${process.version}. Use "npm test -- <path>", or put node_modules/.bin first in PATH.`,
  );
}

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'examples/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    // Real processes and real databases: a crash of one file must not take others along.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
