/**
 * The points at which a worker of the crash matrix can be killed: before and after each SQL statement and each call of
 * an effect. A point is named by what is done and the how-manieth time, since the order of statements is not always the
 * same.
 */
import { wrapQueries } from './pg-wrapper.ts';

export interface FaultPoint {
  /** The statement or the effect. */
  label: string;
  /** From 1. */
  occurrence: number;
  moment: 'before' | 'after';
}

/** How often each label was met. */
export type Occurrences = Record<string, number>;

const LABEL_CHARS = 90;

/** Counts what this process does, and kills it at the point that is asked for. */
export class FaultPoints {
  readonly #fault: FaultPoint | null;
  readonly #before = new Map<string, number>();
  readonly #after = new Map<string, number>();

  constructor(fault: FaultPoint | null) {
    this.#fault = fault;
    wrapQueries({
      before: (text, name) => this.pass(labelOf(text, name), 'before'),
      after: (text, name) => this.pass(labelOf(text, name), 'after'),
    });
  }

  /** Does not return at the point. */
  pass(label: string, moment: FaultPoint['moment']): void {
    const counts = moment === 'before' ? this.#before : this.#after;
    const occurrence = (counts.get(label) ?? 0) + 1;
    counts.set(label, occurrence);
    const fault = this.#fault;
    if (fault?.moment === moment && fault.label === label && fault.occurrence === occurrence) {
      process.kill(process.pid, 'SIGKILL');
    }
  }

  /** What was answered, so that each has both of its points. */
  occurrences(): Occurrences {
    return Object.fromEntries(this.#after);
  }
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

/** All points of runs of which each met these, in a fixed order: the most occurrences of each label count. */
export function pointsOf(runs: readonly Occurrences[]): FaultPoint[] {
  const most = new Map<string, number>();
  for (const run of runs) {
    for (const [label, times] of Object.entries(run)) most.set(label, Math.max(times, most.get(label) ?? 0));
  }
  return [...most].flatMap(([label, times]) =>
    Array.from({ length: times }, (_, index) => index + 1).flatMap((occurrence) => [
      { label, occurrence, moment: 'before' as const },
      { label, occurrence, moment: 'after' as const },
    ]),
  );
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
