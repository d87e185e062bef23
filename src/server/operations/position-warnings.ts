/**
 * What looks wrong with positions that are being recorded: said beside the answer, and no reason to refuse them. Not for
 * what can't be true (the schemas).
 */
import { contractOf, evaluatePositions } from '../../actors/effects/index.ts';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { PositionValue } from '../../machines/market.ts';
import { EXPIRED_WORDS } from '../../machines/report.ts';
import { exchangeDateOf } from '../../machines/trading-day-plan.ts';
import type { NewPosition, Position, PositionLeg } from '../../persistence/records/positions.ts';
import type { OperationContext } from './operation.ts';

/** Someone waits for the answer, which can do without. */
const timeoutMs = 5_000;
/** One request of the analysis service. */
const maxLookedAt = 500;
const maxWarnings = 100;

/**
 * Sentences about these positions, the first hundred: contracts that are held already, expired ones, prices that can't
 * be right, and symbols and contracts that nobody knows. What can't be found out now is left out.
 */
export async function warningsAbout(
  context: Pick<OperationContext, 'analysis' | 'owner' | 'signal' | 'records'>,
  recorded: readonly NewPosition[],
  now = new Date(),
): Promise<string[]> {
  const looked = recorded.slice(0, maxLookedAt);
  if (looked.length === 0) return [];
  const symbols = [...new Set(looked.map(({ symbol }) => symbol))];
  // These are recorded by now. An error here would have whoever hears of it record them a second time.
  const open = await context.records.openPositions(context.owner, { symbols }).catch(() => []);
  const { values, unknown } = await worthOf(context, looked, now);
  const warnings = [
    ...[...unknown].map(
      (symbol) =>
        `Nobody knows the symbol ${symbol}, so a position in it has no value and no rule sees it. Delete it if it is misspelt.`,
    ),
    ...heldAlready(looked, open),
    ...looked.flatMap((position) => [
      ...expired(position, exchangeDateOf(now)),
      ...implausible(position, values.get(position.id)),
    ]),
  ];
  return warnings.slice(0, maxWarnings);
}

function* heldAlready(recorded: readonly NewPosition[], open: readonly Position[]): Generator<string> {
  const ids = new Set(recorded.map(({ id }) => id));
  const held = new Map<string, Position>();
  for (const position of open.filter(({ id }) => !ids.has(id))) {
    for (const leg of position.legs) held.set(contractOf(position.symbol, leg), position);
  }
  for (const { symbol, legs } of recorded) {
    const found = legs.map((leg) => ({ leg, before: held.get(contractOf(symbol, leg)) }));
    const first = found.find(({ before }) => before !== undefined);
    if (!first?.before) continue;
    const { id, portfolio } = first.before;
    yield `${nameOf(symbol, first.leg)} is held already, in position ${id} of portfolio ${portfolio}. If this is the same trade, delete one of the two.`;
  }
}

function expired({ symbol, legs }: NewPosition, today: string): string[] {
  return legs
    .filter(({ expiration }) => expiration !== undefined && expiration < today)
    .map((leg) => `${nameOf(symbol, leg)} ${EXPIRED_WORDS}.`);
}

function implausible({ symbol, legs }: NewPosition, value: PositionValue | undefined): string[] {
  return legs.flatMap((leg, index) => {
    if (leg.kind === 'stock') return [];
    return [
      ...tooDear(symbol, leg, value?.underlyingPrice ?? null),
      ...(value?.warnings.includes(`not_in_chain:leg${index + 1}`)
        ? [`${nameOf(symbol, leg)} is not in the chain of ${symbol}: check its strike and expiration.`]
        : []),
    ];
  });
}

/** A put pays its strike at most, a call the share; but the share may have cost more when the call was bought. */
function tooDear(symbol: string, leg: PositionLeg, sharePrice: number | null): string[] {
  const { right, strike, openPrice } = leg;
  if (right === 'put' && strike !== undefined && openPrice > strike) {
    return [
      `${nameOf(symbol, leg)} was never worth ${openPrice} a share: a price is per share, not per contract.`,
    ];
  }
  if (right === 'call' && sharePrice !== null && openPrice > sharePrice) {
    return [
      `${nameOf(symbol, leg)} at ${openPrice} a share costs more than the share itself now: a price is per share, not per contract.`,
    ];
  }
  return [];
}

/** What the service says of them, by id, and whose symbols it does not know. */
async function worthOf(
  { analysis, owner, signal }: Pick<OperationContext, 'analysis' | 'owner' | 'signal'>,
  recorded: readonly NewPosition[],
  now: Date,
): Promise<{ values: Map<string, PositionValue>; unknown: Set<string> }> {
  const values = new Map<string, PositionValue>();
  const unknown = new Set<string>();
  const options = { owner, timeoutMs, ...(signal && { signal }) };
  const asked = recorded.map(
    (position): Position => ({
      ...position,
      ...{ status: 'open', closedAt: null, realizedPnl: null, updatedAt: now },
    }),
  );
  for await (const part of evaluatePositions(analysis, asked, options)) {
    if ('error' in part) {
      if (!(part.error instanceof TtaiError)) throw part.error;
      if (part.error.retryable) break;
      continue;
    }
    for (const value of part.answer.positions) values.set(value.id, value);
    for (const { id, symbol } of part.positions) {
      if (part.answer.errors[id]?.code === 'SYMBOL_NOT_FOUND') unknown.add(symbol);
    }
  }
  return { values, unknown };
}

function nameOf(symbol: string, { kind, right, strike, expiration }: PositionLeg): string {
  return kind === 'stock' ? `${symbol} shares` : `${symbol} ${expiration} ${strike} ${right}`;
}
