/** The machine `delivery` alone, in memory. On the durable runtime: `test/machines-on-runtime.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { ActorEvent } from '../actors/runtime/index.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import { delivery } from './delivery.ts';
import { type DeliveryContext, type DeliveryResult, deliveryResult } from './delivery-rules.ts';
import {
  deliveryModel,
  failure,
  nothing,
  quiet,
  removed,
  sent,
  tested,
  webhookId,
} from './testing/delivery-model.ts';
import { failed } from './testing/models.ts';

const { machine } = delivery;
const wake = (seq: number) => ({ type: 'WAKE', seq });
const looked = (result: DeliveryResult) => ({
  type: 'xstate.done.actor.deliverNotification',
  output: deliveryResult.parse(result),
});
const run = (...events: ActorEvent[]) => replay(machine, { input: { webhookId }, events });
const state = (live: LiveActor) => {
  const { value } = live.seen() as { value: { open?: { delivering: string } } | string };
  return typeof value === 'string' ? value : value.open?.delivering;
};
const context = (live: LiveActor) => live.seen().context as DeliveryContext;
const told = (live: LiveActor) =>
  (live.emitted as ActorEvent[]).flatMap((event) =>
    event.type === 'notification' ? [(event.data as { status: string }).status] : [],
  );
/** Fails, and waits for the next attempt, until it no longer backs off. */
function failUntilPaused(live: LiveActor, result: DeliveryResult): number[] {
  const waits: number[] = [];
  for (;;) {
    live.happen(looked(result));
    if (state(live) !== 'backingOff') return waits;
    const { waitMs } = context(live);
    waits.push(waitMs);
    live.passTime(waitMs - 1);
    expect(state(live)).toBe('backingOff');
    live.passTime(1);
    expect(state(live)).toBe('sending');
  }
}

describe('delivery: every path', () => {
  const paths = pathsOf(deliveryModel);

  test('reaches every state and takes every transition', () => {
    const replayed = paths.map((path) => replay(machine, path));
    expect(uncovered(machine, replayed)).toEqual([]);
    console.log(`delivery: ${paths.length} paths reach every state and take every transition`);
  });

  test('sends, or will, or has nothing to send, or is disabled and says so; it never waits for nothing', () => {
    for (const path of paths) {
      replay(machine, path, (live) => {
        const { status } = live.seen();
        if (status === 'done') return expect(Object.keys(live.effects())).toEqual([]);
        const { seen, wanted, lookAgain, told: isTold } = context(live);
        const sends = Object.keys(live.effects()).includes('deliverNotification');
        const waits = live.timers().length > 0;
        const where = state(live);
        expect([sends, waits]).toEqual([
          where === 'sending',
          ['backingOff', 'paused', 'quiet', 'unreached'].includes(String(where)),
        ]);
        if (where === 'idle') expect([wanted <= seen, lookAgain]).toEqual([true, false]);
        if (where === 'paused' || where === 'disabled') expect(isTold).toBe(true);
      });
    }
  });

  test('tells of pauses, returns and the end, never twice the same in a row', () => {
    for (const path of paths) {
      const statuses = told(replay(machine, path)).filter((status) => status !== 'skipped');
      for (const [index, status] of statuses.entries()) {
        if (status === 'working') expect(statuses[index - 1]).toMatch(/paused|disabled/);
      }
      const tests = path.events.filter(({ type }) => type.startsWith('xstate.done.actor.testWebhook')).length;
      const pauses = statuses.filter((status) => status === 'paused').length;
      const returns = statuses.filter((status) => status === 'working').length;
      expect(pauses).toBeLessThanOrEqual(1 + returns + tests);
    }
  });
});

