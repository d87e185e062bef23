/**
 * The machine `tradingDay`: one for each day of New York's calendar, `tradingDay/2026-11-27`, for all owners.
 *
 * It asks the exchange's calendar, and waits for it as long as the day lasts: a service that is just starting, or away,
 * costs no day. On a day without a session it ends. Else it lives the session by delayed transitions: at the open the
 * briefings of those who want one, at each full hour within the session the saved screeners that run by themselves, at
 * the close (of a half day, at its own) the summaries of those with open positions, an hour later the daily reports of
 * those with positions. Each owner's piece is an actor of its own, started under a key that the day and the owner make,
 * page by page, so that a crash in between starts none twice and one owner's trouble stays that one's.
 *
 * What comes late, since nothing ran when it was due, is judged piece by piece (`trading-day-plan.ts`): what is still of
 * use is started and is told that it is late; what is not is skipped, and `skipped` says so. So is what was cut off with
 * the process that did it, however long nothing ran then. A piece that could not be started after all tries is skipped
 * as `failed`, and the day goes on.
 *
 * Not for what is in a piece (`briefing.ts`, `summary.ts`, `report.ts`, `screener.ts`), nor for which days there are:
 * the schedule of `trading-days.ts` in the effects starts them.
 */
import { assign, setup } from 'xstate';
import { z } from 'zod';
import {
  begunAnew,
  type EffectError,
  effectError,
  effectSource,
  failure,
  isBegunAnew,
} from './effect-source.ts';
import { type DayPiece, type DaySession, daySession, planOf, timing } from './trading-day-plan.ts';

export const tradingDayInput = z.object({ date: z.iso.date() });
export type TradingDayInput = z.infer<typeof tradingDayInput>;

/**
 * When the calendar, after the effect's own hour of patience, is asked again; and how often at most: for a day, or for
 * five where the service is away and each try waits its hour.
 */
const ASK_AGAIN_MS = 900_000;
const MAX_FAILURES = 96;
/** Of one page. Each is after ten processes that ended, or one after whose end nothing ran for an hour. */
export const MAX_RESTARTS = 3;

/** Of `askSession`: null on a day without a session. */
export const sessionAnswer = z.object({ now: z.string(), session: daySession.nullable() });
export type SessionAnswer = z.infer<typeof sessionAnswer>;

/** Of `startPieces`, which starts one page of the owners' actors. */
export const startedPage = z.object({
  now: z.string(),
  timing,
  started: z.int(),
  /** Those that can't be started: their owner's, or their screener's, trouble. */
  refused: z.int(),
  /** Where the next page begins; null after the last. */
  next: z.string().nullable(),
});
export type StartedPage = z.infer<typeof startedPage>;

export interface StartPiecesInput {
  date: string;
  session: DaySession | null;
  piece: DayPiece | null;
  after: string | null;
}

interface StartedPiece {
  kind: DayPiece['kind'];
  clock: string;
  late: boolean;
  /** When its last page was started. */
  at: string;
  started: number;
  refused: number;
}

interface SkippedPiece {
  kind: DayPiece['kind'];
  clock: string;
  reason: 'too_late' | 'failed';
  /** Of its owners' actors that were started before. */
  started: number;
  error: EffectError | null;
}

export interface TradingDayContext extends TradingDayInput {
  session: DaySession | null;
  /** The pieces that are to come, the next one first. */
  plan: DayPiece[];
  /** The last moment that it knows of. */
  now: string | null;
  /** Of the piece whose pages are being started. */
  page: { after: string | null; started: number; refused: number; late: boolean; restarts?: number };
  started: StartedPiece[];
  skipped: SkippedPiece[];
  failures: number;
  lastError: EffectError | null;
}

const firstPage: TradingDayContext['page'] = { after: null, started: 0, refused: 0, late: false };

function withPage({ page }: TradingDayContext, answer: StartedPage): TradingDayContext['page'] {
  return {
    after: answer.next,
    started: page.started + answer.started,
    refused: page.refused + answer.refused,
    late: page.late || answer.timing === 'late',
  };
}

/** The piece at hand is over: it was started, or it came too late. */
function finish(context: TradingDayContext, answer: StartedPage): Partial<TradingDayContext> {
  const [piece, ...plan] = context.plan;
  if (!piece) return {};
  const { kind, clock } = piece;
  const { started, refused, late } = withPage(context, answer);
  const common = { plan, page: firstPage, now: answer.now };
  if (answer.timing === 'too_late') {
    const skipped: SkippedPiece = { kind, clock, reason: 'too_late', started, error: null };
    return { ...common, skipped: [...context.skipped, skipped] };
  }
  const done: StartedPiece = { kind, clock, late, at: answer.now, started, refused };
  return { ...common, started: [...context.started, done] };
}

function giveUp(context: TradingDayContext, error: EffectError): Partial<TradingDayContext> {
  const [piece, ...plan] = context.plan;
  if (!piece) return {};
  const { kind, clock } = piece;
  const skipped: SkippedPiece = { kind, clock, reason: 'failed', started: context.page.started, error };
  return { plan, page: firstPage, skipped: [...context.skipped, skipped], lastError: error };
}

