/** The machine `portfolioMonitor` alone, in memory. The rules: `portfolio-rules.test.ts`; on the durable runtime: `test/machines-on-runtime.test.ts` and `test/portfolio-monitor.test.ts`. */
import { describe, expect, test } from 'vitest';
import { pathsOf, replay, uncovered } from '../../test/model.ts';
import type { LiveActor } from '../actors/runtime/testing/live-actor.ts';
import {
  type PortfolioCheck,
  type PortfolioMonitorContext,
  portfolioMonitor,
  portfolioMonitorEvents,
  portfolioMonitorInput,
} from './portfolio-monitor.ts';
import { failed } from './testing/models.ts';
import { away, checkOf, holdingOf, noon, portfolioMonitorModel } from './testing/portfolio-monitor-model.ts';

const { machine } = portfolioMonitor;
const delta = { type: 'delta_breach', threshold: 0.5 };

interface Told {
  notification: string;
  data: Record<string, unknown>;
}

const found = (check: PortfolioCheck) => ({ type: 'xstate.done.actor.checkPortfolio', output: check });
const broken = { type: 'xstate.error.actor.checkPortfolio', error: failed('timeout') };
const next = { type: 'CHECK_NOW' };
/** What the service can't say is not known of any position. */
const blind = found(checkOf([holdingOf({ stale: true })], { error: away }));
const seen = found(checkOf([holdingOf()]));

/** Each check after the first is asked for. */
const monitor = (checks: object[], input: object = { rules: [delta] }): LiveActor =>
  replay(machine, {
    input: portfolioMonitorInput.parse(input),
    events: checks.flatMap((one, index) => (index === 0 ? [one] : [next, one])) as { type: string }[],
  });
const contextOf = (live: LiveActor) => live.seen().context as PortfolioMonitorContext;
const told = (live: LiveActor) => live.emitted as Told[];
const healthOf = (live: LiveActor) =>
  told(live)
    .filter(({ notification }) => notification === 'monitor_health')
    .map(({ data }) => data);

describe('portfolioMonitor: every path', () => {
  const paths = pathsOf(portfolioMonitorModel);
  const ends = paths.map((path) => replay(machine, path));

  test('reach every state and take every transition', () => {
    expect(uncovered(machine, ends)).toEqual([]);
    console.log(`portfolioMonitor: ${paths.length} paths reach every state and take every transition`);
  });

  test('keep its promises', () => {
    for (const live of ends) {
      const { status, value } = live.seen();
      const { alertCount, alerts, health, checks } = contextOf(live);
      // Each firing once, and what is kept is what was told.
      const alerted = told(live).filter(({ notification }) => notification === 'position_alert');
      expect(alerted).toHaveLength(alertCount);
      expect(alerts.map(({ message }) => message)).toEqual(
        alerted.map(({ data }) => data.message).toReversed(),
      );
      expect(checks).toBeGreaterThanOrEqual(health.failures);
      // Blind and seeing take turns, and the last is how it is.
      const statuses = healthOf(live).map((data) => data.status);
      expect(statuses).toEqual(statuses.map((_, index) => (index % 2 === 0 ? 'blind' : 'seeing')));
      expect(health.told).toBe(statuses.at(-1) === 'blind');
      // It always goes on by itself.
      if (status === 'active') {
        if (value === 'checking') expect(live.effects()).toHaveProperty('checkPortfolio');
        else expect(live.timers()).toEqual(['xstate.after.untilNextCheck.portfolioMonitor.waiting']);
        live.send({ type: 'STOP' });
      }
      expect(live.seen()).toMatchObject({ status: 'done', value: 'stopped' });
      expect(live.effects()).toEqual({});
      expect(live.timers()).toEqual([]);
    }
  });
});