describe('delivery', () => {
  test('sleeps without a timer until it hears of a notification that it has not looked for', () => {
    const live = run(wake(3), looked(sent(2, 3)), looked(sent(3)));
    expect([state(live), live.timers(), context(live).seen]).toEqual(['idle', [], 3]);
    live.send(wake(3));
    live.send(wake(2));
    expect(state(live)).toBe('idle');
    live.send(wake(4));
    expect(state(live)).toBe('sending');
  });

  test('what comes while it looks is looked for once it has looked', () => {
    const live = run(wake(1), wake(2), looked(nothing(1)));
    expect(state(live)).toBe('sending');
    live.happen(looked(nothing(2)));
    expect(state(live)).toBe('idle');
    expect(state(run(wake(1), wake(2), looked(sent(1))))).toBe('sending');
    expect(state(run(wake(1), { type: 'UPDATE' }, looked(quiet)))).toBe('sending');
  });

  test('a failure is tried again after 1 s, 2 s ... and after ten it is paused and told once, and once when it works', () => {
    const live = run(wake(3));
    const waits = failUntilPaused(live, failure(500));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256].map((s) => s * 1_000));
    expect([state(live), told(live)]).toEqual(['paused', ['paused']]);
    for (let hour = 0; hour < 5; hour++) {
      live.passTime(3_599_999);
      expect(state(live)).toBe('paused');
      live.passTime(1);
      live.happen(looked(failure(null)));
    }
    expect([state(live), told(live)]).toEqual(['paused', ['paused']]);
    live.passTime(3_600_000);
    live.happen(looked(sent(3, 4)));
    live.happen(looked(sent(4)));
    expect([state(live), told(live), context(live).failures]).toEqual(['idle', ['paused', 'working'], 0]);
  });

  test('a wait never exceeds five minutes, or the hour that a receiver may ask for', () => {
    const asks = (retryAfterMs: number) =>
      context(run(wake(3), looked(failure(429, { retryAfterMs })))).waitMs;
    expect([asks(0), asks(7_000), asks(3_600_000), asks(86_400_000)]).toEqual([
      1_000, 7_000, 3_600_000, 3_600_000,
    ]);
  });

  test('after ten pauses, or when it is gone, it is disabled and says so; nothing wakes it but a test that succeeds', () => {
    const live = run(wake(3));
    failUntilPaused(live, failure(500));
    for (let pause = 1; pause <= 10; pause++) {
      expect([state(live), context(live).pauses]).toEqual(['paused', pause]);
      live.passTime(3_600_000);
      live.happen(looked(failure(500)));
    }
    expect([state(live), told(live)]).toEqual(['disabled', ['paused', 'disabled']]);
    expect(live.emitted.at(-1)).toEqual({ type: 'webhook.disabled', webhookId });
    live.send(wake(9));
    live.send({ type: 'UPDATE' });
    live.passTime(1e9);
    expect(state(live)).toBe('disabled');

    live.send({ type: 'TEST', testId: 'a' });
    live.happen({ type: 'xstate.done.actor.testWebhook', output: tested(false) });
    expect([state(live), context(live).lastTest]).toEqual(['disabled', { testId: 'a', ...tested(false) }]);
    live.send({ type: 'TEST', testId: 'b' });
    live.happen({ type: 'xstate.done.actor.testWebhook', output: tested(true) });
    expect(live.emitted.at(-1)).toEqual({ type: 'webhook.enabled', webhookId });
    live.happen(looked(sent(9)));
    expect([state(live), told(live)]).toEqual(['idle', ['paused', 'disabled', 'working']]);
    expect(told(run(wake(3), looked(failure(410))))).toEqual(['disabled']);
  });

  test('a notification that is refused three times is passed over, and told unless it was about a webhook', () => {
    const live = run(wake(4));
    for (const status of [400, 500, 413, 422]) {
      live.happen(looked(failure(status)));
      live.passTime(context(live).waitMs);
    }
    // The 500 in between was no refusal.
    expect([context(live).skip, told(live)]).toEqual([null, []]);
    live.happen(looked(failure(415)));
    expect([context(live).skip, context(live).skipped, told(live)]).toEqual([3, 1, ['skipped']]);
    live.passTime(context(live).waitMs);
    expect(live.effects().deliverNotification).toEqual({ webhookId, skip: 3 });
    live.happen(looked(sent(4)));
    expect([context(live).skip, state(live)]).toEqual([null, 'idle']);

    const quietly = run(wake(4));
    for (let refusal = 0; refusal < 3; refusal++) {
      quietly.happen(looked(failure(400, { aboutWebhook: true })));
      quietly.passTime(context(quietly).waitMs);
    }
    expect([context(quietly).skipped, told(quietly)]).toEqual([1, []]);
  });

  test('in quiet hours it waits for their end, whatever comes, unless they change', () => {
    const live = run(wake(1), looked(quiet), wake(2));
    live.passTime(3_599_999);
    expect(state(live)).toBe('quiet');
    live.passTime(1);
    expect(state(live)).toBe('sending');
    live.happen(looked(quiet));
    live.send({ type: 'UPDATE' });
    expect(state(live)).toBe('sending');
  });

  test('our own trouble is no failure of the receiver', () => {
    const live = run(wake(1), {
      type: 'xstate.error.actor.deliverNotification',
      error: failed('unavailable'),
    });
    expect([state(live), context(live).failures]).toEqual(['unreached', 0]);
    live.passTime(30_000);
    expect(state(live)).toBe('sending');
  });

  test('it ends when it is closed, wherever it is, and when it finds that its webhook is gone', () => {
    expect(run({ type: 'CLOSE' }).seen().status).toBe('done');
    expect(run(wake(1), { type: 'CLOSE' }).seen().status).toBe('done');
    expect(run(wake(1), looked(removed)).seen().status).toBe('done');
  });

  test('tests are made one at a time, and tell what was', () => {
    const live = run({ type: 'TEST', testId: 'a' }, { type: 'TEST', testId: 'b' });
    expect(live.effects().testWebhook).toEqual({ webhookId, testId: 'a' });
    live.happen({ type: 'xstate.error.actor.testWebhook', error: failed('unavailable') });
    expect(context(live).lastTest).toMatchObject({
      testId: 'a',
      ok: false,
      reason: expect.stringContaining('unavailable'),
    });
  });
});
