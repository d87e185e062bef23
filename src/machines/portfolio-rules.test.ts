/** The judgement of a portfolio's rules: each type at its threshold and its margin, and all of them on random walks against an independent model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Holding, type RuleType, ruleTypes } from './portfolio-rule-kinds.ts';
import {
  countRemembered,
  DEFAULT_RULES,
  judge,
  MAX_ALERTS_PER_CHECK,
  MAX_REMEMBERED,
  type PortfolioRule,
  portfolioRules,
  type Remembered,
  ruleIdOf,
} from './portfolio-rules.ts';
import { holdingOf } from './testing/portfolio-monitor-model.ts';

const MINUTE = 60_000;

/** Firings of one rule over checks a minute apart, as 1 and 0. */
function fire(rule: PortfolioRule, checks: readonly Partial<Holding>[]): number[] {
  let remembered: Remembered = {};
  return checks.map((more, minute) => {
    const judged = judge([rule], [holdingOf(more)], remembered, minute * MINUTE);
    remembered = judged.remembered;
    return judged.firings.length;
  });
}

test('a limit is told as it was given', () => {
  const rule = { type: 'pct_change' as const, threshold: 0.001 };
  const { firings } = judge([rule], [holdingOf({ changePct: 0.2345 })], {}, 0);
  expect(firings[0]?.message).toContain('moved 0.23 % since the last close, limit 0.001 %');
});

describe('each type of rule', () => {
  type Row = [type: RuleType, threshold: PortfolioRule['threshold'], field: keyof Holding, ...Walk];
  /** Just short of it, at it, back within the margin, at it, back by the margin, at it. */
  type Walk = [short: unknown, at: unknown, within: unknown, over: unknown];
  const rows: Row[] = [
    ['price_above', 200, 'price', 199.99, 200, 199.91, 199.9],
    ['price_below', 200, 'price', 200.01, 200, 200.09, 200.1],
    ['pct_change', 3, 'changePct', 2.99, 3, 2.76, 2.75],
    ['pct_change', 3, 'changePct', -2.99, -3, -2.76, 2.75],
    ['delta_breach', 0.3, 'shortDelta', 0.299, 0.3, 0.281, 0.28],
    ['profit_target', 50, 'profitCapturedPct', 49.9, 50, 45.1, 45],
    ['loss_limit', 100, 'pnlPct', -99.9, -100, -95.1, -95],
    ['dte_warning', 21, 'dte', 22, 21, 20, 22],
    // What has expired is not to be closed in time any more.
    ['dte_warning', 21, 'dte', -1, 0, 21, -3],
    ['earnings_within', 5, 'daysToEarnings', 6, 5, 0, 6],
    ['earnings_within', 5, 'daysToEarnings', -1, 5, 4, -1],
    ['assignment_risk', 'moderate', 'assignmentRisk', 'low', 'moderate', 'high', 'none'],
  ];

  test('is in the table', () => {
    expect(new Set(rows.map(([type]) => type))).toEqual(new Set(ruleTypes));
  });

  test.each(rows)('%s %s by %s', (type, threshold, field, short, at, within, over) => {
    const walk = [short, at, within, at, over, at].map((value) => ({ [field]: value }));
    expect(fire({ type, threshold }, walk)).toEqual([0, 1, 0, 0, 0, 1]);
  });

  test.each(rows)(
    '%s %s is over for what has expired, where it is about a position',
    (type, threshold, field, _, at) => {
      const isOfSymbol = ['price_above', 'price_below', 'pct_change', 'earnings_within'].includes(type);
      if (field === 'dte') return;
      expect(fire({ type, threshold }, [{ [field]: at, dte: -1 }])).toEqual([isOfSymbol ? 1 : 0]);
    },
  );

  test.each(rows)(
    '%s %s without %s waits, and keeps in mind what was',
    (type, threshold, field, short, at) => {
      const unknown = { [field]: field === 'assignmentRisk' ? 'unknown' : null };
      const walk = [unknown, { [field]: short }, { [field]: at }, unknown, { [field]: at }];
      expect(fire({ type, threshold }, walk)).toEqual([0, 0, 1, 0, 0]);
    },
  );

  test.each(rows)('%s %s with a stale quote', (type, threshold, field, _short, at) => {
    const isOfTheCalendar = type === 'dte_warning' || type === 'earnings_within';
    expect(fire({ type, threshold }, [{ [field]: at, stale: true }])).toEqual([isOfTheCalendar ? 1 : 0]);
  });

  test('says in words what it has seen', () => {
    const seen = holdingOf({
      price: 199.1,
      changePct: -4.5,
      shortDelta: 0.512,
      dte: 20,
      profitCapturedPct: 61.234,
      pnlPct: -120,
      daysToEarnings: 2,
      assignmentRisk: 'high',
    });
    const rules: PortfolioRule[] = [
      { type: 'price_above', threshold: 150 },
      { type: 'price_below', threshold: 200 },
      { type: 'pct_change', threshold: 3 },
      ...DEFAULT_RULES,
    ];
    expect(judge(rules, [seen], {}, 0).firings.map(({ message }) => message)).toEqual([
      'AAPL: price 199.10, at or above 150.00',
      'AAPL: price 199.10, at or below 200.00',
      'AAPL: moved 4.5 % since the last close, limit 3 %',
      'AAPL short put 220 2026-02-20: |delta| 0.51, limit 0.5',
      'AAPL short put 220 2026-02-20: 20 days to expiry, warning at 21',
      'AAPL short put 220 2026-02-20: 61.23 % of the maximum profit captured, target 50 %',
      'AAPL short put 220 2026-02-20: loss of 120 % of its opening value, limit 100 %',
      'AAPL: earnings in 2 days, warning at 5',
      'AAPL short put 220 2026-02-20: assignment risk high, warning at high',
    ]);
  });
});

