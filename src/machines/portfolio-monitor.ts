/**
 * The machine `portfolioMonitor`: checks the open positions of one portfolio while the exchange is open, and tells its
 * owner when one of the rules fires.
 *
 * It checks at once when it is started, updated or asked to; then, while the exchange is open, every `everySeconds`,
 * counted from the end of a check; once a minute after the close, when the closing prices are there; and then at the
 * next open. Positions are read anew at each check, so one that was opened or closed meanwhile counts. What each rule
 * means, when it fires, and when it fires again stands in `portfolio-rules.ts`. Each firing is one notification
 * `position_alert`, committed with the step that judged it.
 *
 * A check that fails changes nothing that the rules remember, and the next one follows as usual, after the close for
 * an hour. One that has positions, and no fresh quote for any of them, has failed too: it sees nothing, although what
 * it knows (days to expiry) is judged. After three failures in a row the owner is told once that the monitor is blind,
 * since when and why (`monitor_health`), and once when it sees again; where only the quotes are stale, not before they
 * have been so for a quarter of an hour, since some symbols trade seldom. A portfolio without positions is no failure.
 *
 * An `UPDATE` of the rules keeps what is remembered of those that stay the same. `STOP` ends it.
 */
import { assign, enqueueActions, setup } from 'xstate';
import { z } from 'zod';
import { type EffectError, effectError, effectSource } from './effect-source.ts';
import { failedOnce, type Health, newsOf, type Problem, problem, SEEING } from './health.ts';
import { exchangeHours, pauseAfter } from './market-pauses.ts';
import { type Holding, holding } from './portfolio-rule-kinds.ts';
import { DEFAULT_RULES, type Firing, judge, portfolioRules, type Remembered } from './portfolio-rules.ts';
import { clauseOf } from './sentence.ts';

const STALE_BEFORE_BLIND_MS = 900_000;
const NO_FRESH_QUOTES = 'no_fresh_quotes';
const MAX_ALERTS_KEPT = 50;

export const everySeconds = z.int().min(10).max(3_600);
const portfolio = z.string().min(1).max(100);

export const portfolioMonitorInput = z.object({
  portfolio: portfolio.default('main'),
  rules: portfolioRules.default(() => structuredClone([...DEFAULT_RULES])),
  everySeconds: everySeconds.default(60),
});
export type PortfolioMonitorInput = z.infer<typeof portfolioMonitorInput>;

export const portfolioMonitorEvents = {
  /** What is not named stays. */
  UPDATE: z.object({
    type: z.literal('UPDATE'),
    rules: portfolioRules.optional(),
    everySeconds: everySeconds.optional(),
  }),
  CHECK_NOW: z.object({ type: z.literal('CHECK_NOW') }),
  STOP: z.object({ type: z.literal('STOP') }),
};
type Event = z.infer<(typeof portfolioMonitorEvents)[keyof typeof portfolioMonitorEvents]>;

/** What one check found. Times are UTC. */
export const portfolioCheck = z.object({
  at: z.string(),
  endedAt: z.string(),
  /** At its beginning. Null: the calendar can't be had. */
  market: exchangeHours.nullable(),
  /** All open positions, also those without a value. */
  holdings: z.array(holding),
  /** Positions that could not be valued: how many, and what is wrong with the first. */
  failed: z.object({ count: z.int(), first: problem.nullable() }),
  /** Why none of them could be valued. */
  error: problem.nullable(),
  asOf: z.string().nullable(),
  source: z.string().nullable(),
});
export type PortfolioCheck = z.infer<typeof portfolioCheck>;

/** An alert as it is kept. */
export interface KeptAlert {
  at: string;
  type: string;
  symbol: string;
  positionId: string | null;
  value: number | string;
  threshold: number | string;
  asOf: string | null;
  source: string | null;
  message: string;
}

export interface PortfolioMonitorContext extends PortfolioMonitorInput {
  checks: number;
  lastCheck: {
    at: string;
    open: boolean | null;
    positions: number;
    /** Without a value that is fresh. */
    unknown: number;
    /** What is wrong with the first position of which that is so. */
    problem: Problem | null;
    asOf: string | null;
    source: string | null;
  } | null;
  /** The last ones, newest first. */
  alerts: KeptAlert[];
  alertCount: number;
  /** Firings of the last check that wait for the next ones, since there were too many. */
  waiting: number;
  remembered: Remembered;
  /** Of its checks. */
  health: Health;
  /** Until the next check, in milliseconds. */
  pauseMs: number;
}

/** Its quote is not fresh, or there is no price of one of its contracts. */
function isUnseen({ stale, priced }: Holding): boolean {
  return stale || !priced;
}

function unpricedOf(holdings: readonly Holding[]): Problem | null {
  const first = holdings.find((one) => !one.stale && isUnseen(one));
  return first
    ? { code: 'no_price', message: `${first.symbol} ${first.name}: nobody has a price of this contract` }
    : null;
}

/** Why a check counts as failed; null when it has seen something, or there was nothing to see. */
function failureOf({ error, holdings }: PortfolioCheck): Problem | null {
  if (error) return error;
  if (holdings.length === 0 || holdings.some(({ stale }) => !stale)) return null;
  return { code: NO_FRESH_QUOTES, message: 'there is no fresh quote for any of the positions' };
}

