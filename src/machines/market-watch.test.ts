/** The machine `marketWatch` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import { lookResult, marketWatch } from './market-watch.ts';
import { asOf, failed, marketWatchModel } from './testing/models.ts';

const { machine } = marketWatch;
const wake = { type: 'WAKE' };
const looked = (symbols: number) => ({
  type: 'xstate.done.actor.lookAtQuotes',
  output: lookResult.parse({ at: asOf, symbols, told: 0, missing: [] }),
});
const lookFailed = { type: 'xstate.error.actor.lookAtQuotes', error: failed('provider_unavailable') };
const run = (...events: { type: string }[]) => replay(machine, { input: {}, events });

describe('marketWatch: every path', () => {
  const paths = pathsOf(marketWatchModel);

  test('reaches every state and takes every transition', () => {
    const replayed = paths.map((path) => replay(machine, path));
    expect(uncovered(machine, replayed)).toEqual([]);
    console.log(`marketWatch: ${paths.length} paths reach every state and take every transition`);
  });

  test('looks, or will look, or sleeps with nothing to watch and nothing wanted', () => {
    for (const path of paths) {
      replay(machine, path, (live) => {
        const { value, status, context } = live.seen();
        expect(status).toBe('active');
        const { wanted, failures, lastLook } = context as {
          wanted: boolean;
          failures: number;
          lastLook: { symbols: number } | null;
        };
        const asleep = value === 'asleep';
        expect([Object.keys(live.effects()), live.timers()]).toEqual(
          asleep
            ? [[], []]
            : value === 'looking'
              ? [['lookAtQuotes'], []]
              : [[], ['xstate.after.untilNextLook.marketWatch.waiting']],
        );
        if (asleep) expect([wanted, failures, lastLook?.symbols]).toEqual([false, 0, 0]);
      });
    }
  });
});

describe('marketWatch', () => {
  test('looks every five seconds while something is armed, and sleeps without', () => {
    const live = run(looked(3));
    live.passTime(4_999);
    expect(live.seen().value).toBe('waiting');
    live.passTime(1);
    expect(live.seen().value).toBe('looking');
    live.happen(looked(0));
    live.passTime(3_600_000);
    expect(live.seen().value).toBe('asleep');
    live.send(wake);
    expect(live.seen().value).toBe('looking');
  });

  test('what is armed while it looks is looked at once it has looked', () => {
    const live = run(wake, wake, looked(0));
    expect(live.seen().value).toBe('looking');
    live.happen(looked(1));
    expect(live.seen().value).toBe('waiting');
  });

  test('what is armed while it waits is looked at without waiting', () => {
    expect(run(looked(1), wake).seen().value).toBe('looking');
  });

  test('after three looks that failed in a row the alerts are told, until one succeeds', () => {
    const live = run();
    const asked = () => live.effects().lookAtQuotes;
    for (const blind of [false, false, false, true, true]) {
      expect(asked()).toEqual({ tellBlind: blind });
      live.happen(lookFailed);
      live.passTime(5_000);
    }
    live.happen(looked(1));
    live.passTime(5_000);
    expect(asked()).toEqual({ tellBlind: false });
    expect(live.seen().context).toMatchObject({ failures: 0, lastError: null });
  });

  test('a failed first look does not put it to sleep', () => {
    const live = run(looked(0), wake, lookFailed);
    expect(live.seen()).toMatchObject({
      value: 'waiting',
      context: { failures: 1, lastError: { code: 'provider_unavailable' } },
    });
  });
});