test('prices finer than a cent are told as they are', () => {
  const rules: PortfolioRule[] = [{ type: 'price_below', threshold: 0.0525 }];
  expect(judge(rules, [holdingOf({ price: 0.0515 })], {}, 0).firings.map(({ message }) => message)).toEqual([
    'AAPL: price 0.0515, at or below 0.0525',
  ]);
});

describe('whom a rule is about', () => {
  const positions = [
    holdingOf({ id: 'a1', price: null, shortDelta: 0.6 }),
    holdingOf({ id: 'a2', price: 300, shortDelta: 0.6 }),
    holdingOf({ id: 'm1', symbol: 'MSFT', price: 300, shortDelta: 0.6 }),
  ];
  const fired = (rule: PortfolioRule) =>
    judge([rule], positions, {}, 0).firings.map(({ symbol, positionId }) => positionId ?? symbol);

  test('each position, or each symbol once by whichever position knows; only of its symbol, where it has one', () => {
    expect(fired({ type: 'delta_breach', threshold: 0.5 })).toEqual(['a1', 'a2', 'm1']);
    expect(fired({ type: 'delta_breach', threshold: 0.5, symbol: 'AAPL' })).toEqual(['a1', 'a2']);
    expect(fired({ type: 'price_above', threshold: 300 })).toEqual(['AAPL', 'MSFT']);
    expect(fired({ type: 'price_above', threshold: 300, symbol: 'MSFT' })).toEqual(['MSFT']);
    expect(fired({ type: 'price_above', threshold: 300, symbol: 'SPY' })).toEqual([]);
  });
});

describe('what is refused, in words', () => {
  test.each([
    [{ type: 'delta_breach', threshold: 50 }, 'delta_breach takes more than 0 up to 1'],
    [{ type: 'delta_breach', threshold: 'high' }, 'delta_breach takes a number'],
    [{ type: 'dte_warning', threshold: -1 }, 'dte_warning takes 0 up to 3650'],
    [{ type: 'assignment_risk', threshold: 1 }, 'assignment_risk takes low, moderate or high'],
    [{ type: 'assignment_risk', threshold: 'some' }, 'must be a number, or low, moderate or high'],
    [{ type: 'price_above', threshold: Number.NaN }, 'must be a number, or low, moderate or high'],
  ])('%o', (rule, message) => {
    const { error } = portfolioRules.safeParse([rule]);
    expect(error?.issues).toMatchObject([{ path: [0, 'threshold'], message }]);
  });

  test('a rule that is there twice, but not one for another symbol', () => {
    const rule = { type: 'dte_warning', threshold: 21 };
    const { error } = portfolioRules.safeParse([
      rule,
      { ...rule, symbol: 'AAPL' },
      { ...rule, coolDownMinutes: 5 },
    ]);
    expect(error?.issues).toMatchObject([{ path: [2], message: expect.stringContaining('same as rule 0') }]);
  });
});