/** Stale quotes alone are no blindness before they have been so for a while. */
function failedCheck(health: Health, reason: Problem, at: string | null): Health {
  const isOld = (since: string | null) =>
    since !== null && at !== null && Date.parse(at) - Date.parse(since) >= STALE_BEFORE_BLIND_MS;
  return failedOnce(health, reason, at, (since) => reason.code !== NO_FRESH_QUOTES || isOld(since));
}

/** What the owner is to be told of this health after that one; null: nothing. */
function healthNotice({ portfolio: name, health: before }: PortfolioMonitorContext, after: Health) {
  const status = newsOf(before, after);
  if (status === null) return null;
  const { since, reason } = status === 'blind' ? after : before;
  return {
    type: 'notification' as const,
    notification: 'monitor_health',
    data: {
      monitor: 'portfolio',
      portfolio: name,
      status,
      since,
      reason,
      message:
        status === 'blind'
          ? `The monitor of portfolio ${name} sees nothing${since ? ` since ${since}` : ''}: ${clauseOf(reason?.message ?? 'unknown')}. It goes on trying.`
          : `The monitor of portfolio ${name} sees again${since ? `; it had seen nothing since ${since}` : ''}.`,
    },
  };
}

function keptAlert(
  { rule, symbol, positionId, value, asOf, message }: Firing,
  check: PortfolioCheck,
): KeptAlert {
  return {
    at: check.at,
    type: rule.type,
    symbol,
    positionId,
    value,
    threshold: rule.threshold,
    asOf: asOf ?? check.asOf ?? check.at,
    source: check.source,
    message,
  };
}

const machine = setup({
  types: {
    context: {} as PortfolioMonitorContext,
    input: {} as PortfolioMonitorInput,
    events: {} as Event,
    emitted: {} as { type: 'notification'; notification: string; data: Record<string, unknown> },
  },
  actors: {
    checkPortfolio: effectSource<PortfolioCheck, { portfolio: string }>(),
  },
  delays: { untilNextCheck: ({ context }) => context.pauseMs },
  actions: {
    change: assign(({ context }, changes: z.infer<typeof portfolioMonitorEvents.UPDATE>) => ({
      rules: changes.rules ?? context.rules,
      everySeconds: changes.everySeconds ?? context.everySeconds,
    })),
    /** Judges the rules, tells what fires, and keeps how the check went. */
    take: enqueueActions(({ context, enqueue }, check: PortfolioCheck) => {
      const { holdings, market, asOf, source } = check;
      const failure = failureOf(check);
      const judged = judge(context.rules, holdings, context.remembered, Date.parse(check.at));
      const { firings, remembered, waiting } = judged;
      const alerts = firings.map((one) => keptAlert(one, check));
      for (const { type, ...alert } of alerts) {
        enqueue.emit({
          type: 'notification',
          notification: 'position_alert',
          data: { portfolio: context.portfolio, rule: type, ...alert },
        });
      }
      const health = failure ? failedCheck(context.health, failure, check.at) : { ...SEEING };
      const notice = healthNotice(context, health);
      if (notice) enqueue.emit(notice);
      enqueue.assign({
        checks: context.checks + 1,
        lastCheck: {
          at: check.at,
          open: market?.open ?? null,
          positions: holdings.length,
          unknown: holdings.filter(isUnseen).length,
          problem: failure ?? check.failed.first ?? unpricedOf(holdings),
          asOf,
          source,
        },
        alerts: [...alerts.toReversed(), ...context.alerts].slice(0, MAX_ALERTS_KEPT),
        alertCount: context.alertCount + alerts.length,
        waiting,
        remembered,
        health,
        pauseMs: pauseAfter(check, context.everySeconds, failure !== null),
      });
    }),
    /** The check itself has ended without a result, so without a time. */
    fail: enqueueActions(({ context, enqueue }, { code, message }: EffectError) => {
      const health = failedCheck(context.health, { code, message }, context.lastCheck?.at ?? null);
      const notice = healthNotice(context, health);
      if (notice) enqueue.emit(notice);
      enqueue.assign({ checks: context.checks + 1, health, pauseMs: context.everySeconds * 1_000 });
    }),
  },
}).createMachine({
  id: 'portfolioMonitor',
  context: ({ input }) => ({
    ...input,
    checks: 0,
    lastCheck: null,
    alerts: [],
    alertCount: 0,
    waiting: 0,
    remembered: {},
    health: { ...SEEING },
    pauseMs: 0,
  }),
  initial: 'checking',
  on: { STOP: '.stopped' },
  states: {
    checking: {
      invoke: {
        id: 'checkPortfolio',
        src: 'checkPortfolio',
        input: ({ context }) => ({ portfolio: context.portfolio }),
        onDone: { target: 'waiting', actions: { type: 'take', params: ({ event }) => event.output } },
        onError: { target: 'waiting', actions: { type: 'fail', params: ({ event }) => effectError(event) } },
      },
      // Judged by the check that runs.
      on: { UPDATE: { actions: { type: 'change', params: ({ event }) => event } } },
    },
    waiting: {
      after: { untilNextCheck: 'checking' },
      on: {
        UPDATE: { target: 'checking', actions: { type: 'change', params: ({ event }) => event } },
        CHECK_NOW: 'checking',
      },
    },
    stopped: { type: 'final' },
  },
});

/** Ready to be registered. */
export const portfolioMonitor = {
  id: 'portfolioMonitor',
  version: '1',
  machine,
  input: portfolioMonitorInput,
  events: portfolioMonitorEvents,
  // A check a minute; what was told is in the notifications.
  journal: { keepLast: 200 },
  keepEnded: '365 d' as const,
};
