/** A portfolio monitor as clients see it, made from its committed actor. */
import { z } from 'zod';
import type { ActorView } from '../../actors/runtime/types.ts';
import { DEFAULT_COOL_DOWN_MINUTES } from '../../machines/portfolio-rules.ts';
import { clauseOf } from '../../machines/sentence.ts';

const problem = z.object({ code: z.string(), message: z.string() }).nullable();
const level = z.union([z.number(), z.string()]);

const rule = z.object({
  type: z.string(),
  threshold: level,
  symbol: z.string().nullable(),
  coolDownMinutes: z.number(),
});

const alert = z.object({
  at: z.string(),
  type: z.string(),
  symbol: z.string(),
  positionId: z.string().nullable(),
  value: level,
  threshold: level,
  message: z.string(),
  asOf: z.string().nullable(),
  source: z.string().nullable(),
});

const lastCheck = z
  .object({
    at: z.string(),
    open: z.boolean().nullable().describe('The exchange; null when nobody can say'),
    positions: z.int(),
    unknown: z.int().describe('Positions without a fresh value'),
    problem,
    asOf: z.string().nullable(),
    source: z.string().nullable(),
  })
  .nullable();

/** What it is set to. */
export const monitorHead = z.object({
  monitorId: z.string(),
  portfolio: z.string(),
  status: z.string().describe('active, stopped or failed'),
  everySeconds: z.number(),
  rules: z.array(rule),
  nextCheckAt: z.string().nullable().describe('null while it checks'),
  createdAt: z.string(),
});
export type MonitorHead = z.output<typeof monitorHead>;

/** And what it has seen. */
export const monitorView = monitorHead.extend({
  checks: z.int(),
  lastCheck,
  alertCount: z.int(),
  alerts: z.array(alert).describe('The last ones, newest first'),
  waiting: z.int().describe('Alerts that come with later checks'),
  health: z.object({
    status: z.string().describe('seeing; failing; blind after three failed checks in a row'),
    since: z.string().nullable(),
    reason: problem,
  }),
});
export type MonitorView = z.output<typeof monitorView>;

// Read leniently: a monitor of an older machine shows less, and does not break the list.
const context = z.object({
  portfolio: z.string().catch(''),
  everySeconds: z.number().catch(0),
  rules: z
    .array(
      rule.extend({
        symbol: z.string().nullable().default(null),
        coolDownMinutes: z.number().default(DEFAULT_COOL_DOWN_MINUTES),
      }),
    )
    .catch([]),
  checks: z.int().catch(0),
  lastCheck: lastCheck.catch(null),
  alertCount: z.int().catch(0),
  alerts: z.array(alert).catch([]),
  waiting: z.int().catch(0),
  health: z
    .object({ failures: z.int(), since: z.string().nullable(), reason: problem, told: z.boolean() })
    .catch({ failures: 0, since: null, reason: null, told: false }),
});

/** The monitor of a committed `portfolioMonitor` actor, with the last of its alerts. */
export function monitorOf(actor: ActorView, maxAlerts = 10): MonitorView {
  const { alerts, health, ...fields } = context.parse(actor.context);
  const { failures, since, reason, told } = health;
  return {
    monitorId: actor.key,
    ...fields,
    status: statusOf(actor),
    nextCheckAt: actor.timers[0]?.due.toISOString() ?? null,
    alerts: alerts.slice(0, maxAlerts),
    health: { status: told ? 'blind' : failures > 0 ? 'failing' : 'seeing', since, reason },
    createdAt: actor.createdAt.toISOString(),
  };
}

function statusOf({ status }: ActorView): string {
  if (status === 'active') return 'active';
  return status === 'done' || status === 'stopped' ? 'stopped' : 'failed';
}

/** What it is set to, in a line, without its id. */
export function headInWords({ portfolio, status, everySeconds, rules, nextCheckAt }: MonitorHead): string {
  const next = nextCheckAt ? `, next check ${nextCheckAt}` : '';
  return `portfolio ${portfolio}, ${status}, every ${everySeconds} s, ${rules.length} rules${next}`;
}

/** How many positions a check has not seen, and what is wrong with the first; null when it has seen all. */
export function unseenOf({ unknown, problem: first }: NonNullable<MonitorView['lastCheck']>): string | null {
  return unknown === 0 ? null : `${unknown} without a fresh value${first ? `: ${first.message}` : ''}`;
}

/** And what it has seen. */
export function monitorInWords(monitor: MonitorView): string {
  const { lastCheck: last, alertCount, health } = monitor;
  const market = last?.source ? `, ${last.source}, as of ${last.asOf}` : '';
  const unseen = last ? unseenOf(last) : null;
  const without = unseen === null ? '' : `, ${clauseOf(unseen)}`;
  const seen = last
    ? `last check ${last.at} (${last.positions} positions${without}${market})`
    : 'not checked yet';
  const sight =
    health.status === 'seeing' ? '' : `, ${health.status}: ${clauseOf(health.reason?.message ?? 'unknown')}`;
  return `${headInWords(monitor)}, ${seen}, ${alertCount} alerts${sight}`;
}
