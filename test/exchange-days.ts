/**
 * The exchange's real sessions since 2000, which are beside the project in ../shared, and what a trading day should
 * bring by them: written beside the machine's own plan, to test it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Session } from './day-market.ts';

const FILE = fileURLToPath(new URL('../../shared/data/reference/xnys_sessions_2000_on.csv', import.meta.url));
export const isThere = existsSync(FILE);
const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const NEW_YORK = 'America/New_York';

function readSessions(): Session[] {
  const [, ...lines] = readFileSync(FILE, 'utf8').trim().split(/\r?\n/);
  return lines.map((line) => {
    const [date, opensAt, closesAt, closesInNewYork] = line.split(',') as [string, string, string, string];
    return {
      date,
      opensAt: opensAt.replace('Z', ':00Z'),
      closesAt: closesAt.replace('Z', ':00Z'),
      halfDay: closesInNewYork !== '16:00',
    };
  });
}

/** Chance that is the same in each run. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const wallClock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: NEW_YORK,
  dateStyle: 'short',
  timeStyle: 'short',
});

/** By date and whether it is before the hour at which clocks are changed; asking costs most of a test. */
const offsets = new Map<string, number>();

/** The moment of a wall clock in New York, found by trying: it is four or five hours behind UTC. */
export function inNewYork(date: string, time: string): number {
  const utc = Date.parse(`${date}T${time}:00Z`);
  const part = `${date} ${time < '01:00'}`;
  const offset =
    offsets.get(part) ??
    [4, 5].find((hours) => wallClock.format(utc + hours * HOUR_MS) === `${date} ${time}`);
  if (offset === undefined) throw new Error(`there is no ${time} on ${date} in New York`);
  offsets.set(part, offset);
  return utc + offset * HOUR_MS;
}

export interface Due {
  kind: 'briefing' | 'scan' | 'summary' | 'report';
  time: string;
  at: number;
  until: number;
}

/** What a day brings, by the wall clock of New York alone: written beside the machine's own plan, to test it. */
export function dueOn({ date, halfDay }: Session, next: Session | undefined): Due[] {
  const closes = halfDay ? 13 : 16;
  const at = (time: string) => inNewYork(date, time);
  const nextOpen = next ? inNewYork(next.date, '09:30') : Number.POSITIVE_INFINITY;
  const scans = Array.from({ length: closes - 10 }, (_, index): Due => {
    const hour = 10 + index;
    return { kind: 'scan', time: `${hour}:00`, at: at(`${hour}:00`), until: at(`${hour + 1}:00`) };
  });
  return [
    { kind: 'briefing', time: '09:30', at: at('09:30'), until: at(`${closes}:00`) },
    ...scans,
    { kind: 'summary', time: `${closes}:00`, at: at(`${closes}:00`), until: nextOpen },
    { kind: 'report', time: `${closes + 1}:00`, at: at(`${closes + 1}:00`), until: nextOpen },
  ];
}

export interface Down {
  from: number;
  to: number;
}

/** What becomes of a day that is begun at `begunAt`, where nothing runs in the times down. */
export function expectedOf(due: readonly Due[], begunAt: number, down: readonly Down[]) {
  return due.map(({ kind, time, at, until }) => {
    const wanted = Math.max(at, begunAt);
    const now = down.find(({ from, to }) => from <= wanted && wanted < to)?.to ?? wanted;
    const fate = now >= until ? 'skipped' : now > at + 5 * MINUTE_MS ? 'late' : 'on time';
    return `${kind} ${time} ${fate}`;
  });
}

export function datesBetween(from: string, to: string): string[] {
  const dates: string[] = [];
  for (let day = Date.parse(from); day <= Date.parse(to); day += DAY_MS) {
    dates.push(new Date(day).toISOString().slice(0, 10));
  }
  return dates;
}

export const sessions = isThere ? readSessions() : [];
export const sessionOn = new Map(
  sessions.map((session, index) => [session.date, { session, next: sessions[index + 1] }]),
);

/** Times down that touch are one. */
export function mergedStops(stops: readonly Down[]): Down[] {
  const merged: Down[] = [];
  for (const stop of stops.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && stop.from <= last.to) last.to = Math.max(last.to, stop.to);
    else merged.push({ ...stop });
  }
  return merged;
}
