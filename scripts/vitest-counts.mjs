/** A vitest reporter that writes what scripts/test.mjs sums up: counts, and the tests left out with their reasons. */
import { writeFileSync } from 'node:fs';

export default class CountsReporter {
  /** @param {readonly import('vitest/node').TestModule[]} modules */
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      // A file that does not load has no tests to fail.
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') counts.passed += 1;
        else if (result.state === 'failed') counts.failed += 1;
        else
          counts.skipped.push({
            name: `${module.relativeModuleId} > ${test.fullName}`,
            reason: result.note ?? '',
          });
      }
    }
    const path = process.env.TTAI_TEST_COUNTS;
    if (path) writeFileSync(path, JSON.stringify(counts));
  }
}
