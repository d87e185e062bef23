/**
 * When the exchange is open, by the analysis service's calendar. A year's sessions are asked for once and kept: they
 * do not change under way. Not for what happens at the open or the close.
 */
import type { MarketCalendar } from '../../machines/market.ts';
import type { AnalysisClient, CallOptions } from './analysis-client.ts';

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

export class MarketHours {
  readonly #service: Pick<AnalysisClient, 'calendar'>;
  /** By year; the promise of one that is being asked for. */
  readonly #years = new Map<number, Promise<MarketCalendar>>();

  constructor(service: Pick<AnalysisClient, 'calendar'>) {
    this.#service = service;
  }

  /** The session of a day of New York's calendar such as 2026-11-27; null when the exchange is closed that day. */
  async sessionOn(date: string, options?: CallOptions): Promise<MarketSession | null> {
    const { sessions } = await this.#yearOf(date, options);
    return sessions.find((session) => session.date === date) ?? null;
  }

  /** The market at a moment. A session lasts from its open to before its close. */
  async at(moment: Date, options?: CallOptions): Promise<MarketMoment> {
    const from = dayOf(moment.getTime() - LONGEST_PAUSE_DAYS * DAY_MS);
    const to = dayOf(moment.getTime() + LONGEST_PAUSE_DAYS * DAY_MS);
    const years = from.slice(0, 4) === to.slice(0, 4) ? [from] : [from, to];
    const calendars = await Promise.all(years.map((day) => this.#yearOf(day, options)));
    const sessions = calendars.flatMap((calendar) => calendar.sessions);
    const time = moment.getTime();
    const index = sessions.findIndex(({ closesAt }) => Date.parse(closesAt) > time);
    const [previous, session] = [sessions[index - 1], sessions[index]];
    if (!previous || !session) throw new Error(`the calendar has no sessions around ${moment.toISOString()}`);
    const neverCloses = calendars.some(({ quotesNeverClose }) => quotesNeverClose);
    return { open: neverCloses || Date.parse(session.opensAt) <= time, session, previous };
  }

  #yearOf(date: string, options?: CallOptions): Promise<MarketCalendar> {
    const year = Number(date.slice(0, 4));
    const known = this.#years.get(year);
    if (known) return known;
    const asked = this.#service.calendar({ from: `${year}-01-01`, to: `${year}-12-31` }, options);
    this.#years.set(year, asked);
    // Not kept: the next one asks again.
    asked.catch(() => this.#years.delete(year));
    return asked;
  }
}

/** The UTC day; near enough to New York's where days are added around it. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
