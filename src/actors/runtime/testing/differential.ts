/**
 * R16, one case: the same is done to a random machine on the runtime's layers and under `createActor`, and after each
 * thing both are compared. Shared by the test and by `npm run chaos -- differential`. The machines and what is done are
 * made in `random-machines.ts` and `random-plans.ts`.
 */
import { deepStrictEqual } from 'node:assert';
import type { PlainError } from '../errors.ts';
import type { DurableMachine } from '../types.ts';
import { LiveActor } from './live-actor.ts';
import { buildFamily, workEffect } from './random-machines.ts';
import type { NodePlan, Operation } from './random-plans.ts';
import { SteppedFamily } from './stepped-family.ts';

/** What was done, how it ended, and how often children were there to compare. */
export type Happened = Record<Operation['kind'] | 'ended' | 'failed' | 'kids', number>;

const failure: PlainError = { name: 'Failed', message: 'it failed', code: 'failed', retryable: false };

export function nothingHappened(): Happened {
  return { event: 0, time: 0, done: 0, fail: 0, ended: 0, failed: 0, kids: 0 };
}

/** Runs one case, and counts what happened in it. Throws an AssertionError where the two differ. */
export function compare(
  plan: NodePlan,
  kidPlan: NodePlan | null,
  todo: readonly Operation[],
  happened: Happened,
): void {
  const family = buildFamily(plan, kidPlan, 'random');
  const live = new LiveActor(family[0].machine, {});
  const stepped = newStepped(family);
  agree(live, stepped, happened);
  for (const operation of todo) {
    if (live.seen().status !== 'active') break;
    if (!operate(live, stepped, operation)) continue;
    happened[operation.kind]++;
    agree(live, stepped, happened);
  }
  const { status } = live.seen();
  if (status === 'done') happened.ended++;
  if (status === 'error') happened.failed++;
}

function newStepped(family: [DurableMachine, ...DurableMachine[]]): SteppedFamily {
  return new SteppedFamily(family, [workEffect(() => Promise.reject(new Error('not run here')))]);
}

function agree(live: LiveActor, stepped: SteppedFamily, happened: Happened): void {
  deepStrictEqual(stepped.seen(), live.seen());
  deepStrictEqual(stepped.emitted, live.emitted);
  const children = live.children();
  deepStrictEqual(stepped.children(), children);
  happened.kids += children.length;
  for (const child of [undefined, ...children]) {
    deepStrictEqual(stepped.seen(child), live.seen(child));
    deepStrictEqual(stepped.effects(child), live.effects(child));
    deepStrictEqual(stepped.timers(child), live.timers(child));
  }
}

/** Does the same to both. False when there was nothing to do it to. */
function operate(live: LiveActor, stepped: SteppedFamily, operation: Operation): boolean {
  switch (operation.kind) {
    case 'event':
      live.send({ type: operation.type });
      stepped.send(operation.type, live.now);
      return true;
    case 'time': {
      const due = stepped.nextDue();
      if (due === undefined || stepped.isTied()) return false;
      live.passTime(due - live.now);
      stepped.passTimeTo(live.now);
      return true;
    }
    default: {
      const running = [undefined, ...stepped.children()].flatMap((child) =>
        Object.keys(stepped.effects(child))
          .sort()
          .map((id) => ({ child, id })),
      );
      const found = running[operation.pick % running.length];
      if (!found) return false;
      const outcome = operation.kind === 'done' ? { output: { result: 1 } } : { error: failure };
      live.end(found.id, outcome, found.child);
      stepped.end(found.id, outcome, live.now, found.child);
      return true;
    }
  }
}
