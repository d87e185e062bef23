/**
 * The points at which a worker of the crash matrix can be killed: before and after each SQL statement and each call of
 * an effect. A point is named by what is done and the how-manieth time, which is the same in each run, since the worker
 * does one thing at a time (`turns.ts`).
 */
import { wrapQueries } from './pg-wrapper.ts';
import { planter } from './plants.ts';
import type { Turns } from './turns.ts';

export interface FaultPoint {
  /** The statement or the effect. */
  label: string;
  /** From 1. */
  occurrence: number;
  moment: 'before' | 'after';
}

/** How often each label was met. */
export type Occurrences = Record<string, number>;

/**
 * What comes again and again by time, whatever else is done, and so how often is a matter of how long a run takes: it
 * has the points of its first times, of which a scenario waits for the last.
 */
export const LEASE = { label: 'WITH renewed AS (UPDATE processes', times: 2 };

const LABEL_CHARS = 90;

/** Counts what this process does, and kills it at the point that is asked for. */
export class FaultPoints {
  readonly #fault: FaultPoint | null;
  readonly #turns: Turns;
  readonly #before = new Map<string, number>();
  readonly #after = new Map<string, number>();
  readonly #leased = Promise.withResolvers<void>();

  /** `notified` is told what the process heard from others, after it was taken. */
  constructor(options: {
    fault: FaultPoint | null;
    plant: string | null;
    turns: Turns;
    notified: (payload: string) => void;
  }) {
    const { fault, plant, turns, notified } = options;
    this.#fault = fault;
    this.#turns = turns;
    wrapQueries({
      rewrite: plant === null ? undefined : planter(plant),
      before: (text, name) => this.pass(labelOf(text, name), 'before'),
      after: (text, name) => this.pass(labelOf(text, name), 'after'),
      turns,
      comesByTime: (text) => isLease(labelOf(text, undefined)),
      notified,
    });
  }

  /** Does not return at the point. */
  pass(label: string, moment: FaultPoint['moment']): void {
    const counts = moment === 'before' ? this.#before : this.#after;
    const occurrence = (counts.get(label) ?? 0) + 1;
    counts.set(label, occurrence);
    const fault = this.#fault;
    if (fault?.moment === moment && fault.label === label && fault.occurrence === occurrence) {
      // What would have been sent beside it is on its way when the process dies.
      this.#turns.sendAll();
      process.kill(process.pid, 'SIGKILL');
    }
    if (moment === 'after' && isLease(label) && occurrence >= LEASE.times) this.#leased.resolve();
  }

  /** Resolves when the lease has been renewed as often as it has points. */
  leased(): Promise<void> {
    return this.#leased.promise;
  }

  /** What was answered, so that each has both of its points. */
  occurrences(): Occurrences {
    return Object.fromEntries(this.#after);
  }
}

function isLease(label: string): boolean {
  return label.startsWith(LEASE.label);
}

/** Of a statement: its name, or its beginning without what differs from run to run. */
function labelOf(text: string, name: string | undefined): string {
  if (name !== undefined) return name;
  return text
    .trim()
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '?')
    .replaceAll(/\d{3,}/g, '?')
    .replaceAll(/\s+/g, ' ')
    .slice(0, LABEL_CHARS);
}

/**
 * All points of runs of which each met these, in a fixed order: the most occurrences of each label count. `unsteady` are
 * the labels that did not come equally often in all of them.
 */
export function pointsOf(runs: readonly Occurrences[]): { points: FaultPoint[]; unsteady: string[] } {
  const labels = [...new Set(runs.flatMap((run) => Object.keys(run)))];
  const unsteady: string[] = [];
  const points = labels.flatMap((label) => {
    const times = runs.map((run) => Math.min(run[label] ?? 0, isLease(label) ? LEASE.times : Infinity));
    const most = Math.max(...times);
    if (most > Math.min(...times)) unsteady.push(`${label}: ${times.join(', ')} times`);
    return Array.from({ length: most }, (_, index) => index + 1).flatMap((occurrence) => [
      { label, occurrence, moment: 'before' as const },
      { label, occurrence, moment: 'after' as const },
    ]);
  });
  return { points, unsteady };
}

/** For a person, and for `--point`. */
export function nameOfPoint({ label, occurrence, moment }: FaultPoint): string {
  return `${moment} ${occurrence} ${label}`;
}

/** The other way round. Undefined when it is none. */
export function parsePoint(name: string): FaultPoint | undefined {
  const match = /^(before|after) (\d+) (.+)$/.exec(name);
  if (!match) return undefined;
  const [, moment, occurrence, label] = match;
  return { moment: moment as FaultPoint['moment'], occurrence: Number(occurrence), label: label as string };
}
