/**
 * Taking one actor from the version in which it is stored to the one in which its machine steps here: its snapshot by
 * the migrations on the way, and what it waits for by name. Pure, in memory.
 *
 * What waits moves along: timers keep their deadlines, effects and children go on. What the new states do not wait for
 * is cancelled; what they wait for and was not there is armed, from now. What the old state has waited for already, and
 * does not any more (a timer that has fired, an effect that has ended), is not armed a second time.
 *
 * Not for when this is done (`bring-up.ts`), nor for one migration's own part (`link.ts`).
 */
import { randomUUID } from 'node:crypto';
import type { StateValue } from 'xstate';
import type { ActorRow, Pending, TimerEntry } from '../../../persistence/actors/rows.ts';
import { RuntimeError, toPlainError } from '../errors.ts';
import type { RegisteredMachine, Route } from '../registry/registry.ts';
import type { StepResult } from '../steps/step-result.ts';
import type { Restored } from '../steps/stepper.ts';
import { type Cause, identityOf, pushRecord, takeStep } from '../steps/take-step.ts';
import type { Work } from '../steps/work.ts';
import type { ActorEvent, DurableMachine } from '../types.ts';
import { arm, type Expected, expectedBy } from './expected.ts';
import { type Link, type Persisted, renamedKeys } from './link.ts';

/** An actor in its new version, before the step that arms what it lacks. */
export interface Moved {
  registered: RegisteredMachine;
  /** The stored row, with what it waits for under its new names. */
  row: ActorRow;
  result: StepResult;
  event: ActorEvent;
}

/**
 * Takes the actor of a work along the route, as a revision of its own. Throws `migration_failed`; the work is as it was
 * then.
 */
export function applyMigration(work: Work, row: ActorRow, route: Route, stepId: string): RegisteredMachine {
  const rewind = work.mark();
  try {
    const { registered, row: moved, result, event } = moveActor(row, route);
    const cause: Cause = {
      kind: 'migrate',
      event,
      source: null,
      item: { kind: 'migrate', stepId, address: row.address },
    };
    takeStep(registered, work, moved, result, cause);
    return registered;
  } catch (error) {
    rewind();
    throw migrationFailed(row, route, error);
  }
}

/** The actor can't be migrated: it is kept as it is, with the reason, until a migration works. */
export function applyQuarantine(
  definition: DurableMachine,
  work: Work,
  row: ActorRow,
  error: RuntimeError,
  stepId: string,
): void {
  const plain = toPlainError(error);
  const next: ActorRow = {
    ...row,
    status: 'quarantined',
    revision: row.revision + 1,
    error: plain,
    updatedAt: work.now,
  };
  work.row = next;
  const value = row.value as StateValue;
  const { context } = JSON.parse(row.snapshot) as { context: unknown };
  pushRecord({ definition }, work, next, stepId, {
    kind: 'migrate',
    event: { type: 'xstate.migrate', from: row.version, to: definition.version },
    source: null,
    valueBefore: value,
    snapshot: { status: 'quarantined', value, context, error: plain },
    microsteps: [],
    effects: [],
  });
}

/** Throws what the migrations throw, and `migration_failed` or `snapshot_misfit` for what does not fit. */
export function moveActor(row: ActorRow, route: Route): Moved {
  const { from, links } = route;
  const registered = links.at(-1)?.to ?? from;
  const { version } = registered.definition;
  const names = new Names(links.map(({ link }) => link));
  const before = from.stepper.restore(identityOf(row), JSON.parse(row.snapshot)).snapshot;
  const stored = JSON.parse(row.snapshot) as Persisted;
  const persisted = links.reduce((state, { link }) => link.migrate(identityOf(row), state), stored);
  const pending = names.ofPending(row.pending);
  const result = bringInLine(registered, {
    restored: registered.stepper.restore(identityOf(row), structuredClone(persisted)),
    children: persisted.children,
    pending,
    waitedFor: names.ofExpected(expectedBy(before._nodes)),
    ofStates: names.ofExpected(from.expected),
  });
  const event = { type: 'xstate.migrate', from: row.version, to: version };
  return { registered, row: { ...row, version, status: 'active', error: null, pending }, result, event };
}

