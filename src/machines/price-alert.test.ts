/** The machine `priceAlert` alone, in memory. Random walks: `price-alert.property.test.ts`; on the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import {
  type PriceAlertContext,
  priceAlert,
  priceAlertEvents,
  priceAlertInput,
  pricesToWatch,
} from './price-alert.ts';
import { asOf, failed, priceAlertModel } from './testing/models.ts';

const { machine } = priceAlert;
const HOUR = 3_600_000;

const quote = (price: number) => ({ type: 'QUOTE', price, asOf, source: 'simulated' });
const quoteLost = { type: 'QUOTE_LOST', reason: 'there is no fresh quote' };
const woken = { type: 'xstate.done.actor.wakeWatcher', output: { now: asOf } };
const notWoken = { type: 'xstate.error.actor.wakeWatcher', error: failed('busy') };

type Condition = 'above' | 'below' | 'crosses';
const start = (condition: Condition, more: object = {}, events: object[] = []) =>
  replay(machine, {
    input: priceAlertInput.parse({ symbol: 'AAPL', condition, threshold: 100, ...more }),
    events: events as { type: string }[],
  });
const contextOf = (live: LiveActor) => live.seen().context as PriceAlertContext;
const triggersOf = (live: LiveActor) => contextOf(live).triggers;
const told = (live: LiveActor) =>
  (live.emitted as { type: string }[]).filter(({ type }) => type === 'notification');
const lastArmed = (live: LiveActor) =>
  (live.emitted as { type: string }[]).findLast(({ type }) => type.startsWith('alert.'));

describe('priceAlert: every path', () => {
  const paths = pathsOf(priceAlertModel);

  // Each state of a path ends a path of its own, so it is enough to look at the ends.
  const ends = paths.map((path) => replay(machine, path));

  test('reach every state and take every transition', () => {
    expect(uncovered(machine, ends)).toEqual([]);
    console.log(`priceAlert: ${paths.length} paths reach every state and take every transition`);
  });

  test('keep its promises', () => {
    for (const live of ends) {
      // One trigger, one notification, exactly.
      expect(told(live)).toHaveLength(triggersOf(live));
      const { status, value } = live.seen();
      if (status === 'active') {
        checkArmed(live, value);
        live.send({ type: 'CANCEL' });
        expect(live.seen().value).toBe('cancelled');
      }
      expect(live.seen().status).toBe('done');
      expect(lastArmed(live)).toEqual({ type: 'alert.disarmed' });
      expect(live.effects()).toEqual({});
      expect(live.timers()).toEqual([]);
    }
  });

  function checkArmed(live: LiveActor, value: unknown): void {
    // What stands in the row that the watcher judges is what the machine waits for now.
    const context = contextOf(live);
    expect(lastArmed(live)).toMatchObject({
      type: 'alert.armed',
      ...pricesToWatch(context),
      blind: context.blindBecause !== null,
    });
    // Either the watcher, with the time, is still being asked for, or its end is set.
    const asked = 'wakeWatcher' in live.effects() || live.timers().some((type) => type.includes('Wake'));
    expect(value).toMatchObject({
      armed: {
        price: context.waitingFor === 'price' ? 'waitingForPrice' : 'waitingForQuote',
        watcher: asked ? expect.stringMatching('waking|unreached') : 'awake',
      },
    });
    if (!asked) expect(live.timers()).toEqual(context.expiresAt === null ? [] : ['EXPIRE']);
  }
});

describe('priceAlert: conditions', () => {
  test.each<[Condition, number[], number]>([
    ['above', [99.99], 0],
    ['above', [100], 1],
    ['above', [100.01], 1],
    ['above', [99, 100], 1],
    ['below', [100.01], 0],
    ['below', [100], 1],
    ['below', [99.99], 1],
    ['crosses', [94], 0],
    ['crosses', [106], 0],
    ['crosses', [94, 99.99], 0],
    ['crosses', [94, 100], 1],
    ['crosses', [94, 106], 1],
    ['crosses', [106, 100.01], 0],
    ['crosses', [106, 100], 1],
    ['crosses', [106, 94], 1],
    // On the threshold at first: it has no side yet.
    ['crosses', [100], 0],
    ['crosses', [100, 101], 0],
    ['crosses', [100, 101, 100], 1],
  ])('%s 100 with the prices %j triggers %i times', (condition, prices, expected) => {
    const live = start(condition, {}, [woken, ...prices.map(quote)]);
    expect(triggersOf(live)).toBe(expected);
    expect(live.seen().status).toBe(expected === 0 ? 'active' : 'done');
    expect(told(live)).toHaveLength(expected);
  });

  test('the notification says what triggered, from where and when', () => {
    const live = start('above', { note: 'look' }, [woken, quote(101)]);
    expect(told(live)).toEqual([
      {
        type: 'notification',
        notification: 'price_alert_triggered',
        data: {
          symbol: 'AAPL',
          condition: 'above',
          threshold: 100,
          price: 101,
          asOf,
          source: 'simulated',
          note: 'look',
          trigger: 1,
        },
      },
    ]);
    expect(contextOf(live)).toMatchObject({ lastTriggeredAt: asOf, lastQuote: { price: 101, stale: false } });
  });

  test.each<[Condition, number[], number]>([
    // Trembling at the threshold, within the margin of 0.05.
    ['above', [100, 99.96, 100, 99.96, 101], 1],
    ['above', [100, 99.95, 100], 2],
    ['above', [100, 90, 99, 101, 90, 100], 3],
    ['below', [100, 100.04, 100, 100.04, 99], 1],
    ['below', [100, 100.05, 100], 2],
    ['crosses', [94, 100, 99.96, 100, 99.96], 1],
    ['crosses', [94, 100, 99.95], 2],
    ['crosses', [94, 106, 94, 106], 3],
  ])('%s 100, every cross, with the prices %j triggers %i times', (condition, prices, expected) => {
    const live = start(condition, { repeat: 'every_cross' }, [woken, ...prices.map(quote)]);
    expect(triggersOf(live)).toBe(expected);
    expect(live.seen().status).toBe('active');
  });
});

describe('priceAlert: quotes that are not there', () => {
  test('are waited for, said in its state, and are not a price', () => {
    const live = start('above', {}, [woken, quote(99), quoteLost]);
    expect(live.seen().value).toMatchObject({ armed: { price: 'waitingForQuote' } });
    expect(contextOf(live)).toMatchObject({
      waitingFor: 'quote',
      blindBecause: 'there is no fresh quote',
      lastQuote: { price: 99, stale: true },
      triggers: 0,
    });
    expect(lastArmed(live)).toMatchObject({ wantsQuote: true, blind: true, upper: 100 });
    live.send(quote(99.5));
    expect(live.seen().value).toMatchObject({ armed: { price: 'waitingForPrice' } });
    expect(contextOf(live)).toMatchObject({ waitingFor: 'price', blindBecause: null });
    expect(lastArmed(live)).toMatchObject({ wantsQuote: false, blind: false });
  });

  test('do not make a crossing unseen: the side is kept', () => {
    expect(triggersOf(start('crosses', {}, [woken, quote(94), quoteLost, quote(106)]))).toBe(1);
  });
});

describe('priceAlert: UPDATE', () => {
  test('of the threshold begins anew, and exactly at the threshold counts again', () => {
    const live = start('crosses', { repeat: 'every_cross' }, [woken, quote(94), quote(106)]);
    live.happen({ type: 'UPDATE', threshold: 200 });
    live.happen(quote(190));
    live.happen(quote(200));
    expect(triggersOf(live)).toBe(2);
  });

  test('of the note alone does not trigger again what has triggered', () => {
    const live = start('above', { repeat: 'every_cross' }, [woken, quote(106)]);
    live.happen({ type: 'UPDATE', note: 'still there' });
    live.happen(quote(106));
    expect(contextOf(live)).toMatchObject({ triggers: 1, note: 'still there' });
  });

  test('of the note alone does not lose a crossing', () => {
    const live = start('crosses', {}, [
      woken,
      quote(94),
      { type: 'UPDATE', note: 'soon' },
      woken,
      quote(106),
    ]);
    expect(triggersOf(live)).toBe(1);
  });

  test('of the condition asks for a quote at once', () => {
    const live = start('above', {}, [woken, quote(94), { type: 'UPDATE', condition: 'below' }]);
    expect(lastArmed(live)).toMatchObject({ upper: null, lower: 100, wantsQuote: true });
    expect(live.effects()).toHaveProperty('wakeWatcher');
    live.send(quote(94));
    expect(live.seen().value).toBe('done');
  });

  test('of repeat ends it with the next trigger', () => {
    const live = start('above', { repeat: 'every_cross' }, [
      woken,
      quote(106),
      { type: 'UPDATE', repeat: 'once' },
    ]);
    for (const price of [90, 106]) live.send(quote(price));
    expect(live.seen().value).toBe('done');
    expect(triggersOf(live)).toBe(2);
  });

  test('sets the expiry earlier, later, and takes it away', () => {
    const at = (hours: number) => new Date(Date.parse(asOf) + hours * HOUR).toISOString();
    const live = start('above', { expiresAt: at(1) }, [woken, { type: 'UPDATE', expiresAt: at(3) }, woken]);
    live.passTime(2 * HOUR);
    expect(live.seen().status).toBe('active');
    live.send({ type: 'UPDATE', expiresAt: null });
    live.happen(woken);
    live.passTime(24 * HOUR);
    expect(live.seen().status).toBe('active');
    live.send({ type: 'UPDATE', expiresAt: at(-1) });
    live.happen(woken);
    live.passTime(0);
    expect(live.seen()).toMatchObject({ status: 'done', value: 'expired' });
  });
});

describe('priceAlert: expiry', () => {
  const input = { expiresAt: '2026-01-05T16:00:00.000Z' };

  test('comes at its time and not before, also after triggers', () => {
    const live = start('above', { ...input, repeat: 'every_cross' }, [woken, quote(106), woken]);
    live.passTime(HOUR - 1);
    expect(live.seen().status).toBe('active');
    live.passTime(1);
    expect(live.seen()).toMatchObject({ status: 'done', value: 'expired', context: { triggers: 1 } });
    expect(lastArmed(live)).toEqual({ type: 'alert.disarmed' });
  });

  test.each([
    ['a quote', quote(94)],
    ['a lost quote', quoteLost],
  ])('is not lost when %s comes before the watcher has answered', (_what, early) => {
    const live = start('above', input, [early]);
    expect(live.effects()).toHaveProperty('wakeWatcher');
    live.happen(woken);
    live.passTime(HOUR);
    expect(live.seen().value).toBe('expired');
  });

  test('is not lost when the watcher can not be reached: it is asked again', () => {
    const live = start('above', input, [notWoken]);
    expect(live.effects()).toEqual({});
    live.passTime(30_000);
    expect(live.effects()).toHaveProperty('wakeWatcher');
    live.happen(woken);
    live.passTime(HOUR);
    expect(live.seen().value).toBe('expired');
  });
});

describe('priceAlert: the watcher', () => {
  test('is woken when the alert is set, changed, and armed again; a quote that does not trigger wakes nobody', () => {
    const live = start('above', { repeat: 'every_cross' });
    const asks = () => Object.keys(live.effects());
    expect(asks()).toEqual(['wakeWatcher']);
    live.happen(woken);
    for (const event of [quote(94), quoteLost, quote(95)]) live.happen(event);
    expect(asks()).toEqual([]);
    live.happen(quote(106));
    expect(asks()).toEqual(['wakeWatcher']);
    live.happen(woken);
    live.happen({ type: 'UPDATE', note: 'look' });
    expect(asks()).toEqual(['wakeWatcher']);
  });
});

describe('priceAlert: what is refused', () => {
  const input = { symbol: 'AAPL', condition: 'above', threshold: 100 };
  test.each([
    { threshold: 0 },
    { threshold: -1 },
    { threshold: Number.POSITIVE_INFINITY },
    { threshold: Number.NaN },
    { threshold: 10_000_001 },
    { condition: 'over' },
    { repeat: 'always' },
    { symbol: '' },
    { expiresAt: 'tomorrow' },
    { expiresAt: '9999-12-31T23:59:59-23:59' },
    { expiresAt: '2101-01-01T00:00:00Z' },
    { note: 'x'.repeat(501) },
  ])('the input %o', (wrong) => {
    expect(priceAlertInput.safeParse(input).success).toBe(true);
    expect(priceAlertInput.safeParse({ ...input, ...wrong }).success).toBe(false);
    if (!('symbol' in wrong)) {
      expect(priceAlertEvents.UPDATE.safeParse({ type: 'UPDATE', ...wrong }).success).toBe(false);
    }
  });

  test('an expiry that only the machine may raise', () => {
    expect(Object.keys(priceAlertEvents)).not.toContain('EXPIRE');
  });
});
