/**
 * When the exchange is open, by the analysis service's calendar. A year's sessions are kept, and asked for again once an
 * hour, since the service may be started anew meanwhile: with a calendar that knows of a day of mourning, or with a
 * provider whose quotes never stop. Not for what happens at the open or the close.
 */
import type { MarketCalendar } from '../../machines/market.ts';
import type { ExchangeHours } from '../../machines/market-pauses.ts';
import type { AnalysisClient } from './analysis-client.ts';

export type MarketSession = MarketCalendar['sessions'][number];

/** The market at one moment. */
export interface MarketMoment {
  /** Quotes move: a session is on, or they never stop (the simulated market's). */
  open: boolean;
  /** The session that is on, or the next one. */
  session: MarketSession;
  /** The last one that is over. */
  previous: MarketSession;
}

/** Longer than any pause between two sessions. */
const LONGEST_PAUSE_DAYS = 14;
const DAY_MS = 86_400_000;
const ASK_AGAIN_MS = 3_600_000;
const TIMEOUT_MS = 10_000;

interface KnownYear {
  /** Pending while it is asked for the first time. */
  calendar: Promise<MarketCalendar>;
  /** By `elapsedMs`. */
  askedAt: number;
}

export class MarketHours {
  readonly #service: Pick<AnalysisClient, 'calendar'>;
  readonly #elapsedMs: () => number;
  readonly #years = new Map<number, KnownYear>();

  /** `elapsedMs`: a clock that only goes on, in milliseconds; that of the process unless given. */
  constructor(service: Pick<AnalysisClient, 'calendar'>, elapsedMs: () => number = () => performance.now()) {
    this.#service = service;
    this.#elapsedMs = elapsedMs;
  }

  /** The session of a day of New York's calendar such as 2026-11-27; null when the exchange is closed that day. */
  async sessionOn(date: string): Promise<MarketSession | null> {
    const { sessions } = await this.#yearOf(date);
    return sessions.find((session) => session.date === date) ?? null;
  }

  /** The market at a moment. A session lasts from its open to before its close. */
  async at(moment: Date): Promise<MarketMoment> {
    const from = dayOf(moment.getTime() - LONGEST_PAUSE_DAYS * DAY_MS);
    const to = dayOf(moment.getTime() + LONGEST_PAUSE_DAYS * DAY_MS);
    const years = from.slice(0, 4) === to.slice(0, 4) ? [from] : [from, to];
    const calendars = await Promise.all(years.map((day) => this.#yearOf(day)));
    const sessions = calendars.flatMap((calendar) => calendar.sessions);
    const time = moment.getTime();
    const index = sessions.findIndex(({ closesAt }) => Date.parse(closesAt) > time);
    const [previous, session] = [sessions[index - 1], sessions[index]];
    if (!previous || !session) throw new Error(`the calendar has no sessions around ${moment.toISOString()}`);
    const neverCloses = calendars.some(({ quotesNeverClose }) => quotesNeverClose);
    return { open: neverCloses || Date.parse(session.opensAt) <= time, session, previous };
  }

  #yearOf(date: string): Promise<MarketCalendar> {
    const year = Number(date.slice(0, 4));
    const known = this.#years.get(year);
    if (!known) return this.#askFirst(year);
    if (this.#elapsedMs() - known.askedAt >= ASK_AGAIN_MS) void this.#askAgain(year, known);
    return known.calendar;
  }

  #askFirst(year: number): Promise<MarketCalendar> {
    const calendar = this.#ask(year);
    this.#years.set(year, { calendar, askedAt: this.#elapsedMs() });
    // Not kept: the next one asks again.
    calendar.catch(() => this.#years.delete(year));
    return calendar;
  }

  /** Nobody waits for it: until it is there, and when it can't be had, what is known is good. */
  async #askAgain(year: number, known: KnownYear): Promise<void> {
    known.askedAt = this.#elapsedMs();
    try {
      known.calendar = Promise.resolve(await this.#ask(year));
    } catch {
      // In an hour, then.
    }
  }

  /** For all who need the year, so that none of them can abort it. */
  #ask(year: number): Promise<MarketCalendar> {
    return this.#service.calendar({ from: `${year}-01-01`, to: `${year}-12-31` }, { timeoutMs: TIMEOUT_MS });
  }
}

/**
 * The market as what looks at it keeps it. Null when the calendar can't
 * be had, or ends before this moment: positions can be looked at all the same.
 */
export async function marketAt(
  hours: MarketHours,
  moment: Date,
  signal: AbortSignal,
): Promise<ExchangeHours | null> {
  try {
    const { open, session, previous } = await hours.at(moment);
    return { open, closesAt: (open ? session : previous).closesAt, nextOpen: session.opensAt };
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** The UTC day; near enough to New York's where days are added around it. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
