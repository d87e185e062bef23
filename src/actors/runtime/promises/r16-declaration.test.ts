/**
 * R16: what is declared wrongly is refused when it is registered, with an error that names the field. What a machine
 * does that can't be durable is `r16-registration.test.ts`.
 */
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, setup } from 'xstate';
import { z } from 'zod';
import { type EffectPolicy, effect } from '../registry/effect.ts';
import { Registry } from '../registry/registry.ts';
import { goesOn } from '../registry/versions.ts';
import { counter } from '../testing/subjects.ts';
import type { DurableMachine, Effect } from '../types.ts';

const shapes = { input: z.unknown(), output: z.unknown() };
const refused = (message: RegExp) =>
  expect.objectContaining({
    code: 'registration_refused',
    retryable: false,
    message: expect.stringMatching(message),
    details: { faults: expect.any(Array) },
  });

describe('R16: an effect with a wrong policy is refused where it is declared', () => {
  test.each<[field: string, policy: object, reason: RegExp]>([
    ['retries.limit', { retries: { limit: Number.NaN } }, /retries\.limit is not a whole number/],
    ['retries.limit', { retries: { limit: -1 } }, /retries\.limit/],
    ['retries.limit', { retries: { limit: 1.5 } }, /retries\.limit/],
    ['retries.delay', { retries: { delay: 'soon' } }, /retries\.delay is not a duration.*soon/],
    ['retries.delay', { retries: { delay: -1 } }, /retries\.delay/],
    ['retries.maxDelay', { retries: { maxDelay: Number.NaN } }, /retries\.maxDelay/],
    ['retries.backoff', { retries: { backoff: 'linear' } }, /retries\.backoff/],
    ['timeout', { timeout: '30s' }, /timeout is not a duration.*30s/],
    ['timeout', { timeout: 0 }, /timeout/],
    ['timeout', { timeout: {} }, /timeout/],
    ['timeout', { timeout: '60 d' }, /timeout is not a duration above 0 and below 25 days/],
    ['deadline', { deadline: 'never' }, /deadline/],
    ['deadline', { deadline: Number.POSITIVE_INFINITY }, /deadline/],
    ['concurrency', { concurrency: 0 }, /concurrency/],
    ['concurrency', { concurrency: Number.NaN }, /concurrency/],
    ['input', { input: undefined }, /input is not a zod schema/],
    ['output', { output: {} }, /output is not a zod schema/],
  ])('%s: %j', (_field, policy, reason) => {
    const declare = () =>
      effect('e', { ...shapes, ...policy } as EffectPolicy<unknown, unknown>, async () => 1);
    expect(declare).toThrow(refused(reason));
  });

  test('its name and its work', () => {
    expect(() => effect('', shapes, async () => 1)).toThrow(refused(/name/));
    expect(() => effect('e', shapes, undefined as never)).toThrow(refused(/run is not a function/));
  });

  test('all that is wrong is named at once, also of one that `effect` has not made', () => {
    const retries = { limit: Number.NaN, delay: 'x' } as never;
    expect(() => effect('e', { ...shapes, retries, timeout: 0 }, async () => 1)).toThrow(
      refused(/effect e .*retries\.delay.*timeout.*retries\.limit/),
    );
    const { retries: _none, ...own } = effect('own', shapes, async () => 1);
    expect(() => new Registry([], [own as Effect])).toThrow(refused(/effect own .*retries\.limit/));
  });
});

describe('R16: a machine that is declared wrongly is refused when it is registered', () => {
  const text = { text: z.string() };
  test.each<[what: string, change: object, reason: RegExp]>([
    ['no version', { version: undefined }, /version/],
    ['an empty version', { version: '' }, /version/],
    ['a version with a NUL', { version: '1\0' }, /version/],
    ['a version that is a number', { version: 1 }, /version/],
    ['no id', { id: undefined }, /its id/],
    ['no machine', { machine: undefined }, /its machine is not one of XState's/],
    ['a machine that is its configuration', { machine: { id: 'counter' } }, /its machine/],
    ['no input', { input: undefined }, /its input/],
    ['no events', { events: undefined }, /its events are missing/],
    ['an event without a schema', { events: { ADD: undefined } }, /events\.ADD is not a zod schema/],
    ['an event whose schema is its shape', { events: { ADD: text } }, /events\.ADD/],
    ['an event that has no type', { events: { '': z.object({}) } }, /event ""/],
    ['an event that is a wildcard', { events: { 'ADD.*': z.object({}) } }, /event "ADD\.\*"/],
    ['a journal that is no object', { journal: 10 }, /journal/],
    ['journal.keepLast', { journal: { keepLast: -1 } }, /journal\.keepLast/],
    ['journal.keepFor', { journal: { keepFor: '1 year' } }, /journal\.keepFor/],
    ['journal.unchanged', { journal: { unchanged: 'no' } }, /journal\.unchanged/],
    ['journal.redact that is a text', { journal: { redact: 'context.token' } }, /journal\.redact/],
    ['a redaction that redacts nothing', { journal: { redact: ['contxt.token'] } }, /"contxt\.token"/],
    ['a redaction of a whole', { journal: { redact: ['context'] } }, /"context"/],
    ['keepEnded', { keepEnded: 0 }, /keepEnded/],
    ['old versions that are no list', { previous: {} }, /previous/],
    ['an old version of no kind', { previous: [{ version: '0' }] }, /previous/],
    [
      'an old version without events',
      { previous: [goesOn({ version: '0', machine: counter.machine, events: undefined as never })] },
      /version 0: its events are missing/,
    ],
  ])('%s', (_, change, reason) => {
    const definition = { ...counter, ...change } as DurableMachine;
    expect(() => new Registry([definition], [])).toThrow(refused(reason));
  });

  test('lists that are none', () => {
    expect(() => new Registry(undefined as never, [])).toThrow(refused(/machines/));
    expect(() => new Registry([], {} as never)).toThrow(refused(/effects/));
    expect(() => new Registry([undefined as never], [])).toThrow(refused(/version/));
    expect(() => new Registry([], [undefined as never])).toThrow(refused(/name/));
  });
});

test('the smallest policy is not refused', () => {
  const least = { ...shapes, timeout: 1, deadline: 0, retries: { limit: 0, delay: 0, maxDelay: 0 } };
  const machine = setup({ actors: {} }).createMachine({ id: 'm' }) as AnyStateMachine;
  const plain = { id: 'm', version: '1', machine, input: z.unknown(), events: {} };
  expect(() => new Registry([plain], [effect('e', least, async () => 1)])).not.toThrow();
});
