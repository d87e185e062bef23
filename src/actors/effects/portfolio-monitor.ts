/**
 * The effect of the machine `portfolioMonitor`: what an owner's open positions are worth now, and when the exchange
 * opens and closes. Not for what that means to a rule.
 *
 * Quotes are not asked for here, nor taken from the shared cache: `/positions/evaluate` fetches each underlying's quote
 * with its chain in any case (for the close before, and to tell a chain that does not fit), once for all positions of
 * a request. A price that is handed in would save it nothing, and would be taken as fresh.
 */
import { z } from 'zod';
import type { Problem } from '../../machines/health.ts';
import type { Positions, PositionValue } from '../../machines/market.ts';
import { type PortfolioCheck, portfolioCheck } from '../../machines/portfolio-monitor.ts';
import type { Holding } from '../../machines/portfolio-rule-kinds.ts';
import { openPositions, type Position, type PositionLeg } from '../../persistence/records/positions.ts';
import { type Effect, type EffectContext, effect, TtaiError } from '../runtime/index.ts';
import { evaluatePositions } from './evaluated-positions.ts';
import { marketAt } from './market-hours.ts';
import type { EffectRooms } from './rooms.ts';

/** Beyond it, the last ones by symbol are not watched, and the check says so. */
const MAX_POSITIONS = 10_000;
const BATCH_TIMEOUT_MS = 30_000;

export function portfolioMonitorEffects(rooms: EffectRooms): Effect[] {
  return [
    effect(
      'checkPortfolio',
      // A check that fails is followed by the next one: retrying inside it would only make it late. Checks of many
      // owners run side by side, so that one that is large, or that nobody answers, holds up only itself.
      {
        input: z.object({ portfolio: z.string() }),
        output: portfolioCheck,
        timeout: '5 min',
        deadline: '5 min',
        retries: { limit: 0 },
        concurrency: 64,
      },
      ({ portfolio }, context) => check(rooms, portfolio, context),
    ),
  ];
}

async function check(rooms: EffectRooms, portfolio: string, context: EffectContext): Promise<PortfolioCheck> {
  const { owner, now } = context;
  const began = now();
  const market = await marketAt(rooms.hours, began, context.signal);
  const limit = MAX_POSITIONS + 1;
  const positions = await openPositions(rooms.database, owner, { portfolio, limit });
  const watched = positions.slice(0, MAX_POSITIONS);
  const { values, problems, answer } = await valuesOf(rooms, watched, context);
  const tooMany: Problem | null =
    positions.length > MAX_POSITIONS
      ? { code: 'too_many_positions', message: `only the first ${MAX_POSITIONS} positions are watched` }
      : null;
  return {
    at: began.toISOString(),
    endedAt: now().toISOString(),
    market,
    holdings: watched.map((position) => holdingOf(position, values.get(position.id))),
    failed: { count: watched.length - values.size, first: tooMany ?? problems[0] ?? null },
    error: watched.length > 0 && values.size === 0 ? (problems[0] ?? null) : null,
    asOf: answer?.asOf ?? null,
    source: answer?.quality.source ?? null,
  };
}

interface Valued {
  values: Map<string, PositionValue>;
  /** In the order in which they came. */
  problems: Problem[];
  /** The first. */
  answer: Positions | undefined;
}

/** Values by position; one that fails, or a part that does, does not keep the others from theirs. */
async function valuesOf(
  { service }: EffectRooms,
  positions: readonly Position[],
  { owner, signal, idempotencyKey }: EffectContext,
): Promise<Valued> {
  const values = new Map<string, PositionValue>();
  const problems: Problem[] = [];
  let first: Positions | undefined;
  const options = { owner, signal, idempotencyKey, timeoutMs: BATCH_TIMEOUT_MS };
  for await (const part of evaluatePositions(service, positions, options)) {
    if ('answer' in part) {
      const { answer } = part;
      first ??= answer;
      for (const value of answer.positions) values.set(value.id, value);
      for (const position of part.positions) {
        const error = answer.errors[position.id];
        if (error) problems.push(problemOf(position, error.code.toLowerCase(), error.message));
      }
      continue;
    }
    const { error } = part;
    if (!(error instanceof TtaiError)) throw error;
    const [only, ...others] = part.positions;
    const { code, message } = error;
    problems.push(only && others.length === 0 ? problemOf(only, code, message) : { code, message });
    // It is away, or slow: so it would be for each of the others.
    if (error.retryable) break;
  }
  return { values, problems, answer: first };
}

/** What is wrong with one position, which its owner knows by its contracts. */
function problemOf({ symbol, legs }: Position, code: string, message: string): Problem {
  return { code, message: `${symbol} ${nameOf(legs)}: ${message}`.slice(0, 300) };
}

/** A position with its value; all of it unknown when it has none. */
function holdingOf({ id, symbol, legs }: Position, value: PositionValue | undefined): Holding {
  return {
    id,
    symbol,
    name: nameOf(legs),
    price: value?.underlyingPrice ?? null,
    changePct: value?.changePct ?? null,
    dte: value?.dte ?? null,
    shortDelta: value?.shortDelta ?? null,
    priced: (value?.marketValue ?? null) !== null,
    profitCapturedPct: value?.profitCapturedPct ?? null,
    pnlPct: value?.pnlPct ?? null,
    assignmentRisk: value?.assignmentRisk ?? 'unknown',
    daysToEarnings: value?.daysToEarnings ?? null,
    stale: value?.stale ?? true,
    asOf: value?.underlyingAsOf ?? null,
  };
}

/** Its legs in words: `short put 220 2026-12-18, long put 210 2026-12-18`. */
function nameOf(legs: readonly PositionLeg[]): string {
  return legs
    .map(({ kind, right, strike, expiration, quantity }) =>
      [quantity < 0 ? 'short' : 'long', ...(kind === 'stock' ? ['stock'] : [right, strike, expiration])].join(
        ' ',
      ),
    )
    .join(', ');
}
