/** The comparison alone, without a database; recorded and at the doors: `test/position-sync.test.ts`. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BrokerPositions } from '../../machines/market.ts';
import type { SyncedPosition } from '../../persistence/records/synced-positions.ts';
import { planSync, type SyncPlan } from './broker-positions.ts';

type Account = BrokerPositions['accounts'][number];
type Leg = Account['legs'][number];

const opened = '2026-02-02T15:30:00Z';
const put = (strike: number, quantity: number, more: Partial<Leg> = {}): Leg => ({
  ...{ symbol: 'AAPL', kind: 'option', right: 'put', strike, expiration: '2026-04-17' },
  ...{ quantity, openPrice: 2.35, openedAt: opened },
  ...more,
});
const shares = (quantity: number): Leg => ({
  ...{ symbol: 'AAPL', kind: 'stock', right: null, strike: null, expiration: null },
  ...{ quantity, openPrice: 150, openedAt: opened },
});
const account = (...legs: Leg[]): Account => ({ number: '5WT1', name: 'Wheel', legs, left: [] });

/** What would be known after the plan. */
function known(before: readonly SyncedPosition[], plan: SyncPlan): SyncedPosition[] {
  const gone = new Set([...plan.closed, ...plan.replaced].map(({ id }) => id));
  const changed = new Map(plan.updated.map((position) => [position.id, position]));
  return [
    ...before.filter(({ id }) => !gone.has(id)).map((position) => changed.get(position.id) ?? position),
    ...plan.added.map(({ externalId, symbol, legs, openedAt }) => ({
      ...{ status: 'open' as const, portfolio: 'main' },
      id: externalId,
      externalId,
      symbol,
      legs,
      openedAt,
    })),
  ];
}
const difference = (first: Account, second: Account): SyncPlan =>
  planSync({ accounts: [second] }, known([], planSync({ accounts: [first] }, [])));
const counts = ({ added, updated, closed, replaced, unchanged }: SyncPlan) => ({
  ...{ added: added.length, updated: updated.length, closed: closed.length },
  ...{ replaced: replaced.length, unchanged },
});
const none = { added: 0, updated: 0, closed: 0, replaced: 0, unchanged: 0 };

describe('the difference between what is held and what is known', () => {
  test.each([
    ['nothing, again', account(), account(), none],
    [
      'the same, in another order',
      account(put(150, -1), put(140, 1)),
      account(put(140, 1), put(150, -1)),
      { unchanged: 1 },
    ],
    ['a trade that grew', account(put(150, -1)), account(put(150, -2)), { updated: 1 }],
    ['another average price', account(put(150, -1)), account(put(150, -1, { openPrice: 2 })), { updated: 1 }],
    ['a trade that ended', account(put(150, -1)), account(), { closed: 1 }],
    [
      'the same contract, opened anew',
      account(put(150, -1)),
      account(put(150, -1, { openedAt: '2026-03-01T15:00:00Z' })),
      { added: 1, closed: 1 },
    ],
    [
      'one turned from sold to bought',
      account(put(150, -1)),
      account(put(150, 1, { openedAt: '2026-03-01T15:00:00Z' })),
      { added: 1, closed: 1 },
    ],
    [
      'a spread whose long leg was sold',
      account(put(150, -1), put(140, 1)),
      account(put(150, -1)),
      { added: 1, closed: 1 },
    ],
    [
      'a put that became a spread',
      account(put(150, -1)),
      account(put(150, -1), put(140, 1)),
      { added: 1, replaced: 1 },
    ],
    [
      'shares under which a call was sold',
      account(shares(100)),
      account(shares(100), put(160, -1, { right: 'call' })),
      { added: 1, replaced: 1 },
    ],
  ])('%s', (_, first, second, expected) => {
    expect(counts(difference(first, second))).toEqual({ ...none, ...expected });
  });

  test('accounts that are not in the answer are left alone', () => {
    const before = known([], planSync({ accounts: [account(put(150, -1))] }, []));
    const other = { ...account(put(150, -1)), number: '5WT2' };
    expect(counts(planSync({ accounts: [other] }, before))).toEqual({ ...none, added: 1 });
    expect(counts(planSync({ accounts: [] }, before))).toEqual(none);
  });

  test('the order of the list says nothing', () => {
    // Either put may be paired with the one that was bought.
    const legs = [put(150, -1), put(130, -1), put(140, 1)];
    const first = account(...legs);
    for (const again of [legs.toReversed(), [legs[1], legs[0], legs[2]] as Leg[]]) {
      expect(counts(difference(first, account(...again)))).toEqual({ ...none, unchanged: 2 });
    }
  });

  test('what is listed twice is two', () => {
    const { added } = planSync({ accounts: [account(put(150, -1), put(150, -1))] }, []);
    expect(new Set(added.map(({ externalId }) => externalId)).size).toBe(2);
    expect(counts(difference(account(put(150, -1), put(150, -1)), account(put(150, -1))))).toEqual({
      ...{ ...none, unchanged: 1, replaced: 1 },
    });
  });

  test('no account number is in what is kept', () => {
    const { added } = planSync({ accounts: [account(put(150, -1))] }, []);
    expect(JSON.stringify(added)).not.toContain('5WT1');
  });

  test('more than can be compared is refused as a whole', () => {
    const many = account(...Array.from({ length: 2_001 }, (_, n) => put(n + 1, -1)));
    expect(() => planSync({ accounts: [many] }, [])).toThrow('2001 contracts and shares');
  });
});

