/** What a person at the command line reads of an error. */
import { expect, it } from 'vitest';
import { TtaiError } from '../actors/runtime/errors.ts';
import { explain } from './errors.ts';

it.each<[error: TtaiError, line: string]>([
  [new TtaiError('busy', 'ask it later', { retryable: true }), 'ask it later. Trying again may help. (busy)'],
  [new TtaiError('busy', 'Ask later.', { retryable: true }), 'Ask later. Trying again may help. (busy)'],
  [new TtaiError('gone', 'it is gone', { details: { hint: 'Look.' } }), 'it is gone. Look. (gone)'],
  [new TtaiError('gone', 'it is gone'), 'it is gone (gone)'],
])('sentences are kept apart: %s', (error, line) => {
  expect(explain(error).line).toBe(line);
});
