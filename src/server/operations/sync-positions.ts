/**
 * Positions as they are at the broker: compared once, and kept so by a `positionSync` actor where that is asked. For
 * operators, since the accounts are those of who runs TTAI. How they are compared stands in `broker-positions.ts`.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { syncPositions as readAndSync, type SyncChange } from '../../actors/effects/index.ts';
import { TtaiError } from '../../actors/runtime/errors.ts';
import type { ActorView } from '../../actors/runtime/types.ts';
import { clauseOf } from '../../machines/sentence.ts';
import { requireOperator } from './authority.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { cancelActor } from './own-actor.ts';
import { legInWords, portfolio } from './position-view.ts';

const machine = 'positionSync';
const usualPortfolio = 'main';
const maxShown = 100;
/** The broker is asked for each account; someone waits. */
const timeoutMs = 40_000;

const keeping = z.object({
  portfolio: z.string(),
  nextSyncAt: z.string().nullable().describe('null while it reads'),
  failures: z.int().describe('In a row'),
  reason: z.string().nullable(),
  isQuarantined: z.boolean().describe('It reads nothing until a release that it fits'),
});

/** Small: assistants read it on every connection. */
const output = z.object({
  dryRun: z.boolean(),
  added: z.int(),
  updated: z.int(),
  closed: z.int().describe('Held no longer; for how much is not known'),
  replaced: z.int().describe('Put together otherwise; the new ones are added'),
  unchanged: z.int(),
  changes: z
    .array(z.object({ change: z.string(), positionId: z.string().nullable(), position: z.string() }))
    .describe('The first 100'),
  left: z.array(z.string()).describe('Held and not followed, and why; the first 100'),
  leftCount: z.int(),
  alsoRecorded: z
    .array(z.string())
    .describe('positionIds by hand or from a file with the same contracts: perhaps twice'),
  keeping: keeping.nullable(),
  asOf: z.string().nullable().describe('null: nothing was read'),
  source: z.string().nullable(),
});

export const syncPositions = defineOperation({
  name: 'sync_positions',
  title: 'Synchronise positions',
  description:
    'Bring positions in line with the tastytrade accounts of who runs TTAI; keep=true goes on each 15 minutes while the exchange is open, keep=false only ends that. Operators only. Places no order.',
  input: z.strictObject({
    portfolio: portfolio.optional().describe('For new positions; main unless given'),
    dryRun: z.boolean().default(false),
    keep: z.boolean().optional(),
  }),
  output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'post', path: '/positions/sync' },
  async run(context, { portfolio: asked, dryRun, keep }) {
    requireOperator(context, 'The accounts are those of who runs TTAI');
    if (dryRun && keep !== undefined) {
      throw new TtaiError('invalid_input', 'dryRun changes nothing: leave out keep.', {
        details: { issues: [{ field: 'keep', message: 'must be left out with dryRun' }] },
      });
    }
    if (keep === false && asked !== undefined) {
      throw new TtaiError('invalid_input', 'keep=false adds nothing: leave out portfolio.', {
        details: { issues: [{ field: 'portfolio', message: 'must be left out with keep=false' }] },
      });
    }
    const keeper = await keeperOf(context);
    // Also while the broker can't be asked.
    if (keep === false) {
      if (keeper) await end(context, keeper);
      return nothingRead;
    }
    const { analysis, records, owner, signal } = context;
    const name = asked ?? (keeper && keptBy(keeper).portfolio) ?? usualPortfolio;
    const report = await readAndSync(
      { analysis, records },
      { owner, portfolio: name, dryRun },
      { timeoutMs, ...(signal && { signal }) },
    );
    const count = (wanted: SyncChange) => report.changes.filter((one) => one.change === wanted).length;
    return {
      dryRun,
      ...{ added: count('added'), updated: count('updated'), closed: count('closed') },
      ...{ replaced: count('replaced'), unchanged: report.unchanged },
      changes: report.changes.slice(0, maxShown).map(({ change, positionId, symbol, legs }) => ({
        ...{ change, positionId },
        position: legs.map((leg) => legInWords(symbol, leg)).join(', '),
      })),
      left: report.left
        .slice(0, maxShown)
        .map(({ account, symbol, reason }) => `${symbol} in ${account}: ${reason}`),
      leftCount: report.left.length,
      alsoRecorded: report.alsoRecorded.slice(0, maxShown),
      keeping: keep ? await startKeeping(context, asked) : keeper ? keptBy(keeper) : null,
      asOf: report.asOf,
      source: report.source,
    };
  },
  text: (answer) => syncInWords(answer).join('\n'),
});

