/** Positions: what an owner holds. Add, list, close, delete. From a broker's file: `import-positions.ts`. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { evaluatePositions, isRefused } from '../../actors/effects/index.ts';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { count } from '../../machines/daily-piece.ts';
import { moneyText } from '../../machines/money.ts';
import type { Position, PositionPlace } from '../../persistence/records/positions.ts';
import { invalidInput } from '../checked-input.ts';
import { expiredBefore } from '../expirations.ts';
import { cursor, limit, nextCursor, pastTime, symbol, text } from './fields.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { wrongCursor } from './pages.ts';
import {
  closePrices,
  daysLeftInWords,
  isModelled,
  keptLegs,
  legs,
  portfolio,
  positionId,
  positionInWords,
  positionOf,
  positionView,
  valuedPosition,
  worthOf,
} from './position-view.ts';
import { warningsAbout } from './position-warnings.ts';
import { realizedPnl } from './realized-pnl.ts';

/** Someone waits for the answer. */
const valuesTimeoutMs = 20_000;

export const addPosition = defineOperation({
  name: 'add_position',
  title: 'Add a position',
  description: 'Record a trade that is held, as one position of up to 8 legs. Places no order.',
  input: z.strictObject({
    symbol: symbol.describe('Underlying'),
    legs,
    portfolio: portfolio.default('main'),
    openedAt: pastTime.optional().describe('RFC 3339; now unless given'),
    note: text(500).optional(),
    positionId: z
      .uuid()
      .toLowerCase()
      .optional()
      .describe('Of your own making, so that trying again adds nothing'),
  }),
  output: z.object({
    position: positionView,
    warnings: z.array(z.string()),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  http: { method: 'post', path: '/positions' },
  async run(context, { positionId: id = randomUUID(), openedAt, note = null, ...given }) {
    const { records, owner } = context;
    const opened = openedAt === undefined ? new Date() : new Date(openedAt);
    refuseExpired(given.legs, opened);
    const asked = { symbol: given.symbol, portfolio: given.portfolio, legs: keptLegs(given.legs), note };
    const added = await records.addPosition({
      ...{ id, owner, ...asked },
      openedAt: opened,
      source: 'manual',
      externalId: null,
    });
    const position = added ?? (await records.position(owner, id));
    // Another owner's is not told of: the id is of the caller's making.
    if (!position) throw new TtaiError('position_exists', 'This id is taken. Make another one.');
    if (!added && !isTrade(position, { ...asked, openedAt: openedAt === undefined ? undefined : opened })) {
      const message = `This id is that of another trade: ${positionInWords(positionOf(position))}. Make another one.`;
      throw new TtaiError('position_exists', message);
    }
    return { position: positionOf(position), warnings: await warningsAbout(context, [position]) };
  },
  text: ({ position, warnings }) => [`Added: ${positionInWords(position)}.`, ...warnings].join(' '),
});

/** Whether a position that is kept is the trade that is asked for; when it was opened counts where that is said. */
function isTrade(
  { symbol: kept, portfolio: name, legs: held, note, openedAt }: Position,
  asked: Pick<Position, 'symbol' | 'portfolio' | 'legs' | 'note'> & { openedAt: Date | undefined },
): boolean {
  return (
    kept === asked.symbol &&
    name === asked.portfolio &&
    note === asked.note &&
    (asked.openedAt === undefined || asked.openedAt.getTime() === openedAt.getTime()) &&
    isDeepStrictEqual(held, asked.legs)
  );
}

export const listPositions = defineOperation({
  name: 'list_positions',
  title: 'List positions',
  description:
    'Positions, last opened first. values=true adds what open ones are worth now, and why one should be managed.',
  input: z.strictObject({
    status: z.enum(['open', 'closed', 'all']).default('open'),
    portfolio: portfolio.optional(),
    values: z.boolean().default(false),
    limit,
    cursor,
  }),
  output: z.object({ positions: z.array(valuedPosition), nextCursor }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  http: { method: 'get', path: '/positions' },
  async run(context, { status, portfolio: name, values, limit: count, cursor: after }) {
    const found = await context.records.positions(context.owner, {
      ...(status !== 'all' && { status }),
      portfolio: name,
      after: after === undefined ? undefined : placeOf(after),
      limit: count + 1,
    });
    const shown = found.slice(0, count);
    const valued = values ? await valuesOf(context, shown, valuesTimeoutMs) : undefined;
    const last = shown.at(-1);
    return {
      positions: shown.map((position) => ({
        ...positionOf(position),
        value: valued?.worth.get(position.id) ?? null,
        valueError: valued?.errors.get(position.id) ?? null,
      })),
      nextCursor: found.length > count && last ? cursorOf(last) : null,
    };
  },
  text: ({ positions, nextCursor: next }) =>
    [
      positions.length === 0 ? 'No positions.' : '',
      ...positions.map((position) => {
        const { value, valueError } = position;
        if (valueError) return `${positionInWords(position)}: ${valueError.message}`;
        if (!value) return positionInWords(position);
        const manage = value.manage.length > 0 ? `; ${value.manage.join(', ')}` : '';
        return `${positionInWords(position)}: profit and loss ${moneyText(value.pnl)}${isModelled(value) ? ' by a model' : ''}, ${daysLeftInWords(value.dte)}, delta ${value.shortDelta ?? 'unknown'}${manage} (${value.source}, as of ${value.asOf})`;
      }),
      next === null ? '' : `More: cursor ${next}`,
    ]
      .filter(Boolean)
      .join('\n'),
});

export const closePosition = defineOperation({
  name: 'close_position',
  title: 'Close a position',
  description:
    'Record that a position is closed, or for how much one was: closePrices, one per leg in their order (0: expired worthless), or realizedPnl. Places no order.',
  input: z
    .strictObject({
      positionId,
      closePrices: closePrices.optional().describe('Per share'),
      realizedPnl: z
        .string()
        .regex(/^-?\d{1,15}(\.\d{1,8})?$/, 'must be decimal text such as -120.50')
        .optional()
        .describe('In currency, e.g. "-120.50"'),
      closedAt: pastTime.optional().describe('RFC 3339; now, or as it was closed'),
    })
    .refine(({ closePrices: prices, realizedPnl: pnl }) => (prices === undefined) !== (pnl === undefined), {
      path: ['closePrices'],
      message: 'give either closePrices or realizedPnl',
    }),
  output: z.object({ position: positionView }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  http: { method: 'post', path: '/positions/{positionId}/close' },
  async run(context, { positionId: id, closePrices: prices, realizedPnl: pnl, closedAt }) {
    const { records, owner } = context;
    const held = await ownPosition(context, id);
    if (prices && prices.length !== held.legs.length) {
      throw new TtaiError(
        'invalid_input',
        `closePrices: ${prices.length} for ${count(held.legs.length, 'leg')}; give one for each, in their order.`,
      );
    }
    const at = closedAt === undefined ? null : new Date(closedAt);
    if (at !== null && at < held.openedAt) {
      throw new TtaiError(
        'invalid_input',
        `closedAt is before the position was opened, ${held.openedAt.toISOString()}.`,
      );
    }
    const closed = await records.closePosition(owner, id, {
      closedAt: at,
      realizedPnl: prices ? realizedPnl(held.legs, prices) : (pnl ?? null),
    });
    if (closed) return { position: positionOf(closed) };
    throw new TtaiError('position_closed', 'This position is closed and stays as it was closed.');
  },
  text: ({ position }) => `${positionInWords(position)}.`,
});

export const deletePosition = defineOperation({
  name: 'delete_position',
  title: 'Delete a position',
  description: 'Forget a position that was recorded by mistake. One that has ended is closed instead.',
  input: z.strictObject({ positionId }),
  output: z.object({ position: positionView }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  http: { method: 'delete', path: '/positions/{positionId}' },
  async run(context, { positionId: id }) {
    const { id: found } = await ownPosition(context, id);
    const deleted = await context.records.deletePosition(context.owner, found);
    if (!deleted) throw notFound(id);
    return { position: positionOf(deleted) };
  },
  text: ({ position }) => `Deleted: ${positionInWords(position)}.`,
});

export interface Valued {
  worth: Map<string, ReturnType<typeof worthOf>>;
  errors: Map<string, { code: string; message: string }>;
}

/** What the open ones of these are worth now, by id. Throws the analysis service's errors. */
export async function valuesOf(
  { analysis, owner, signal }: Pick<OperationContext, 'analysis' | 'owner' | 'signal'>,
  positions: readonly Position[],
  timeoutMs: number,
): Promise<Valued> {
  const open = positions.filter(({ status }) => status === 'open');
  if (open.length === 0) return { worth: new Map(), errors: new Map() };
  const valued: Valued = { worth: new Map(), errors: new Map() };
  const options = { owner, timeoutMs, ...(signal && { signal }) };
  for await (const part of evaluatePositions(analysis, open, options)) {
    if ('error' in part) {
      const { error } = part;
      if (!isRefused(error)) throw error;
      for (const { id } of part.positions)
        valued.errors.set(id, { code: error.code, message: error.message });
      continue;
    }
    const { positions: found, errors, asOf, quality } = part.answer;
    for (const one of found) valued.worth.set(one.id, worthOf(one, { asOf, source: quality.source }));
    for (const [id, { code, message }] of Object.entries(errors)) {
      valued.errors.set(id, { code: code.toLowerCase(), message });
    }
  }
  return valued;
}

/** Throws `invalid_input` naming each leg that was over when the position was opened. */
function refuseExpired(given: readonly { expiration?: string | undefined }[], openedAt: Date): void {
  const faults = given.flatMap(({ expiration }, index) => {
    const fault = expiration === undefined ? null : expiredBefore(expiration, openedAt);
    const message = `${fault}; give openedAt if it was opened earlier`;
    return fault === null ? [] : [{ path: ['legs', index, 'expiration'], message }];
  });
  if (faults.length > 0) throw invalidInput(faults);
}

/** The position, if it is this owner's. Throws `position_not_found`. */
async function ownPosition(
  { records, owner }: Pick<OperationContext, 'records' | 'owner'>,
  id: string,
): Promise<Position> {
  const position = z.uuid().safeParse(id).success ? await records.position(owner, id) : null;
  if (position) return position;
  throw notFound(id);
}

function notFound(id: string): TtaiError {
  return new TtaiError('position_not_found', `There is no position ${id}.`, {
    details: { hint: 'The list of positions shows the ones there are.' },
  });
}

function cursorOf({ openedAt, id }: PositionPlace): string {
  return `${openedAt.getTime()}.${id}`;
}

function placeOf(text: string): PositionPlace {
  const [, time, id] = text.match(/^(-?\d{1,15})\.([0-9a-f-]{36})$/) ?? [];
  if (time !== undefined && id !== undefined && z.uuid().safeParse(id).success) {
    return { openedAt: new Date(Number(time)), id };
  }
  throw wrongCursor();
}