describe('portfolioMonitor: when it checks', () => {
  test('at once when it is started, updated or asked; an update while it checks is heard by that check', () => {
    const live = monitor([seen]);
    expect(live.seen().value).toBe('waiting');
    for (const event of [{ type: 'CHECK_NOW' }, { type: 'UPDATE', everySeconds: 10 }]) {
      live.happen(event);
      expect(live.seen().value).toBe('checking');
      live.happen(seen);
    }
    live.passTime(9_999);
    expect(live.seen().value).toBe('waiting');
    live.passTime(1);
    expect(live.seen().value).toBe('checking');
    live.happen({ type: 'UPDATE', rules: [{ type: 'dte_warning', threshold: 50 }] });
    expect(live.seen().value).toBe('checking');
    live.happen(seen);
    expect(contextOf(live)).toMatchObject({ alertCount: 1, alerts: [{ type: 'dte_warning', value: 46 }] });
  });

  test('again after its interval when the check itself broke', () => {
    const live = monitor([broken]);
    live.passTime(59_999);
    expect(live.seen().value).toBe('waiting');
    live.passTime(1);
    expect(live.seen().value).toBe('checking');
  });
});

describe('portfolioMonitor: what it tells', () => {
  test('each firing of a check, with its value, time and source', () => {
    const rules = [delta, { type: 'price_below', threshold: 230, symbol: 'AAPL' }];
    const positions = [
      holdingOf({ shortDelta: 0.52 }),
      holdingOf({ id: 'p2', symbol: 'MSFT', shortDelta: 0.7, price: 200 }),
    ];
    const live = monitor([found(checkOf(positions))], { rules });
    const alert = { portfolio: 'main', at: noon, asOf: noon, source: 'simulated' };
    expect(told(live)).toEqual([
      {
        type: 'notification',
        notification: 'position_alert',
        data: {
          ...alert,
          rule: 'delta_breach',
          symbol: 'AAPL',
          positionId: 'p1',
          value: 0.52,
          threshold: 0.5,
          message: 'AAPL short put 220 2026-02-20: |delta| 0.52, limit 0.5',
        },
      },
      expect.objectContaining({
        data: expect.objectContaining({ rule: 'delta_breach', positionId: 'p2', value: 0.7 }),
      }),
      {
        type: 'notification',
        notification: 'position_alert',
        data: {
          ...alert,
          rule: 'price_below',
          symbol: 'AAPL',
          positionId: null,
          value: 230,
          threshold: 230,
          message: 'AAPL: price 230.00, at or below 230.00',
        },
      },
    ]);
  });

  test('not again while it stays so, and again when it comes back; the last fifty are kept', () => {
    const high = found(checkOf([holdingOf({ shortDelta: 0.6 })]));
    const low = found(checkOf([holdingOf({ shortDelta: 0.3 })]));
    expect(contextOf(monitor([high, high, high])).alertCount).toBe(1);
    expect(contextOf(monitor([high, low, high])).alertCount).toBe(2);
    const often = monitor(Array.from({ length: 60 }, () => [high, low]).flat());
    expect(contextOf(often).alertCount).toBe(60);
    expect(contextOf(often).alerts).toHaveLength(50);
    expect(told(often)).toHaveLength(60);
  });

  test('an update keeps what was told for rules that stay, and begins anew for others', () => {
    const both = found(checkOf([holdingOf({ shortDelta: 0.6, dte: 10 })]));
    const live = monitor([both]);
    live.happen({
      type: 'UPDATE',
      rules: [
        { type: 'dte_warning', threshold: 21 },
        { ...delta, coolDownMinutes: 5 },
      ],
    });
    live.happen(both);
    expect(contextOf(live).alerts.map(({ type }) => type)).toEqual(['dte_warning', 'delta_breach']);
    live.happen({ type: 'UPDATE', rules: [{ ...delta, threshold: 0.55 }] });
    live.happen(both);
    expect(contextOf(live).alertCount).toBe(3);
  });

  test('a position that was closed is forgotten', () => {
    const high = found(checkOf([holdingOf({ shortDelta: 0.6 })]));
    const live = monitor([high, found(checkOf([]))]);
    expect(contextOf(live).remembered).toEqual({});
    expect(contextOf(live).health.failures).toBe(0);
  });
});

