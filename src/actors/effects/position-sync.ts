/** The effect of the machine `positionSync`: one reading of the broker's accounts, and what the market does meanwhile. */
import { z } from 'zod';
import { type PositionReading, positionReading } from '../../machines/position-sync.ts';
import { recordsOf } from '../../persistence/records/records.ts';
import { type Effect, type EffectContext, effect, TtaiError } from '../runtime/index.ts';
import { type SyncChange, syncPositions } from './broker-positions.ts';
import { marketAt } from './market-hours.ts';
import type { EffectRooms } from './rooms.ts';

/** The broker is asked for each account in turn. With ten seconds for the calendar it ends before the effect does. */
const READING_TIMEOUT_MS = 90_000;

export function positionSyncEffects(rooms: EffectRooms): Effect[] {
  return [
    effect(
      'syncPositions',
      // One that fails is followed by the next one: retrying inside it would only make it late.
      {
        input: z.object({ portfolio: z.string() }),
        output: positionReading,
        timeout: '2 min',
        deadline: '2 min',
        retries: { limit: 0 },
      },
      ({ portfolio }, context) => read(rooms, portfolio, context),
    ),
  ];
}

async function read(
  rooms: EffectRooms,
  portfolio: string,
  { owner, now, signal }: EffectContext,
): Promise<PositionReading> {
  const began = now();
  const at = began.toISOString();
  const market = await marketAt(rooms.hours, began, signal);
  const parts = { analysis: rooms.service, records: recordsOf(rooms.database) };
  try {
    const report = await syncPositions(
      parts,
      { owner, portfolio },
      { signal, timeoutMs: READING_TIMEOUT_MS },
    );
    const { changes, unchanged, left, source } = report;
    const count = (change: SyncChange) => changes.filter((one) => one.change === change).length;
    return {
      ...{ at, endedAt: now().toISOString(), market, error: null, source },
      changes: {
        ...{ added: count('added'), updated: count('updated'), closed: count('closed') },
        ...{ replaced: count('replaced'), unchanged, left: left.length },
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TtaiError)) throw error;
    const { code, message } = error;
    return {
      at,
      endedAt: now().toISOString(),
      market,
      changes: null,
      error: { code, message },
      source: null,
    };
  }
}
