/**
 * Many cases of the differential test: random machines with children on the runtime's layers, against `createActor`.
 * Without a database; through the whole system on Postgres: src/actors/runtime/promises/r16-differential-system.test.ts.
 */
import fc from 'fast-check';
import { compare, type Happened, nothingHappened } from '../../src/actors/runtime/testing/differential.ts';
import { kidPlan, machinePlan, operations } from '../../src/actors/runtime/testing/random-plans.ts';

export interface DifferentialOptions {
  seed: number;
  cases: number;
  say: (words: string) => void;
}

export interface DifferentialReport {
  seed: number;
  seconds: number;
  cases: number;
  happened: Happened;
  /** `seed` and `path` are those of fast-check, for the smallest case that still differs. */
  violations: { seed: number; path: string; words: string; machines: unknown }[];
  /** Where the runtime differs from XState on purpose, or cannot be compared. */
  knownDifferences: readonly string[];
}

/** Each chunk has a seed of its own, so that one that differs is quickly done again. */
const CASES_PER_CHUNK = 500;

const KNOWN_DIFFERENCES = [
  'a timer set under the id of one that is pending takes its place; XState lets both fire',
  'a parent with onSnapshot is told of steps in which a transition was taken; XState tells it of events that nothing takes, too',
  'an invoke has one child; XState starts a second one where a history target enters a state again that it has not left',
  'what a child tells of itself before it is stopped is late; XState gives it to the next child of that id',
  'events to itself are left out in parents and children: the runtime takes them before what kin tell',
  'a guard or an assign that throws leaves the actor in its old state; XState ends it with an error',
  'history states within parallel states are left out: XState loses track of its own active states there',
  'timers of two actors that are due at the same millisecond are left out: the runtime promises no order between actors',
  'an event is delivered between actors in the order of XState, one of those that the runtime may choose',
];

export function differential({ seed, cases, say }: DifferentialOptions): DifferentialReport {
  const startedAt = performance.now();
  const happened = nothingHappened();
  const violations: DifferentialReport['violations'] = [];
  const property = fc.property(machinePlan, kidPlan, operations, (plan, kid, todo) =>
    compare(plan, kid, todo, happened),
  );
  let done = 0;
  for (let chunk = 0; done < cases; chunk++) {
    const numRuns = Math.min(CASES_PER_CHUNK, cases - done);
    const outcome = fc.check(property, { seed: seed + chunk, numRuns });
    done += numRuns;
    if (outcome.failed) {
      const { counterexamplePath, counterexample, errorInstance } = outcome;
      const words = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      violations.push({
        seed: seed + chunk,
        path: counterexamplePath ?? '',
        words,
        machines: counterexample,
      });
      say(`VIOLATION seed ${seed + chunk}, path ${counterexamplePath}: ${words}`);
    }
    if (done % 1_000 === 0 || done === cases) say(`${done} of ${cases}`);
  }
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return { seed, seconds, cases, happened, violations, knownDifferences: KNOWN_DIFFERENCES };
}
