/** What a person at the command line reads of an error. */
import { expect, it } from 'vitest';
import { TtaiError } from '../actors/runtime/errors.ts';
import { explain } from './errors.ts';
import { localTime } from './terminal.ts';

it.each<[error: TtaiError, line: string]>([
  [new TtaiError('busy', 'ask it later', { retryable: true }), 'ask it later. Trying again may help. (busy)'],
  [new TtaiError('busy', 'Ask later.', { retryable: true }), 'Ask later. Trying again may help. (busy)'],
  [new TtaiError('gone', 'it is gone', { details: { hint: 'Look.' } }), 'it is gone. Look. (gone)'],
  [new TtaiError('gone', 'it is gone'), 'it is gone (gone)'],
])('sentences are kept apart: %s', (error, line) => {
  expect(explain(error).line).toBe(line);
});

it.each([
  ['closedAt is before it was opened.', '--closed is before it was opened.'],
  [
    'it has expired; give openedAt if it was opened earlier',
    'it has expired; give --opened if it was opened earlier',
  ],
  ['closePrices: give either closePrices or realizedPnl', 'prices: give either prices or --pnl'],
  ['since: give either since or afterSeq', '--since: give either --since or --after'],
  ['since when, and symbols: must be given', 'since when, and symbols: must be given'],
  ['There is no screener "closedAt" since then.', 'There is no screener "closedAt" since then.'],
])('fields are called as they are typed: %s', (message, line) => {
  expect(explain(new TtaiError('invalid_input', message)).line).toBe(`${line} (invalid_input)`);
});

it('times are by the clock of the reader, but for what is quoted', () => {
  const at = '2026-11-28T10:02:33.920Z';
  const error = new TtaiError('invalid_input', `It was opened ${at}, says "${at}".`);
  expect(explain(error).line).toBe(`It was opened ${localTime(at)}, says "${at}". (invalid_input)`);
});
