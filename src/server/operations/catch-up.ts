/**
 * "What happened while I was away?", in one answer: what the owner was told, which runs ended, which alerts fired,
 * how the monitors fare, and which positions want to be looked at. Parts of it are cut to the newest few; the lists
 * have the rest.
 */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { moneyText, priceText } from '../../machines/money.ts';
import { clauseOf } from '../../machines/sentence.ts';
import type { Position } from '../../persistence/records/positions.ts';
import { KEEP_NOTIFICATIONS_MS } from '../../persistence/records/retention.ts';
import { invalidInput } from '../checked-input.ts';
import { midnightOf } from '../midnight.ts';
import { alertOf, alertView } from './alert-view.ts';
import { future, isDate, pastTimeOrDate } from './fields.ts';
import { monitorOf, unseenOf } from './monitor-view.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { unless } from './own-actor.ts';
import { daysLeftInWords, isModelled, legInWords, positionView } from './position-view.ts';
import { type Valued, valuesOf } from './positions.ts';
import { runHead, runHeadOf, runInWords } from './run-view.ts';

const dayMs = 86_400_000;
/** Of each type. */
const newestTold = 3;
/** Of runs and alerts. */
const newestShown = 5;
const monitorsLookedAt = 100;
const positionsLookedAt = 200;
/** Someone waits for the answer, which says as much without it. */
const valuesTimeoutMs = 8_000;

const monitorState = z.object({
  monitorId: z.string(),
  portfolio: z.string(),
  health: z.string().describe('seeing, failing or blind'),
  lastCheckAt: z.string().nullable(),
  problem: z.string().nullable(),
});

const managed = positionView.pick({ positionId: true, portfolio: true, symbol: true }).extend({
  held: z.string(),
  why: z.array(z.string()),
  pnl: z.number().nullable(),
  isModelled: z.boolean().describe('pnl rests on a model: a contract has no quotes'),
  dte: z.number().nullable(),
  asOf: z.string(),
  source: z.string(),
});

const caughtUp = z.object({
  since: z.string().describe('The time from which runs and alerts are shown'),
  latestSeq: z.int().describe('Pass it as afterSeq next time'),
  missed: z.boolean().describe('Older notifications than are kept (90 days) were asked for'),
  notifications: z.array(
    z.object({
      type: z.string(),
      count: z.int(),
      newest: z.array(
        z.object({
          seq: z.int(),
          at: z.string(),
          source: z.string(),
          data: z.record(z.string(), z.unknown()),
        }),
      ),
    }),
  ),
  runsEnded: z.object({ count: z.int(), newest: z.array(runHead) }),
  alertsTriggered: z.object({ count: z.int(), newest: z.array(alertView) }),
  monitors: z.array(monitorState),
  positionsToManage: z.array(managed),
  positionsProblem: z.string().nullable().describe('Why some or all positions are not known now'),
});
export type CaughtUp = z.output<typeof caughtUp>;

export const catchUp = defineOperation({
  name: 'catch_up',
  title: 'Catch up',
  description:
    "What happened while the user was away, since a time or a notification's seq (24 hours unless given): notifications, ended runs, fired alerts, monitors, positions to manage.",
  input: z
    .strictObject({ since: pastTimeOrDate.optional(), afterSeq: z.int().min(0).optional() })
    .refine(({ since, afterSeq }) => since === undefined || afterSeq === undefined, {
      path: ['since'],
      message: 'give either since or afterSeq',
    }),
  output: caughtUp,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'get', path: '/catch-up' },
  async run(context, input) {
    const { records, notifications, owner } = context;
    const latestSeq = await notifications.latestSeq(owner);
    const begin = await beginOf(context, input);
    const [told, pruned, runs, alerts, monitors, positions] = await Promise.all([
      records.toldByType(owner, begin.seq, newestTold),
      notifications.prunedSeq(owner),
      runsEnded(context, begin.at),
      alertsTriggered(context, begin.seqAt),
      monitorStates(context),
      positionsToManage(context),
    ]);
    return {
      since: begin.at.toISOString(),
      latestSeq,
      missed:
        input.afterSeq === undefined
          ? pruned > 0 && begin.at.getTime() < Date.now() - KEEP_NOTIFICATIONS_MS
          : input.afterSeq < pruned,
      notifications: told.map(({ type, count, newest }) => ({
        type,
        count,
        newest: newest.map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() })),
      })),
      runsEnded: runs,
      alertsTriggered: alerts,
      monitors,
      ...positions,
    };
  },
  text: (answer) => catchUpLines(answer).join('\n'),
});

/** From where it is told, and the last number before that time. Of a number that is not kept any more, or not yet given, the time is a day ago. */
async function beginOf(
  { records, notifications, owner }: OperationContext,
  { since, afterSeq }: { since?: string | undefined; afterSeq?: number | undefined },
): Promise<{ seq: number; at: Date; seqAt: number }> {
  const aDayAgo = new Date(Date.now() - dayMs);
  if (afterSeq === undefined) {
    const at = since === undefined ? aDayAgo : await timeOf(since, { records, owner });
    const seq = await records.seqBefore(owner, at);
    return { seq, at, seqAt: seq };
  }
  const [next] = await notifications.since(owner, afterSeq, 1);
  const at = next && next.at < aDayAgo ? next.at : aDayAgo;
  return { seq: afterSeq, at, seqAt: await records.seqBefore(owner, at) };
}

/** A date begins by the clocks of its owner. */
async function timeOf(
  since: string,
  { records, owner }: Pick<OperationContext, 'records' | 'owner'>,
): Promise<Date> {
  if (!isDate(since)) return new Date(since);
  const begins = midnightOf(since, (await records.preferences(owner)).timeZone);
  if (begins.getTime() > Date.now()) throw invalidInput([{ path: ['since'], message: future }]);
  return begins;
}