describe('portfolioMonitor: blind and seeing', () => {
  test('it says once that it is blind, and once that it sees again', () => {
    const later = found(checkOf([holdingOf()], { at: '2026-01-05T18:00:00.000Z' }));
    const live = monitor([seen, blind, blind]);
    expect(healthOf(live)).toEqual([]);
    for (const one of [blind, blind, broken, later, later])
      for (const event of [next, one]) live.happen(event);
    expect(healthOf(live)).toEqual([
      {
        monitor: 'portfolio',
        portfolio: 'main',
        status: 'blind',
        since: noon,
        reason: away,
        message: `The monitor of portfolio main sees nothing since ${noon}: The analysis service can not be reached. It goes on trying.`,
      },
      expect.objectContaining({
        status: 'seeing',
        since: noon,
        message: expect.stringMatching('sees again'),
      }),
    ]);
    expect(contextOf(live).health).toEqual({ failures: 0, since: null, reason: null, told: false });
  });

  test.each([
    ['two failures and a sight in turns', [blind, blind, seen, blind, blind, seen, blind, blind]],
    ['an empty portfolio', Array(10).fill(found(checkOf([])))],
    [
      'one position of two without a quote',
      Array(5).fill(found(checkOf([holdingOf(), holdingOf({ id: 'p2', stale: true })]))),
    ],
  ])('it says nothing of %s', (_what, checks) => {
    expect(healthOf(monitor(checks))).toEqual([]);
  });

  test('checks that break are blindness too', () => {
    expect(healthOf(monitor([broken, broken, broken]))).toMatchObject([
      { status: 'blind', since: null, reason: { code: 'timeout' } },
    ]);
  });

  test('so are stale quotes, once they have been all there is for a quarter of an hour', () => {
    const stale = (minute: string) =>
      found(checkOf([holdingOf({ stale: true })], { at: `2026-01-05T17:${minute}:00.000Z` }));
    const checks = ['00', '01', '02', '03', '14'].map(stale);
    expect(healthOf(monitor(checks))).toEqual([]);
    expect(healthOf(monitor([...checks, stale('15')]))).toMatchObject([
      { status: 'blind', since: noon, reason: { code: 'no_fresh_quotes' } },
    ]);
    expect(healthOf(monitor([...checks, seen, stale('15'), stale('16'), stale('17')]))).toEqual([]);
  });

  test('what was true before is not told again after it', () => {
    const high = found(checkOf([holdingOf({ shortDelta: 0.6 })]));
    expect(contextOf(monitor([high, blind, blind, blind, high])).alertCount).toBe(1);
  });
});

describe('portfolioMonitor: what is refused', () => {
  test.each([
    [{ everySeconds: 9 }, 'everySeconds'],
    [{ everySeconds: 3_601 }, 'everySeconds'],
    [{ everySeconds: 10.5 }, 'everySeconds'],
    [{ rules: [] }, 'rules'],
    [{ rules: [{ type: 'vega', threshold: 1 }] }, 'rules.0.type'],
    [{ rules: [delta, delta] }, 'rules.1'],
    [{ rules: [{ type: 'delta_breach', threshold: 50 }] }, 'rules.0.threshold'],
    [{ rules: [{ ...delta, coolDownMinutes: 0 }] }, 'rules.0.coolDownMinutes'],
    [{ rules: [{ ...delta, symbol: '' }] }, 'rules.0.symbol'],
    [{ rules: [{ ...delta, colour: 'red' }] }, 'rules.0'],
  ])('%o', (wrong, field) => {
    for (const schema of [portfolioMonitorInput, portfolioMonitorEvents.UPDATE]) {
      const { error } = schema.safeParse({ type: 'UPDATE', ...wrong });
      expect(error?.issues.map(({ path }) => path.join('.'))).toEqual([field]);
    }
  });
});