const nothingRead = {
  ...{ dryRun: false, added: 0, updated: 0, closed: 0, replaced: 0, unchanged: 0 },
  ...{ changes: [], leftCount: 0, left: [], alsoRecorded: [], keeping: null, asOf: null, source: null },
};

/** What a synchronisation came to, line by line, with its times by this clock: UTC unless given. */
export function syncInWords(
  answer: z.output<typeof output>,
  clock: (text: string) => string = (text) => text,
): string[] {
  const { dryRun, added, updated, closed, replaced, unchanged, changes, leftCount, left, asOf } = answer;
  if (asOf === null)
    return ['Positions are not kept in line with the broker any more; they stay as they are.'];
  const { alsoRecorded, keeping: now } = answer;
  const rest = added + updated + closed + replaced - changes.length;
  return [
    `${dryRun ? 'Nothing is changed yet. ' : ''}Added ${added}, updated ${updated}, closed ${closed}, replaced ${replaced}, unchanged ${unchanged} (as of ${clock(asOf)}).`,
    ...changes.map(({ change, position }) => `  ${change}: ${position}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...left.map((one) => `  not followed: ${one}`),
    ...(leftCount > left.length ? [`  and ${leftCount - left.length} more that are not followed`] : []),
    ...alsoRecorded.map((id) => `  perhaps recorded twice: position ${id}, by hand or from a file`),
    now?.isQuarantined
      ? `Not kept in line at present: what keeps it is in quarantine (${clock(clauseOf(now.reason ?? 'unknown'))}), until a release that it fits.`
      : now
        ? `Kept in line in portfolio ${now.portfolio}; next reading ${clock(now.nextSyncAt ?? 'now')}${now.reason === null ? '' : `; the last one failed: ${clock(clauseOf(now.reason))}`}.`
        : dryRun
          ? 'Without a dry run it is done once, and with keep each 15 minutes.'
          : 'Done once, and not kept in line.',
  ];
}

/** The owner's `positionSync` that has not ended, if there is one; in quarantine there is no other beside it. */
async function keeperOf({ system, owner }: OperationContext): Promise<ActorView | undefined> {
  for (const status of ['active', 'quarantined'] as const) {
    const { actors } = await system.list({ owner, machine, status, limit: 1 });
    if (actors[0]) return actors[0];
  }
  return undefined;
}

/** In quarantine it takes no event, so it is stopped from outside. */
async function end(context: OperationContext, { address, status }: ActorView): Promise<void> {
  if (status === 'quarantined') await context.system.stop(address, { source: context.source });
  else await cancelActor(context, address, { type: 'STOP' });
}

/** Starts the keeping, or goes on with the one that there is; new positions go to the portfolio that was asked for. */
async function startKeeping(
  { system, owner, source }: OperationContext,
  asked: string | undefined,
): Promise<z.output<typeof keeping>> {
  const input = { portfolio: asked ?? usualPortfolio };
  const address = await system.spawn(machine, randomUUID(), { input, owner, singletonKey: machine });
  const actor = await system.snapshot(address);
  const isSame = asked === undefined || keptBy(actor).portfolio === asked;
  if (isSame || actor.status !== 'active') return keptBy(actor);
  await system.send(address, { type: 'UPDATE', portfolio: asked }, { source });
  return keptBy(await system.snapshot(address));
}

// Read leniently: one of an older machine shows less.
const context = z.object({
  portfolio: z.string().catch(usualPortfolio),
  health: z
    .object({ failures: z.int(), reason: z.object({ message: z.string() }).nullable() })
    .catch({ failures: 0, reason: null }),
});

function keptBy(actor: ActorView): z.output<typeof keeping> {
  const { portfolio: name, health } = context.parse(actor.context);
  const isQuarantined = actor.status === 'quarantined';
  return {
    portfolio: name,
    nextSyncAt: (!isQuarantined && actor.timers[0]?.due.toISOString()) || null,
    failures: health.failures,
    reason: (isQuarantined ? actor.error?.message : health.reason?.message) ?? null,
    isQuarantined,
  };
}
