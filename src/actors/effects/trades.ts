/**
 * Legs that were one trade, put together again: brokers list legs. Of one account and underlying: what the broker itself
 * names as one; verticals (a short and a long of one right, expiration and size, the nearest strikes first); condors (a
 * put and a call vertical of one size, both sold); shares under a short call of the same size. All else stands alone.
 */
import type { PositionLeg } from '../../persistence/records/positions.ts';

/** One leg as a broker lists it. */
export interface ListedLeg {
  account: string;
  symbol: string;
  leg: PositionLeg;
  /** Legs with the same one, of one account and symbol, are one trade; empty where the broker names none. */
  position: string;
}

/** What is held of a symbol, without how many and for how much: bought and sold are two. */
export function contractOf(
  symbol: string,
  { kind, right, strike, expiration, quantity }: PositionLeg,
): string {
  return JSON.stringify([symbol, kind, right ?? null, strike ?? null, expiration ?? null, quantity < 0]);
}

const sharesPerContract = 100;
const maxLegs = 8;

/** Each leg is in one trade. Trades, and the legs of each, come in the order of the list. */
export function tradesOf<Leg extends ListedLeg>(listed: readonly Leg[]): Leg[][] {
  const places = new Map<ListedLeg, number>(listed.map((one, index) => [one, index]));
  const placeOf = (one: ListedLeg | undefined): number => (one && places.get(one)) ?? 0;
  return allGroups(listed)
    .map((group) => group.toSorted((a, b) => placeOf(a) - placeOf(b)))
    .sort(([a], [b]) => placeOf(a) - placeOf(b));
}

function allGroups<Leg extends ListedLeg>(lines: readonly Leg[]): Leg[][] {
  const named = groupBy(
    lines.filter(({ position }) => position !== ''),
    ({ account, symbol, position }) => JSON.stringify([account, symbol, position]),
  ).flatMap((group) => (group.length <= maxLegs ? [group] : group.map((line) => [line])));
  const others = groupBy(
    lines.filter(({ position }) => position === ''),
    ({ account, symbol }) => JSON.stringify([account, symbol]),
  ).flatMap(groupsOfSymbol);
  return [...named, ...others];
}

function groupsOfSymbol<Leg extends ListedLeg>(lines: Leg[]): Leg[][] {
  const options = lines.filter(({ leg }) => leg.kind === 'option');
  const shares = lines.filter(({ leg }) => leg.kind === 'stock');
  const trades = groupBy(options, ({ leg }) => String(leg.expiration)).flatMap((chain) => {
    const puts = verticals(chain.filter(({ leg }) => leg.right === 'put'));
    const calls = verticals(chain.filter(({ leg }) => leg.right === 'call'));
    return [...condors(puts.pairs, calls.pairs), ...puts.alone, ...calls.alone];
  });
  return coveredCalls(trades, shares);
}

/** Pairs of a short and a long, and what is left. */
function verticals<Leg extends ListedLeg>(lines: readonly Leg[]): { pairs: Leg[][]; alone: Leg[][] } {
  const shorts = lines.filter(({ leg }) => leg.quantity < 0);
  const longs = new Set(lines.filter(({ leg }) => leg.quantity > 0));
  const pairs: Leg[][] = [];
  const alone: Leg[][] = [];
  for (const short of shorts) {
    const [long] = [...longs]
      .filter(({ leg }) => leg.quantity === -short.leg.quantity && leg.strike !== short.leg.strike)
      .sort((a, b) => distance(a, short) - distance(b, short));
    if (long) longs.delete(long);
    if (long) pairs.push([short, long]);
    else alone.push([short]);
  }
  return { pairs, alone: [...alone, ...[...longs].map((line) => [line])] };
}

function condors<Leg extends ListedLeg>(puts: readonly Leg[][], calls: readonly Leg[][]): Leg[][] {
  const left = new Set(calls);
  const trades: Leg[][] = [];
  for (const put of puts) {
    const call = [...left].find((one) => isCondor(put, one));
    if (call) left.delete(call);
    trades.push(call ? [...put, ...call] : put);
  }
  return [...trades, ...left];
}

function isCondor([shortPut, longPut]: ListedLeg[], [shortCall, longCall]: ListedLeg[]): boolean {
  const strikes = [longPut, shortPut, shortCall, longCall].map((line) => line?.leg.strike ?? Number.NaN);
  const [a = 0, b = 0, c = 0, d = 0] = strikes;
  return shortPut?.leg.quantity === shortCall?.leg.quantity && a < b && b <= c && c < d;
}

function coveredCalls<Leg extends ListedLeg>(trades: readonly Leg[][], shares: readonly Leg[]): Leg[][] {
  const left = new Set(shares);
  const covered = trades.map((trade) => {
    const [only] = trade;
    if (trade.length !== 1 || only?.leg.right !== 'call' || only.leg.quantity > 0) return trade;
    const stock = [...left].find(({ leg }) => leg.quantity === -only.leg.quantity * sharesPerContract);
    if (!stock) return trade;
    left.delete(stock);
    return [stock, only];
  });
  return [...covered, ...[...left].map((line) => [line])];
}

function distance(a: ListedLeg, b: ListedLeg): number {
  return Math.abs((a.leg.strike ?? 0) - (b.leg.strike ?? 0));
}

function groupBy<Leg extends ListedLeg>(lines: readonly Leg[], key: (line: Leg) => string): Leg[][] {
  return [...Map.groupBy(lines, key).values()];
}
