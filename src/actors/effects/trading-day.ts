/** The effects of the trading day: asking for its session, and starting the owners' actors of one of its pieces. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { sessionAnswer, startedPage } from '../../machines/trading-day.ts';
import { type DayPiece, dayPiece, daySession, timingOf } from '../../machines/trading-day-plan.ts';
import type { Database } from '../../persistence/database.ts';
import { ownersWithOpenPositions, ownersWithPositions } from '../../persistence/records/positions.ts';
import { ownersWantingMorning } from '../../persistence/records/preferences.ts';
import { autoRunScreeners } from '../../persistence/records/saved-screeners.ts';
import { type Effect, type EffectContext, effect, RuntimeError } from '../runtime/index.ts';
import type { EffectRooms } from './rooms.ts';

/** Actors started by one attempt; their first steps share commits. */
const PAGE = 200;
/** Of a screener that runs by itself. */
const MAX_SYMBOLS = 50;

/** Day and session as the daily pieces take them. */
type Day = Pick<z.infer<typeof startPiecesInput>, 'date' | 'session'>;

/** An actor to start. */
interface Start {
  machine: string;
  key: string;
  owner: string;
  input: unknown;
}

interface Page {
  starts: Start[];
  /** Where the next page begins; null after the last. */
  next: string | null;
}

const startPiecesInput = z.object({
  date: z.iso.date(),
  session: daySession,
  piece: dayPiece,
  after: z.string().nullable(),
});

export function tradingDayEffects({ hours, database }: EffectRooms): Effect[] {
  return [
    effect(
      'askSession',
      {
        input: z.object({ date: z.iso.date() }),
        output: sessionAnswer,
        // A service that is just starting is there within seconds.
        retries: { limit: 3, delay: '1 s', backoff: 'exponential', maxDelay: '8 s' },
        deadline: '1 h',
      },
      async ({ date }, { now }) => {
        const session = await hours.sessionOn(date);
        if (!session) return { now: now().toISOString(), session: null };
        const { opensAt, closesAt, halfDay } = session;
        const after = await hours.at(new Date(closesAt));
        // Last, since the next piece's timer counts from it.
        return {
          now: now().toISOString(),
          session: { opensAt, closesAt, halfDay, nextOpensAt: after.session.opensAt },
        };
      },
    ),
    effect(
      'startPieces',
      {
        input: startPiecesInput,
        output: startedPage,
        retries: { limit: 10, delay: '1 s', backoff: 'exponential', maxDelay: '1 min' },
        deadline: '1 h',
      },
      async ({ date, session, piece, after }, context) => {
        const timing = timingOf(piece, context.now().toISOString());
        if (timing === 'too_late') {
          return { now: context.now().toISOString(), timing, started: 0, refused: 0, next: null };
        }
        const { starts, next } = await pageOf(database, { date, session }, piece, after);
        const counts = await startAll(starts, context);
        return { now: context.now().toISOString(), timing, ...counts, next };
      },
    ),
  ];
}

/** The part of an actor's key that stands for its owner, whose name may be any text. */
export function ownerKey(owner: string): string {
  return createHash('sha256').update(owner).digest('hex').slice(0, 32);
}

async function pageOf(database: Database, day: Day, piece: DayPiece, after: string | null): Promise<Page> {
  if (piece.kind === 'scan') return scansOf(database, day, piece, after);
  const list = {
    briefing: ownersWantingMorning,
    summary: ownersWithOpenPositions,
    report: ownersWithPositions,
  };
  const owners = await list[piece.kind](database, after ?? '', PAGE);
  return {
    starts: owners.map((owner) => ({
      machine: piece.kind,
      key: `${day.date}.${ownerKey(owner)}`,
      owner,
      input: { ...day, piece },
    })),
    next: owners.length < PAGE ? null : (owners.at(-1) as string),
  };
}

async function scansOf(
  database: Database,
  { date }: Day,
  { clock }: DayPiece,
  after: string | null,
): Promise<Page> {
  const screeners = await autoRunScreeners(database, after, PAGE);
  return {
    starts: screeners.map(({ id, owner, name, criteria, maxSymbols }) => ({
      machine: 'screener',
      key: `${date}T${clock.slice(0, 2)}.${id}`,
      owner,
      input: { criteria, maxSymbols: Math.min(maxSymbols, MAX_SYMBOLS), savedScreenerId: id, name },
    })),
    next: screeners.length < PAGE ? null : (screeners.at(-1)?.id ?? null),
  };
}

/**
 * Starts them all. One that is refused, such as a screener whose criteria are of an older release, is counted and keeps
 * no other from starting; trouble that passes is thrown when all have been tried, and the next attempt starts the rest.
 */
async function startAll(
  starts: readonly Start[],
  { spawn, signal }: EffectContext,
): Promise<{ started: number; refused: number }> {
  signal.throwIfAborted();
  let refused = 0;
  let trouble: RuntimeError | undefined;
  await Promise.all(
    starts.map(async ({ machine, key, owner, input }) => {
      try {
        await spawn(machine, key, { owner, input });
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        if (error.retryable) trouble = error;
        else refused++;
      }
    }),
  );
  if (trouble) throw trouble;
  return { started: starts.length - refused, refused };
}