describe('on random walks', () => {
  const COOL_DOWN = 7;
  const step = fc.record({
    /** Deltas around .5 and its margin; null: not known. */
    deltas: fc.array(fc.option(fc.integer({ min: 46, max: 52 }).map((hundredths) => hundredths / 100)), {
      minLength: 3,
      maxLength: 3,
    }),
    stale: fc.boolean(),
    minutes: fc.integer({ min: 1, max: 4 }),
  });
  const rule: PortfolioRule = { type: 'delta_breach', threshold: 0.5, coolDownMinutes: COOL_DOWN };

  /** Once more: the minutes in which one position's rule fires, told by its whole past. */
  function firesByHand(past: readonly { delta: number | null; minute: number }[]): boolean[] {
    const known = past.map(({ delta, minute }) => ({ delta, minute, fired: false }));
    for (const [index, one] of known.entries()) {
      if (one.delta === null || one.delta < 0.5) continue;
      const last = known.slice(0, index).findLastIndex(({ fired }) => fired);
      const since = known.slice(last + 1, index);
      const wasOver = since.some(({ delta }) => delta !== null && delta <= 0.48);
      one.fired = last < 0 || wasOver || one.minute - (known[last]?.minute ?? 0) >= COOL_DOWN;
    }
    return known.map(({ fired }) => fired);
  }

  test('fires as often as an independent model says, for each position by itself', () => {
    let fired = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let minute = 0;
        let remembered: Remembered = {};
        const past: { delta: number | null; minute: number }[][] = [[], [], []];
        const actual: boolean[][] = [[], [], []];
        for (const { deltas, stale, minutes } of steps) {
          minute += minutes;
          // Only the first one's quote is stale.
          const holdings = deltas.map((shortDelta, index) =>
            holdingOf({ id: `p${index}`, shortDelta, stale: stale && index === 0 }),
          );
          const judged = judge([rule], holdings, remembered, minute * MINUTE);
          remembered = judged.remembered;
          for (const [index, delta] of deltas.entries()) {
            past[index]?.push({ delta: stale && index === 0 ? null : delta, minute });
            actual[index]?.push(judged.firings.some(({ positionId }) => positionId === `p${index}`));
          }
        }
        expect(actual).toEqual(past.map(firesByHand));
        fired += actual.flat().filter(Boolean).length;
      }),
      { numRuns: 300 },
    );
    expect(fired).toBeGreaterThan(300);
  });

  const anyHolding = fc.record({
    id: fc.constantFrom('p1', 'p2', 'p3', 'p4'),
    symbol: fc.constantFrom('AAPL', 'MSFT'),
    price: fc.option(fc.integer({ min: 90, max: 110 })),
    shortDelta: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    dte: fc.option(fc.integer({ min: 0, max: 60 })),
    stale: fc.boolean(),
  });
  const portfolio = fc.uniqueArray(anyHolding, { selector: ({ id }) => id }).map((all) => all.map(holdingOf));
  const rules: PortfolioRule[] = [
    rule,
    { type: 'price_above', threshold: 100 },
    { type: 'price_below', threshold: 100, symbol: 'MSFT' },
    { type: 'dte_warning', threshold: 21 },
  ];

  test('remembers only positions, symbols and rules that are there, and nothing changes when nothing is known', () => {
    fc.assert(
      fc.property(fc.array(portfolio, { maxLength: 10 }), fc.subarray(rules), (checks, fewer) => {
        let remembered: Remembered = {};
        for (const [index, holdings] of checks.entries()) {
          const at = index * MINUTE;
          const asked = index % 2 === 0 ? rules : fewer;
          remembered = judge(asked, holdings, remembered, at).remembered;
          const ids = new Set(holdings.flatMap(({ id, symbol }) => [id, symbol]));
          expect(
            Object.values(remembered)
              .flatMap(Object.keys)
              .filter((id) => !ids.has(id)),
          ).toEqual([]);
          expect(asked.map(ruleIdOf)).toEqual(expect.arrayContaining(Object.keys(remembered)));
          const nothingKnown = holdings.map((one) => ({
            ...one,
            stale: true,
            dte: null,
            daysToEarnings: null,
          }));
          const blind = judge(asked, nothingKnown, remembered, at + MINUTE);
          expect(blind).toEqual({ firings: [], remembered, waiting: 0 });
          // The same check at the same moment again tells nothing.
          expect(judge(asked, holdings, remembered, at).firings).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a portfolio beyond measure', () => {
  const holdings = Array.from({ length: 10_000 }, (_, index) => holdingOf({ id: `p${index}`, dte: 10 }));
  const rules: PortfolioRule[] = [{ type: 'dte_warning', threshold: 21 }];

  test('is told in parts, each once, until what can be remembered is full; then the rest waits', () => {
    let remembered: Remembered = {};
    const told: (string | null)[] = [];
    for (let minute = 0; minute < 20; minute++) {
      const judged = judge(rules, holdings, remembered, minute * MINUTE);
      remembered = judged.remembered;
      told.push(...judged.firings.map(({ positionId }) => positionId));
      expect(judged.firings.length).toBeLessThanOrEqual(MAX_ALERTS_PER_CHECK);
      expect(judged.waiting).toBe(10_000 - told.length);
    }
    expect(told).toHaveLength(MAX_REMEMBERED);
    expect(new Set(told).size).toBe(MAX_REMEMBERED);
    expect(countRemembered(remembered)).toBe(MAX_REMEMBERED);
    // Ten are over: so many others come.
    const after = holdings.map((one, index) => (index < 10 ? { ...one, dte: 40 } : one));
    remembered = judge(rules, after, remembered, 20 * MINUTE).remembered;
    expect(judge(rules, after, remembered, 21 * MINUTE).firings).toHaveLength(10);
  });
});
