/**
 * Lines that were one trade, put together again: brokers list legs. Of one account and underlying: what the file itself
 * names as one; verticals (a short and a long of one right, expiration and size, the nearest strikes first); condors (a
 * put and a call vertical of one size, both sold); shares under a short call of the same size. All else stands alone.
 */
import type { HeldLine } from './lines.ts';

const sharesPerContract = 100;
const maxLegs = 8;

/** Each line is in one group. */
export function groupsOf(lines: readonly HeldLine[]): HeldLine[][] {
  const named = groupBy(
    lines.filter(({ position }) => position !== ''),
    ({ account, symbol, position }) => JSON.stringify([account, symbol, position]),
  ).flatMap((group) => (group.length <= maxLegs ? [group] : group.map((line) => [line])));
  const others = groupBy(
    lines.filter(({ position }) => position === ''),
    ({ account, symbol }) => JSON.stringify([account, symbol]),
  ).flatMap(groupsOfSymbol);
  return [...named, ...others]
    .map((group) => group.toSorted((a, b) => a.line - b.line))
    .sort(([a], [b]) => (a?.line ?? 0) - (b?.line ?? 0));
}

function groupsOfSymbol(lines: HeldLine[]): HeldLine[][] {
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
function verticals(lines: readonly HeldLine[]): { pairs: HeldLine[][]; alone: HeldLine[][] } {
  const shorts = lines.filter(({ leg }) => leg.quantity < 0);
  const longs = new Set(lines.filter(({ leg }) => leg.quantity > 0));
  const pairs: HeldLine[][] = [];
  const alone: HeldLine[][] = [];
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

function condors(puts: readonly HeldLine[][], calls: readonly HeldLine[][]): HeldLine[][] {
  const left = new Set(calls);
  const trades: HeldLine[][] = [];
  for (const put of puts) {
    const call = [...left].find((one) => isCondor(put, one));
    if (call) left.delete(call);
    trades.push(call ? [...put, ...call] : put);
  }
  return [...trades, ...left];
}

function isCondor([shortPut, longPut]: HeldLine[], [shortCall, longCall]: HeldLine[]): boolean {
  const strikes = [longPut, shortPut, shortCall, longCall].map((line) => line?.leg.strike ?? Number.NaN);
  const [a = 0, b = 0, c = 0, d = 0] = strikes;
  return shortPut?.leg.quantity === shortCall?.leg.quantity && a < b && b <= c && c < d;
}

function coveredCalls(trades: readonly HeldLine[][], shares: readonly HeldLine[]): HeldLine[][] {
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

function distance(a: HeldLine, b: HeldLine): number {
  return Math.abs((a.leg.strike ?? 0) - (b.leg.strike ?? 0));
}

function groupBy(lines: readonly HeldLine[], key: (line: HeldLine) => string): HeldLine[][] {
  return [...Map.groupBy(lines, key).values()];
}
