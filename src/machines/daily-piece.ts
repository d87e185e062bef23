/**
 * What the machines `briefing`, `summary` and `report` share: one owner's piece of one trading day. An effect gathers
 * what there is to tell, and the owner is told: once, as a notification with the figures and a text.
 *
 * Gathering waits for an analysis service that is away, and is begun anew when its process ended meanwhile. What is gathered when the piece is of no use any more is not
 * told (`tooLate`); what comes late says so. What could not be gathered is told as failed, with the reason, since a
 * piece that is missing without a word looks like a quiet day.
 *
 * Not for when pieces are started (`trading-day.ts`), nor for what is in them.
 */
import { assign, emit, setup } from 'xstate';
import { z } from 'zod';
import {
  begunAnew,
  type EffectError,
  effectError,
  effectSource,
  failure,
  isBegunAnew,
} from './effect-source.ts';
import { clauseOf } from './sentence.ts';
import { dayPiece, daySession, timingOf } from './trading-day-plan.ts';

/** Of one piece. Each is after several processes that ended, or one after whose end nothing ran for half a day. */
export const MAX_RESTARTS = 3;

export const dailyPieceInput = z.object({ date: z.iso.date(), session: daySession, piece: dayPiece });
export type DailyPieceInput = z.infer<typeof dailyPieceInput>;

/** What each of them gathers besides its own. */
export const gatheredHead = z.object({
  /** When it was gathered. */
  now: z.string(),
  /** The owner's. */
  timeZone: z.string(),
  /** Of the market values in it; null when there are none. */
  source: z.string().nullable(),
  /** The oldest of them. */
  asOf: z.string().nullable(),
  /** There are more positions than were looked at; what an older release gathered does not say. */
  isCut: z.boolean().optional(),
});
export type GatheredHead = z.infer<typeof gatheredHead>;

export interface DailyPieceKind<Gathered extends GatheredHead> {
  id: string;
  /** The type of its notification. */
  notification: 'morning_briefing' | 'eod_summary' | 'daily_report';
  /** What it is called in a text: `morning briefing`. */
  name: string;
  /** The lines of its text, without the head. */
  lines: (gathered: Gathered, input: DailyPieceInput) => string[];
}

const SIMULATED = 'Simulated market data: none of these figures is real.';
const CUT =
  'There are more positions than these figures are of: only the first 10,000, by portfolio and symbol, were looked at.';

/** What an owner is told. */
export function toldOf<Gathered extends GatheredHead>(
  kind: DailyPieceKind<Gathered>,
  input: DailyPieceInput,
  gathered: Gathered,
): Record<string, unknown> {
  const late = timingOf(input.piece, gathered.now) === 'late';
  const { now, ...facts } = gathered;
  const lines = [
    ...headOf(kind.name, input, gathered.timeZone),
    ...(late ? [lateText(input, gathered)] : []),
    ...(gathered.source === 'simulated' ? [SIMULATED] : []),
    ...(gathered.isCut ? [CUT] : []),
    ...kind.lines(gathered, input),
  ];
  return {
    status: 'completed',
    ...commonOf(input),
    late,
    madeAt: now,
    ...facts,
    error: null,
    text: lines.join('\n'),
  };
}

function failureOf(
  { name }: { name: string },
  input: DailyPieceInput,
  { code, message }: EffectError,
): Record<string, unknown> {
  return {
    status: 'failed',
    ...commonOf(input),
    source: null,
    asOf: null,
    error: { code, message },
    text: `The ${name} of ${dateText(input.date)} could not be made: ${clauseOf(message)}.`,
  };
}

function commonOf({ date, session, piece }: DailyPieceInput): Record<string, unknown> {
  return {
    date,
    scheduledAt: piece.at,
    opensAt: session.opensAt,
    closesAt: session.closesAt,
    halfDay: session.halfDay,
  };
}

