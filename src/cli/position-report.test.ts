/** Reports of positions where no command of a test can be brought to: more refused lines than are shown. */
import { expect, it } from 'vitest';
import { importReport } from './position-report.ts';

it('says how many more lines were refused right behind those that are shown', () => {
  const counts = { added: 1, alreadyKnown: 0, refusedLines: 3, ignoredLines: 0 };
  const refused = [{ line: 2, reason: 'its quantity is 0' }];
  const lines = importReport({
    format: 'ttai',
    dryRun: false,
    ...counts,
    positions: [],
    refused,
    warnings: [],
  });
  expect(lines.slice(-2)).toEqual(['  line 2 refused: its quantity is 0', '  and 2 more refused']);
});