const daySetup = setup({
  types: {
    context: {} as TradingDayContext,
    input: {} as TradingDayInput,
    output: {} as Pick<TradingDayContext, 'date' | 'session' | 'started' | 'skipped'>,
  },
  actors: {
    askSession: effectSource<SessionAnswer, { date: string }>(),
    startPieces: effectSource<StartedPage, StartPiecesInput>(),
  },
  delays: {
    askAgain: ASK_AGAIN_MS,
    untilNext: ({ context: { plan, now } }) =>
      Math.max(0, Date.parse(plan[0]?.at ?? '') - Date.parse(now ?? '')) || 0,
  },
  guards: {
    wasCutOff: (_, { code }: EffectError) => code === 'interrupted',
    mayRestart: ({ context: { page } }, error: EffectError) =>
      isBegunAnew(error, page.restarts ?? 0, MAX_RESTARTS),
    isClosed: (_, answer: SessionAnswer) => answer.session === null,
    isEnough: ({ context }) => context.failures >= MAX_FAILURES - 1,
    hasMore: (_, answer: StartedPage) => answer.next !== null && answer.timing !== 'too_late',
    isOver: ({ context }) => context.plan.length === 0,
    isToCome: ({ context: { plan, now } }, kind: DayPiece['kind']) =>
      plan[0]?.kind === kind && Date.parse(plan[0].at) > Date.parse(now ?? ''),
    isDue: ({ context: { plan } }, kind: DayPiece['kind']) => plan[0]?.kind === kind,
  },
  actions: {
    take: assign((_, { now, session }: SessionAnswer) => ({
      now,
      session,
      plan: session ? planOf(session) : [],
      lastError: null,
    })),
    noteFailure: assign(({ context }, error: EffectError) => ({
      failures: context.failures + 1,
      lastError: error,
    })),
    // The timer of the next piece has fired, so it is that late at least.
    comeToNext: assign({ now: ({ context: { plan, now } }) => plan[0]?.at ?? now }),
    countRestart: assign({
      page: ({ context: { page } }) => ({ ...page, restarts: (page.restarts ?? 0) + 1 }),
    }),
    turnPage: assign(({ context }, answer: StartedPage) => ({
      page: withPage(context, answer),
      now: answer.now,
    })),
    finish: assign(({ context }, answer: StartedPage) => finish(context, answer)),
    giveUp: assign(({ context }, error: EffectError) => giveUp(context, error)),
  },
});

type Answered = { event: { output: StartedPage } };

/** Starts the owners' actors of the piece at hand, page by page. */
function starting<State extends string, Id extends string>(state: State, id: Id) {
  const answer = ({ event }: Answered) => event.output;
  return {
    invoke: {
      id,
      src: 'startPieces',
      input: ({ context: { date, session, plan, page } }: { context: TradingDayContext }) => ({
        date,
        session,
        piece: plan[0] ?? null,
        after: page.after,
      }),
      onDone: [
        {
          guard: { type: 'hasMore', params: answer },
          target: state,
          reenter: true,
          actions: { type: 'turnPage', params: answer },
        },
        { target: 'choosing', actions: { type: 'finish', params: answer } },
      ],
      onError: [begunAnew(state), { target: 'choosing', actions: { type: 'giveUp', params: failure } }],
    },
  } as const;
}

const untilNextPiece = { untilNext: { target: 'choosing', actions: 'comeToNext' } } as const;

const machine = daySetup.createMachine({
  id: 'tradingDay',
  context: ({ input }) => ({
    ...input,
    session: null,
    plan: [],
    now: null,
    page: firstPage,
    started: [],
    skipped: [],
    failures: 0,
    lastError: null,
  }),
  output: ({ context: { date, session, started, skipped } }) => ({ date, session, started, skipped }),
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'askSession',
        src: 'askSession',
        input: ({ context: { date } }) => ({ date }),
        onDone: [
          {
            guard: { type: 'isClosed', params: ({ event }) => event.output },
            target: 'closed',
            actions: { type: 'take', params: ({ event }) => event.output },
          },
          { target: 'choosing', actions: { type: 'take', params: ({ event }) => event.output } },
        ],
        onError: [
          {
            guard: 'isEnough',
            target: 'failed',
            actions: { type: 'noteFailure', params: ({ event }) => effectError(event) },
          },
          {
            guard: { type: 'wasCutOff', params: ({ event }) => effectError(event) },
            target: 'asking',
            reenter: true,
            actions: { type: 'noteFailure', params: ({ event }) => effectError(event) },
          },
          {
            target: 'unknown',
            actions: { type: 'noteFailure', params: ({ event }) => effectError(event) },
          },
        ],
      },
    },
    unknown: { after: { askAgain: 'asking' } },
    choosing: {
      always: [
        { guard: 'isOver', target: 'done' },
        { guard: { type: 'isToCome', params: 'briefing' }, target: 'premarket' },
        { guard: { type: 'isToCome', params: 'scan' }, target: 'session' },
        { guard: { type: 'isToCome', params: 'summary' }, target: 'session' },
        { guard: { type: 'isToCome', params: 'report' }, target: 'evening' },
        { guard: { type: 'isDue', params: 'briefing' }, target: 'briefing' },
        { guard: { type: 'isDue', params: 'scan' }, target: 'scanning' },
        { guard: { type: 'isDue', params: 'summary' }, target: 'summing' },
        { target: 'reporting' },
      ],
    },
    premarket: { after: untilNextPiece },
    briefing: starting('briefing', 'startBriefings'),
    session: { after: untilNextPiece },
    scanning: starting('scanning', 'startScans'),
    summing: starting('summing', 'startSummaries'),
    evening: { after: untilNextPiece },
    reporting: starting('reporting', 'startReports'),
    closed: { type: 'final' },
    done: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** Ready to be registered. */
export const tradingDay = {
  id: 'tradingDay',
  version: '1',
  machine,
  input: tradingDayInput,
  events: {},
  // Longer than the days that are made up for after a time down: one that is forgotten would be lived again.
  keepEnded: '90 d' as const,
};