const leg = fc
  .record({
    symbol: fc.constantFrom('AAPL', 'KO'),
    right: fc.constantFrom('put' as const, 'call' as const, null),
    strike: fc.constantFrom(90, 95, 100, 105),
    expiration: fc.constantFrom('2026-04-17', '2026-05-15'),
    quantity: fc.constantFrom(-2, -1, 1, 2, 100),
    openPrice: fc.constantFrom(1, 2.35),
    openedAt: fc.constantFrom(opened, '2026-03-01T15:00:00Z'),
  })
  .map(
    ({ right, strike, expiration, ...rest }): Leg =>
      right === null
        ? { ...rest, kind: 'stock', right, strike: null, expiration: null }
        : { ...rest, kind: 'option', right, strike, expiration },
  );
/** A broker lists each contract, and the shares of a symbol, once. */
const holdings = fc
  .uniqueArray(leg, {
    maxLength: 8,
    selector: ({ symbol, right, strike, expiration }) => JSON.stringify([symbol, right, strike, expiration]),
  })
  .map((legs) => account(...legs));
const written = (legs: readonly object[]) => legs.map((one) => JSON.stringify(one)).sort();

test('whatever was known before, what is held is known after, each leg once, and again nothing changes', () => {
  fc.assert(
    fc.property(holdings, holdings, fc.infiniteStream(fc.nat()), (first, second, random) => {
      const shuffled = account(
        ...second.legs
          .map((one) => ({ one, at: random.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one),
      );
      const before = known([], planSync({ accounts: [first] }, []));
      const plan = planSync({ accounts: [second] }, before);
      const now = known(before, plan);
      const held = second.legs.map(({ symbol, right, strike, expiration, openedAt: _, ...rest }) => ({
        ...{ symbol, ...rest },
        ...(right !== null && { right, strike, expiration }),
      }));
      const recorded = now.flatMap(({ symbol, legs }) => legs.map((one) => ({ symbol, ...one })));
      const sorted = (one: object) => Object.fromEntries(Object.entries(one).sort());
      expect(written(recorded.map(sorted))).toEqual(written(held.map(sorted)));
      expect(new Set(now.map(({ externalId }) => externalId)).size).toBe(now.length);
      expect(counts(planSync({ accounts: [shuffled] }, now))).toEqual({ ...none, unchanged: now.length });
      // What is closed was there, and something of it is gone, or has begun anew.
      for (const { symbol, legs, openedAt } of plan.closed) {
        const found = legs.map((one) =>
          second.legs.find(
            (other) =>
              other.symbol === symbol &&
              other.right === (one.right ?? null) &&
              other.strike === (one.strike ?? null) &&
              other.expiration === (one.expiration ?? null) &&
              other.quantity < 0 === one.quantity < 0,
          ),
        );
        const isWhole = found.every((one) => one !== undefined);
        expect(
          isWhole && found.some((one) => one?.openedAt === openedAt.toISOString().replace('.000', '')),
        ).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});