function headOf(name: string, { date, session }: DailyPieceInput, timeZone: string): string[] {
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)} for ${dateText(date)}`;
  if (!session.halfDay) return [title];
  return [title, `A half day: the exchange closes at ${timeText(session.closesAt, timeZone)}.`];
}

function lateText({ piece }: DailyPieceInput, { now, timeZone }: GatheredHead): string {
  return `Late: due at ${timeText(piece.at, timeZone)}, made at ${timeText(now, timeZone)}.`;
}

/** A date of New York's calendar for a person: `Friday 27 November 2026`. */
export function dateText(date: string): string {
  const format = {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  } as const;
  return new Intl.DateTimeFormat('en-GB', format).format(new Date(`${date}T00:00:00Z`)).replace(',', '');
}

/** A moment for a person where it is: `27 Nov, 19:00 (Europe/Berlin)`. */
export function timeText(moment: string, timeZone: string): string {
  const format = {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  } as const;
  return `${new Intl.DateTimeFormat('en-GB', { ...format, timeZone }).format(new Date(moment))} (${timeZone})`;
}

/** `1 position`, `2 positions`. */
export function count(number: number, word: string, plural = `${word}s`): string {
  return `${number} ${number === 1 ? word : plural}`;
}

/** ` (2 not known)`; nothing where all are known. */
export function unknownText(unknown: number): string {
  return unknown === 0 ? '' : ` (${unknown} not known)`;
}

interface DailyPieceContext extends DailyPieceInput {
  /** When it was gathered. */
  madeAt: string | null;
  error: EffectError | null;
  /** Absent in pieces of an older release. */
  restarts?: number;
}

/** The machine of a kind of piece, ready to be registered. */
export function dailyPiece<Gathered extends GatheredHead>(kind: DailyPieceKind<Gathered>) {
  const machine = setup({
    types: {
      context: {} as DailyPieceContext,
      input: {} as DailyPieceInput,
      output: {} as Pick<DailyPieceContext, 'date' | 'madeAt' | 'error'>,
      emitted: {} as { type: 'notification'; notification: string; data: Record<string, unknown> },
    },
    actors: { gatherPiece: effectSource<Gathered, DailyPieceInput>() },
    guards: {
      mayRestart: ({ context: { restarts = 0 } }, error: EffectError) =>
        isBegunAnew(error, restarts, MAX_RESTARTS),
      isTooLate: ({ context }, now: string) => timingOf(context.piece, now) === 'too_late',
    },
    actions: {
      noteTime: assign((_, madeAt: string) => ({ madeAt })),
      countRestart: assign({ restarts: ({ context: { restarts = 0 } }) => restarts + 1 }),
      noteError: assign((_, error: EffectError) => ({ error })),
      tell: emit((_, data: Record<string, unknown>) => ({
        type: 'notification' as const,
        notification: kind.notification,
        data,
      })),
    },
  }).createMachine({
    id: kind.id,
    context: ({ input }) => ({ ...input, madeAt: null, error: null }),
    output: ({ context: { date, madeAt, error } }) => ({ date, madeAt, error }),
    initial: 'gathering',
    states: {
      gathering: {
        invoke: {
          id: 'gatherPiece',
          src: 'gatherPiece',
          input: ({ context: { date, session, piece } }) => ({ date, session, piece }),
          onDone: [
            {
              guard: { type: 'isTooLate', params: ({ event }) => event.output.now },
              target: 'tooLate',
              actions: { type: 'noteTime', params: ({ event }) => event.output.now },
            },
            {
              target: 'done',
              actions: [
                { type: 'noteTime', params: ({ event }) => event.output.now },
                { type: 'tell', params: ({ context, event }) => toldOf(kind, context, event.output) },
              ],
            },
          ],
          onError: [
            begunAnew('gathering'),
            {
              target: 'failed',
              actions: [
                { type: 'noteError', params: failure },
                {
                  type: 'tell',
                  params: ({ context, event }) => failureOf(kind, context, effectError(event)),
                },
              ],
            },
          ],
        },
      },
      done: { type: 'final' },
      tooLate: { type: 'final' },
      failed: { type: 'final' },
    },
  });
  return {
    id: kind.id,
    version: '1',
    machine,
    input: dailyPieceInput,
    events: {},
    keepEnded: '90 d' as const,
  };
}