/** What is there before a migrated actor is brought in line with its states; under the new names. */
interface There {
  restored: Restored;
  /** Also those that have ended in a state that is still active. */
  children: Persisted['children'];
  pending: Pending;
  /** What the old state asked for on its entry, whatever became of it. */
  waitedFor: Ids;
  /** All that any state of the old machine asks for; what was set or spawned besides belongs to no state. */
  ofStates: Ids;
}

/** The step that cancels what the active states do not ask for, and arms what they ask for and never had. */
function bringInLine(registered: RegisteredMachine, there: There): StepResult {
  const { restored, children, pending, waitedFor, ofStates } = there;
  const wanted = expectedBy(restored.snapshot._nodes);
  const sources = registered.definition.machine.implementations.actors as Record<string, unknown>;
  const isKept = (id: string): boolean => {
    const src = children[id]?.src;
    if (!ofStates.actors.has(id)) return String(src) in sources;
    return wanted.invokes.get(id)?.src === src;
  };
  const kept = new Set(Object.keys(children).filter(isKept));
  const lacking: Expected = {
    timers: new Set([...wanted.timers].filter((id) => !(id in pending.timers) && !waitedFor.timers.has(id))),
    invokes: new Map([...wanted.invokes].filter(([id]) => !kept.has(id))),
  };
  const { snapshot, collector } = restored;
  const staying = Object.entries(snapshot.children).filter(([id]) => kept.has(id));
  const from = { collector, snapshot: { ...snapshot, children: Object.fromEntries(staying) } };
  const armed = registered.stepper.finish(from, arm(from, lacking, { type: 'xstate.migrate' }), false);
  const gone = Object.keys(pending.timers).filter((id) => ofStates.timers.has(id) && !wanted.timers.has(id));
  return {
    ...armed,
    timers: [...gone.map((id) => ({ kind: 'cancel' as const, id })), ...armed.timers],
    stopped: Object.keys({ ...pending.effects, ...pending.children }).filter((id) => !kept.has(id)),
  };
}

/** Of timers, and of what was invoked. */
interface Ids {
  timers: ReadonlySet<string>;
  actors: ReadonlySet<string>;
}

/** What ids of the first version are called in the last one. */
class Names {
  readonly timer: (id: string) => string;
  readonly actor: (id: string) => string;

  constructor(links: readonly Link[]) {
    this.timer = (id) => links.reduce((name, link) => link.timerId(name), id);
    this.actor = (id) => links.reduce((name, link) => link.actorId(name), id);
  }

  ofPending({ timers, effects, children }: Pending): Pending {
    const renamed = Object.entries(timers).map(([id, timer]) => [id, this.#ofTimer(id, timer)] as const);
    return {
      timers: renamedKeys(Object.fromEntries(renamed), this.timer, 'timer'),
      effects: renamedKeys(effects, this.actor, 'effect'),
      children: renamedKeys(children, this.actor, 'child'),
    };
  }

  ofExpected({ timers, invokes }: Expected): Ids {
    return {
      timers: new Set([...timers].map(this.timer)),
      actors: new Set([...invokes.keys()].map(this.actor)),
    };
  }

  /** A job of its own: the old one names the old version, and in quarantine it may have been taken already. */
  #ofTimer(id: string, timer: TimerEntry): TimerEntry {
    const type = timer.event.type === id ? this.timer(id) : timer.event.type;
    return { ...timer, event: { ...timer.event, type }, job: randomUUID() };
  }
}

function migrationFailed(row: ActorRow, { from, links }: Route, error: unknown): RuntimeError {
  const reason = (error instanceof Error ? error.message : String(error)).replaceAll('\0', '').toWellFormed();
  const to = links.at(-1)?.to ?? from;
  const way =
    links.length === 0
      ? `in version ${row.version}`
      : `from version ${row.version} to ${to.definition.version}`;
  const message = `${row.address} could not be taken on ${way} of ${row.machine}: ${reason}`;
  return new RuntimeError('migration_failed', message, { cause: error });
}
