/** The table of operations, those that are told in a line or two, and what all say of wrong input. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { CalledOperations, codeOf } from '../testing/called-operations.ts';
import { savedScreener } from '../testing/fake-rooms.ts';
import { operations } from './index.ts';

const called = CalledOperations.use();

describe('the table', () => {
  it('has unique names and routes, all hints, and objects as schemas', () => {
    expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length);
    expect(new Set(operations.map(({ http }) => `${http.method} ${http.path}`)).size).toBe(operations.length);
    for (const { name, annotations, input, output } of operations) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
      expect(Object.values(annotations).every((hint) => typeof hint === 'boolean')).toBe(true);
      expect(z.toJSONSchema(input, { io: 'input' }).type).toBe('object');
      expect(z.toJSONSchema(output).type).toBe('object');
    }
  });
});

describe('get_quote', () => {
  it('answers known symbols with asOf and source, and names the unknown ones', async () => {
    const answer = await called.call('get_quote', { symbols: [' aapl ', 'NOPE', 'AAPL'] });
    expect(answer).toEqual({
      quotes: [
        expect.objectContaining({
          symbol: 'AAPL',
          price: 231.2,
          asOf: expect.any(String),
          source: 'simulated',
        }),
      ],
      missing: ['NOPE'],
    });
  });

  it('is symbol_not_found when none is known', async () => {
    expect(await codeOf(called.call('get_quote', { symbols: ['NOPE'] }))).toBe('symbol_not_found');
  });
});

describe('list_notifications', () => {
  it('goes on after a seq, and shows only the own ones', async () => {
    expect(await called.call('list_notifications', { afterSeq: 1 })).toMatchObject({
      notifications: [{ seq: 2 }],
      latestSeq: 2,
    });
    expect(await called.call('list_notifications', {}, { owner: 'ann' })).toEqual({
      notifications: [],
      latestSeq: 0,
      missed: false,
    });
  });
});

describe('wrong input is invalid_input with the field', () => {
  const alert = { symbol: 'AAPL', condition: 'above', threshold: 1 };
  const cases: [name: string, operation: string, input: unknown, field: string][] = [
    ['no object', 'get_quote', 'AAPL', '(whole input)'],
    ['a missing field', 'start_analysis', {}, 'symbol'],
    ['a symbol of 1,000 characters', 'start_analysis', { symbol: 'A'.repeat(1_000) }, 'symbol'],
    ['a symbol with other characters', 'get_quote', { symbols: ["A'; --"] }, 'symbols.0'],
    ['no symbols', 'get_quote', { symbols: [] }, 'symbols'],
    ['too many symbols', 'get_quote', { symbols: Array(21).fill('A') }, 'symbols'],
    ['an unknown field', 'start_analysis', { symbol: 'A', ['x'.repeat(1_000)]: 1 }, '(whole input)'],
    ['an unknown type', 'start_analysis', { symbol: 'A', type: 'all' }, 'type'],
    ['neither criteria nor a saved screener', 'start_screener', {}, 'criteria'],
    ['both', 'start_screener', { criteria: {}, savedScreenerId: savedScreener.id }, 'criteria'],
    ['an unknown criterion', 'start_screener', { criteria: { minDelta: 1 } }, 'criteria'],
    [
      'a symbol among criteria',
      'start_screener',
      { criteria: { symbols: ['A', '1'] } },
      'criteria.symbols.1',
    ],
    ['prices the wrong way round', 'start_screener', { criteria: { minPrice: 200 } }, 'criteria.minPrice'],
    ['RSI the wrong way round', 'start_screener', { criteria: { rsiMax: 10 } }, 'criteria.rsiMax'],
    ['an endless volume', 'start_screener', { criteria: { minVolume: 1e16 } }, 'criteria.minVolume'],
    ['too many symbols to analyse', 'start_screener', { criteria: {}, maxSymbols: 201 }, 'maxSymbols'],
    ['no symbols to analyse', 'start_screener', { criteria: {}, maxSymbols: 0 }, 'maxSymbols'],
    ['an unknown kind', 'list_runs', { kind: 'session' }, 'kind'],
    ['too long a wait', 'wait_run', { runId: 'analysis.1', maxWaitSeconds: 46 }, 'maxWaitSeconds'],
    [
      'a wait that is no number',
      'wait_run',
      { runId: 'analysis.1', maxWaitSeconds: Number.NaN },
      'maxWaitSeconds',
    ],
    ['a run id of 1,000 characters', 'get_run', { runId: 'a'.repeat(1_000) }, 'runId'],
    ['an unknown detail', 'get_run', { runId: 'analysis.1', detail: 'some' }, 'detail'],
    ['too long a page', 'list_runs', { limit: 1_000 }, 'limit'],
    ['a negative threshold', 'set_alert', { ...alert, threshold: -1 }, 'threshold'],
    ['an endless threshold', 'set_alert', { ...alert, threshold: Number.POSITIVE_INFINITY }, 'threshold'],
    ['an expiry in the past', 'set_alert', { ...alert, expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['an expiry without an offset', 'set_alert', { ...alert, expiresAt: '2029-01-01' }, 'expiresAt'],
    ['an expiry decades away', 'set_alert', { ...alert, expiresAt: '2099-01-01T00:00:00Z' }, 'expiresAt'],
    [
      'an expiry beyond the year 9999',
      'set_alert',
      { ...alert, expiresAt: '9999-12-31T23:59:59-23:59' },
      'expiresAt',
    ],
    [
      'an expiry to the nanosecond at the end of time',
      'set_alert',
      { ...alert, expiresAt: '9999-12-31T23:59:59.999999999Z' },
      'expiresAt',
    ],
    ['a note with NUL', 'set_alert', { ...alert, note: 'a\u0000b' }, 'note'],
    ['a note with half a character', 'set_alert', { ...alert, note: 'a\ud800b' }, 'note'],
    ['a note that steers terminals', 'set_alert', { ...alert, note: '\u001b[2J' }, 'note'],
    ['a note with a C1 control', 'set_alert', { ...alert, note: '\u009b2J' }, 'note'],
    ['a note that turns the text around', 'set_alert', { ...alert, note: '\u202eabc' }, 'note'],
    ['a note that isolates text', 'set_alert', { ...alert, note: '\u2066abc' }, 'note'],
    ['a key with NUL', 'start_analysis', { symbol: 'A', idempotencyKey: '\u0000' }, 'idempotencyKey'],
    ['a cursor with NUL', 'list_alerts', { cursor: '\u0000' }, 'cursor'],
    ['a run id with NUL', 'get_run', { runId: 'analysis.\u0000' }, 'runId'],
    ['an alert id with NUL', 'delete_alert', { alertId: '\u0000' }, 'alertId'],
  ];

  it.each(cases)('%s', async (_, name, input, field) => {
    const error = await called.call(name, input).catch((thrown: unknown) => thrown);
    if (!(error instanceof TtaiError)) throw error;
    expect(error.code).toBe('invalid_input');
    expect(error.details?.issues).toEqual(expect.arrayContaining([expect.objectContaining({ field })]));
    expect(error.message.length).toBeLessThan(1_000);
    expect(called.system.actors.size).toBe(0);
  });
});