async function runsEnded({ system, owner }: OperationContext, since: Date): Promise<CaughtUp['runsEnded']> {
  const machine = ['analysis', 'screener'];
  const { actors, count } = await system.listEnded({ owner, machine, since, limit: newestShown });
  return { count, newest: actors.map(runHeadOf) };
}

/** As their notifications say: of all alerts that there are, they alone know which have fired. */
async function alertsTriggered(
  { system, records, owner }: OperationContext,
  afterSeq: number,
): Promise<CaughtUp['alertsTriggered']> {
  const told = await records.toldBy(owner, { type: 'price_alert_triggered', afterSeq, newest: newestShown });
  const alerts = told.newest.map((address) => unless('actor_not_found', system.snapshot(address)));
  const known = (await Promise.all(alerts)).filter((alert) => alert !== undefined);
  return { count: told.count, newest: known.map(alertOf) };
}

async function monitorStates({ system, owner }: OperationContext): Promise<z.output<typeof monitorState>[]> {
  const { actors } = await system.list({
    owner,
    machine: 'portfolioMonitor',
    status: 'active',
    limit: monitorsLookedAt,
  });
  return actors.map((actor) => {
    const { monitorId, portfolio, health, lastCheck } = monitorOf(actor, 0);
    const unseen = lastCheck && unseenOf(lastCheck);
    return {
      monitorId,
      portfolio,
      health: health.status,
      lastCheckAt: lastCheck?.at ?? null,
      problem: health.status === 'seeing' ? unseen : (health.reason?.message ?? null),
    };
  });
}

async function positionsToManage(
  context: OperationContext,
): Promise<Pick<CaughtUp, 'positionsToManage' | 'positionsProblem'>> {
  const all = await context.records.openPositions(context.owner, { limit: positionsLookedAt + 1 });
  const open = all.slice(0, positionsLookedAt);
  try {
    const { worth, errors } = await valuesOf(context, open, valuesTimeoutMs);
    return {
      positionsToManage: open.flatMap(({ id, portfolio, symbol, legs }) => {
        const value = worth.get(id);
        if (!value || value.manage.length === 0) return [];
        const { manage: why, pnl, dte, asOf, source } = value;
        const held = legs.map((leg) => legInWords(symbol, leg)).join(', ');
        return [
          {
            positionId: id,
            portfolio,
            symbol,
            held,
            why,
            pnl,
            isModelled: isModelled(value),
            dte,
            asOf,
            source,
          },
        ];
      }),
      positionsProblem: problemOf(open, errors, all.length > open.length),
    };
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!(error instanceof TtaiError)) throw error;
    return { positionsToManage: [], positionsProblem: error.message };
  }
}

/** Which positions nothing is known of, though the service answers; null: of none. */
function problemOf(open: readonly Position[], errors: Valued['errors'], isCut: boolean): string | null {
  const [first] = open.filter(({ id }) => errors.has(id));
  const held = first?.legs.map((leg) => legInWords(first.symbol, leg)).join(', ');
  const problems = [
    ...(first
      ? [
          `${errors.size} of ${open.length} can't be valued, first ${held}: ${clauseOf(errors.get(first.id)?.message ?? 'unknown')}`,
        ]
      : []),
    ...(isCut ? [`only ${open.length} were looked at; the list of positions has all`] : []),
  ];
  return problems.length === 0 ? null : problems.join('; ');
}

/** The answer in a few lines, for a person, with its times by this clock: UTC unless given. */
export function catchUpLines(answer: CaughtUp, clock: (text: string) => string = (text) => text): string[] {
  const { notifications, runsEnded: runs, alertsTriggered: alerts, monitors } = answer;
  const { positionsToManage: positions, positionsProblem: problem } = answer;
  return [
    `Since ${clock(answer.since)}:`,
    ...(answer.missed ? ['Some notifications of that time are deleted: they are kept for 90 days.'] : []),
    notifications.length === 0
      ? 'No notifications.'
      : `Notifications: ${notifications.map(({ type, count }) => `${count} ${type}`).join(', ')}.`,
    ...(alerts.count > 0 ? [`Alerts fired: ${alerts.count}.`] : []),
    ...alerts.newest.map(
      ({ symbol, condition, threshold, lastQuote, lastTriggeredAt }) =>
        `  ${symbol} ${condition} ${priceText(threshold)} at ${clock(lastTriggeredAt ?? '')}${lastQuote ? ` (${lastQuote.source})` : ''}`,
    ),
    ...notShown(alerts),
    ...(runs.count > 0 ? [`Runs ended: ${runs.count}.`] : []),
    ...runs.newest.map((run) => `  ${runInWords(run)}`),
    ...notShown(runs),
    ...monitors.map(
      ({ portfolio, health, lastCheckAt, problem: why }) =>
        `Monitor of ${portfolio}: ${health}, last check ${clock(lastCheckAt ?? 'not yet')}${why ? `: ${clock(clauseOf(why))}` : ''}.`,
    ),
    ...(problem === null ? [] : [`Of positions: ${clock(problem)}`]),
    ...(positions.length > 0 ? [`Positions to manage: ${positions.length}.`] : []),
    ...positions.map(
      ({ held, why, pnl, isModelled: modelled, dte, source, asOf }) =>
        `  ${held}: ${why.join(', ')}; profit and loss ${moneyText(pnl)}${modelled ? ' by a model' : ''}, ${daysLeftInWords(dte)} (${source}, as of ${clock(asOf)})`,
    ),
    `The latest seq is ${answer.latestSeq}.`,
  ];
}

function notShown({ count, newest }: { count: number; newest: readonly unknown[] }): string[] {
  return count > newest.length ? [`  and ${count - newest.length} more`] : [];
}
