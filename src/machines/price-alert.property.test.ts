/** The machine `priceAlert` on random walks of the price, against an independent model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replay } from '../../test/model.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import { type PriceAlertContext, priceAlert, priceAlertInput } from './price-alert.ts';
import { asOf } from './testing/models.ts';

/** Of the machine: half a thousandth. */
const MARGIN = 0.0005;

type Condition = 'above' | 'below' | 'crosses';

const quote = (price: number) => ({ type: 'QUOTE', price, asOf, source: 'simulated' });
const woken = { type: 'xstate.done.actor.wakeWatcher', output: { now: asOf } };
const start = (condition: Condition, repeat: string) =>
  replay(priceAlert.machine, {
    input: priceAlertInput.parse({ symbol: 'AAPL', condition, threshold: 100, repeat }),
    events: [woken],
  });
const triggersOf = (live: LiveActor) => (live.seen().context as PriceAlertContext).triggers;
const emittedBy = (live: LiveActor) => live.emitted as { type: string }[];

/** Once more, and otherwise: which prices trigger, by walking through them with a band and a place in it. */
function triggersByHand(condition: Condition, level: number, once: boolean, prices: number[]): number {
  const [low, high] = [level * (1 - MARGIN), level * (1 + MARGIN)];
  // Each: from which prices it is on this side for sure.
  const isUp = (price: number, first: boolean) => price >= (first || condition !== 'crosses' ? level : high);
  const isDown = (price: number, first: boolean) => price <= (first || condition !== 'crosses' ? level : low);
  let count = 0;
  let loaded = true;
  let side = 0;
  for (const price of prices) {
    if (once && count > 0) break;
    if (condition === 'crosses') {
      const arrived = side < 0 ? isUp(price, count === 0) : side > 0 && isDown(price, count === 0);
      if (arrived) count++;
      side = arrived ? -side : side || Math.sign(price - level);
    } else {
      const hit = condition === 'above' ? isUp(price, true) : isDown(price, true);
      const away = condition === 'above' ? price <= low : price >= high;
      if (hit && loaded) count++;
      loaded = away || (loaded && !hit);
    }
  }
  return count;
}

describe('priceAlert: random walks', () => {
  const walk = fc.array(
    fc.integer({ min: -12, max: 12 }).map((steps) => 100 * (1 + steps * 0.0001)),
    { minLength: 1, maxLength: 30 },
  );
  const conditions = fc.constantFrom<Condition>('above', 'below', 'crosses');

  test('trigger as often as an independent model says', () => {
    let triggered = 0;
    fc.assert(
      fc.property(conditions, fc.boolean(), walk, (condition, once, prices) => {
        const repeat = once ? 'once' : 'every_cross';
        const expected = triggersByHand(condition, 100, once, prices);
        const live = start(condition, repeat);
        for (const price of prices) if (live.seen().status === 'active') live.send(quote(price));
        expect(triggersOf(live)).toBe(expected);
        expect(emittedBy(live).filter(({ type }) => type === 'notification')).toHaveLength(expected);
        triggered += expected;
      }),
      { numRuns: 300 },
    );
    expect(triggered).toBeGreaterThan(100);
  });

  test('and so it does after each change of the threshold, anew', () => {
    const legs = fc.array(
      fc.tuple(
        walk,
        fc.integer({ min: -8, max: 8 }).map((step) => 100 + step / 100),
      ),
      { minLength: 2, maxLength: 4 },
    );
    fc.assert(
      fc.property(conditions, legs, (condition, all) => {
        let threshold = 100;
        let expected = 0;
        const live = start(condition, 'every_cross');
        for (const [prices, next] of all) {
          expected += triggersByHand(condition, threshold, false, prices);
          for (const price of prices) live.send(quote(price));
          expect(triggersOf(live)).toBe(expected);
          fc.pre(next !== threshold);
          threshold = next;
          live.send({ type: 'UPDATE', threshold });
        }
      }),
      { numRuns: 200 },
    );
  });

  test('prices that the row does not name change nothing that it names', () => {
    // The watcher sends only quotes that meet the row, or the first that is wanted: the others must not be missed.
    fc.assert(
      fc.property(conditions, fc.boolean(), walk, (condition, once, prices) => {
        const repeat = once ? 'once' : 'every_cross';
        const all = start(condition, repeat);
        const met = start(condition, repeat);
        for (const price of prices) {
          if (all.seen().status === 'active') all.send(quote(price));
          const { upper, lower, wantsQuote } = emittedBy(met).findLast(
            ({ type }) => type === 'alert.armed',
          ) as unknown as {
            upper: number | null;
            lower: number | null;
            wantsQuote: boolean;
          };
          const isMet = (upper !== null && price >= upper) || (lower !== null && price <= lower);
          if (met.seen().status === 'active' && (isMet || wantsQuote)) met.send(quote(price));
          expect(triggersOf(met)).toBe(triggersOf(all));
        }
      }),
      { numRuns: 200 },
    );
  });
});
