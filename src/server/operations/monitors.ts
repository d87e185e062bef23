/** Portfolio monitors: start, read, update, stop. When one checks and what its rules mean stands in its machine. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { RuntimeError, TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorView, Address } from '../../actors/runtime/types.ts';
import { everySeconds } from '../../machines/portfolio-monitor.ts';
import { DEFAULT_RULES, rulesWith } from '../../machines/portfolio-rules.ts';
import { idempotencyKey, symbol, text } from './fields.ts';
import { headInWords, monitorHead, monitorInWords, monitorOf, monitorView } from './monitor-view.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { cancelActor, ownActor } from './own-actor.ts';
import { portfolio as portfolioName } from './position-view.ts';

const machine = 'portfolioMonitor';
const monitorId = text(100).min(1);
const interval = everySeconds.describe('Seconds between checks while the market is open');
const rules = rulesWith(symbol);
const warnings = z.array(z.string());
/** One owner must not take the places of the others' checks. */
const maxMonitors = 20;

export const startMonitor = defineOperation({
  name: 'start_monitor',
  title: 'Watch a portfolio',
  description:
    "Watch a portfolio's open positions and notify when a rule fires. One per portfolio: a running one is answered as it is. Without rules: delta .5, 21 days to expiry, 50 % profit, 100 % loss, earnings in 5 days, high assignment risk.",
  input: z.strictObject({
    portfolio: portfolioName.default('main'),
    rules: rules.optional(),
    everySeconds: interval.default(60),
    idempotencyKey,
  }),
  output: z.object({ monitor: monitorHead, alreadyRunning: z.boolean(), warnings }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/monitors' },
  async run(context, { idempotencyKey: asked, portfolio, rules: named, everySeconds: seconds }) {
    const { system, owner } = context;
    await refuseTooMany(context, portfolio);
    const key = randomUUID();
    const address = await system.spawn(machine, key, {
      input: { portfolio, rules: named ?? DEFAULT_RULES, everySeconds: seconds },
      owner,
      singletonKey: `portfolio:${portfolio}`,
      ...(asked !== undefined && { idempotencyKey: asked }),
    });
    const actor = await system.snapshot(address);
    const alreadyRunning = address !== `${machine}/${key}` && actor.status === 'active';
    return {
      monitor: monitorOf(actor),
      alreadyRunning,
      warnings: await unwatched(context, portfolio, alreadyRunning ? [] : named),
    };
  },
  text: ({ monitor, alreadyRunning, warnings: told }) =>
    [
      `${alreadyRunning ? 'Already running' : 'Started'}: monitor ${monitor.monitorId}, ${headInWords(monitor)}.`,
      ...told,
    ].join(' '),
});

export const getMonitor = defineOperation({
  name: 'get_monitor',
  title: 'Read portfolio monitors',
  description:
    'A monitor with its last check, health and alerts; without monitorId all active ones, without alerts.',
  input: z.strictObject({
    monitorId: monitorId.optional(),
    alerts: z.int().min(0).max(50).default(10).describe('How many'),
  }),
  output: z.object({ monitors: z.array(monitorView) }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'get', path: '/monitors' },
  async run(context, { monitorId: id, alerts }) {
    if (id !== undefined) return { monitors: [monitorOf(await ownMonitor(context, id), alerts)] };
    const active = await activeMonitors(context);
    return { monitors: active.map((actor) => monitorOf(actor, 0)) };
  },
  text: ({ monitors }) =>
    monitors.length === 0
      ? 'No monitors.'
      : monitors
          .flatMap((monitor) => [
            `${monitor.monitorId} ${monitorInWords(monitor)}`,
            ...monitor.alerts.map(({ at, message, source }) => `  ${at} ${message} (${source})`),
          ])
          .join('\n'),
});

export const updateMonitor = defineOperation({
  name: 'update_monitor',
  title: 'Update a portfolio monitor',
  description:
    'Replace all rules or change the interval; checks at once. Rules that stay do not fire again for that.',
  input: z
    .strictObject({
      monitorId,
      rules: rules.optional(),
      everySeconds: interval.optional(),
      checkNow: z.boolean().default(false).describe('Alone: only checks'),
    })
    .refine(
      (input) => input.rules !== undefined || input.everySeconds !== undefined || input.checkNow,
      'nothing to change: give rules or an interval, or ask for a check',
    ),
  output: z.object({ monitor: monitorHead, warnings }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/monitors/{monitorId}' },
  async run(context, { monitorId: id, rules: named, everySeconds: seconds }) {
    const { address } = await ownMonitor(context, id);
    const changes = {
      ...(named !== undefined && { rules: named }),
      ...(seconds !== undefined && { everySeconds: seconds }),
    };
    const type = Object.keys(changes).length > 0 ? 'UPDATE' : 'CHECK_NOW';
    await tell(context, address, id, { type, ...changes });
    const monitor = monitorOf(await context.system.snapshot(address));
    return { monitor, warnings: await unwatched(context, monitor.portfolio, named) };
  },
  text: ({ monitor, warnings: told }) =>
    [`Monitor ${monitor.monitorId}: ${headInWords(monitor)}.`, ...told].join(' '),
});

export const stopMonitor = defineOperation({
  name: 'stop_monitor',
  title: 'Stop a portfolio monitor',
  description: 'Stop watching. One that has ended stays as it ended.',
  input: z.strictObject({ monitorId }),
  output: z.object({ monitor: monitorHead }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  http: { method: 'delete', path: '/monitors/{monitorId}' },
  async run(context, { monitorId: id }) {
    const { address } = await ownMonitor(context, id);
    return { monitor: monitorOf(await cancelActor(context, address, { type: 'STOP' })) };
  },
  text: ({ monitor }) => `Monitor ${monitor.monitorId}: ${headInWords(monitor)}.`,
});

/** What there is nothing of to watch, as of now: positions may come later. */
async function unwatched(
  { records, owner }: Pick<OperationContext, 'records' | 'owner'>,
  name: string,
  named: z.output<typeof rules> = [],
): Promise<string[]> {
  const any = await records.openPositions(owner, { portfolio: name, limit: 1 });
  if (any.length === 0) {
    return [
      `Portfolio ${name} has no open position now; any that is recorded there is watched from then on.`,
    ];
  }
  const symbols = [...new Set(named.flatMap((rule) => rule.symbol ?? []))];
  if (symbols.length === 0) return [];
  const open = await records.openPositions(owner, { portfolio: name, symbols });
  const held = new Set(open.map((position) => position.symbol));
  return symbols
    .filter((one) => !held.has(one))
    .map((one) => `Portfolio ${name} has no open position in ${one} now: a rule about it sees nothing.`);
}

/** Newest first. Those started at one moment may be more than are allowed; all are shown. */
async function activeMonitors({ system, owner }: OperationContext): Promise<ActorView[]> {
  const { actors } = await system.list({ owner, machine, status: 'active', limit: 100 });
  return actors;
}

/** Throws `monitor_not_found`. */
function ownMonitor(context: OperationContext, id: string): Promise<ActorView> {
  const address = z.uuid().safeParse(id).success ? `${machine}/${id}` : undefined;
  return ownActor(context, 'monitor', id, address);
}

async function tell(
  { system, source }: Pick<OperationContext, 'system' | 'source'>,
  address: Address,
  id: string,
  event: { type: string },
): Promise<void> {
  try {
    await system.send(address, event, { source });
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 'actor_ended') throw error;
    throw new TtaiError('actor_ended', `The monitor ${id} is stopped.`, {
      details: { hint: 'Start a new one for its portfolio.' },
    });
  }
}

/** Throws `too_many_monitors`; not for a portfolio that is watched already. */
async function refuseTooMany(context: OperationContext, portfolio: string): Promise<void> {
  const active = await activeMonitors(context);
  if (active.length < maxMonitors) return;
  if (active.some((actor) => monitorOf(actor, 0).portfolio === portfolio)) return;
  throw new TtaiError(
    'too_many_monitors',
    `There are ${maxMonitors} monitors already; no other was started.`,
    {
      details: { limit: maxMonitors, hint: 'Stop one that is not needed any more.' },
    },
  );
}
