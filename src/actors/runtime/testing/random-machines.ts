/**
 * Random small machines for the differential tests: compound, parallel, final and history states, guards, `always`,
 * raised, delayed, self-sent and emitted events, timers, invoked and spawned effects, enqueued actions.
 *
 * What loops costs fuel (`context.fuel`), so that every step ends. Not for machines whose guards or assigns throw:
 * there the runtime differs from XState on purpose (the actor goes on in its old state).
 */
import {
  type AnyStateMachine,
  assign,
  cancel,
  emit,
  enqueueActions,
  fromPromise,
  setup,
  stopChild,
} from 'xstate';
import { z } from 'zod';
import { effect } from '../effect.ts';
import type { ActorEvent, DurableMachine, EffectContext } from '../types.ts';
import {
  type ActionPlan,
  ALL_EVENTS,
  DELAYED,
  type NodePlan,
  OUTSIDE,
  RAISED,
  TO_SELF,
  type TransitionPlan,
} from './random-plans.ts';

/** What one actor may spend on loops in its life, and on delayed events that multiply. */
const FUEL = 15;

interface Context {
  fuel: number;
  count: number;
  /** The last few tags of actions that ran. */
  log: string[];
}

/** The only effect of the machines. */
export const EFFECT = 'work';
export const workInput = z.object({ from: z.string(), count: z.number() });
export const workOutput = z.object({ result: z.number() });

/** The effect `work`, run by the test. */
export function workEffect(run: (context: EffectContext) => Promise<{ result: number }>) {
  return effect(
    EFFECT,
    { input: workInput, output: workOutput, retries: { limit: 0 }, concurrency: 1_000 },
    (_input, context) => run(context),
  );
}

const burn = ({ context }: { context: Context }) => ({ fuel: context.fuel - 1 });

const base = setup({
  types: { context: {} as Context, events: {} as ActorEvent, emitted: {} as ActorEvent },
  actors: {
    [EFFECT]: fromPromise<{ result: number }, { from: string; count: number }>(() =>
      Promise.reject(new Error('given by the test')),
    ),
  },
  guards: {
    even: ({ context }) => context.count % 2 === 0,
    odd: ({ context }) => context.count % 2 === 1,
    hasFuel: ({ context }) => context.fuel > 0,
  },
  actions: {
    spend: assign(burn),
    note: assign(({ context }, { tag }: { tag: string }) => ({
      count: context.count + 1,
      log: [...context.log, tag].slice(-8),
    })),
    raise: enqueueActions(({ context, enqueue }, { type }: { type: string }) => {
      if (context.fuel <= 0) return;
      enqueue.assign(burn);
      enqueue.raise({ type });
    }),
    toSelf: enqueueActions(({ context, enqueue, self }, { type }: { type: string }) => {
      if (context.fuel <= 0) return;
      enqueue.assign(burn);
      enqueue.sendTo(self, { type });
    }),
    later: enqueueActions(({ enqueue }, { type, delay: ms }: { type: string; delay: number }) => {
      enqueue.raise({ type }, { id: `later.${type}`, delay: ms });
    }),
    laterUnnamed: enqueueActions(
      ({ context, enqueue }, { type, delay: ms }: { type: string; delay: number }) => {
        if (context.fuel <= 0) return;
        enqueue.assign(burn);
        enqueue.raise({ type }, { delay: ms });
      },
    ),
    forget: cancel('later.D0'),
    emit: emit(({ context }) => ({ type: 'told', count: context.count })),
    spawn: enqueueActions(({ context, enqueue }) => {
      enqueue.stopChild('spawned');
      enqueue.spawnChild(EFFECT, { id: 'spawned', input: { from: 'spawned', count: context.count } });
    }),
    stopSpawned: stopChild('spawned'),
  },
});

/** The machine of a plan, ready to be registered. */
export function buildMachine(plan: NodePlan, id: string): DurableMachine {
  const ids = new Map<NodePlan, string>();
  const name = (node: NodePlan) => {
    ids.set(node, ids.size === 0 ? id : `s${ids.size}`);
    node.children.forEach(name);
  };
  name(plan);
  const targets = [...ids.values()].slice(1);
  const action = (one: ActionPlan, tag: string) => {
    switch (one.kind) {
      case 'note':
        return { type: 'note', params: { tag } };
      case 'raise':
        return { type: 'raise', params: { type: RAISED[one.event] } };
      case 'toSelf':
        return { type: 'toSelf', params: { type: TO_SELF[one.event] } };
      case 'later':
      case 'laterUnnamed':
        return { type: one.kind, params: { type: DELAYED[one.event], delay: one.delay } };
      default:
        return { type: one.kind };
    }
  };
  const transition = (one: TransitionPlan, tag: string) => ({
    ...(one.target === null ? {} : { target: `#${targets[one.target % targets.length]}` }),
    ...(one.guard ? { guard: one.guard } : {}),
    reenter: one.reenter,
    actions: one.actions.map((each) => action(each, tag)),
  });
  const config = (node: NodePlan): object => {
    const own = ids.get(node) as string;
    if (node.kind === 'final') return { id: own, type: 'final' };
    if (node.kind === 'shallow' || node.kind === 'deep')
      return { id: own, type: 'history', history: node.kind };
    const on: Record<string, object[]> = {};
    for (const one of node.on) {
      const type = ALL_EVENTS[one.event] as string;
      on[type] = [...(on[type] ?? []), transition(one, `${own}.${type}`)];
    }
    const after: Record<number, object[]> = {};
    for (const one of node.after)
      after[one.delay] = [...(after[one.delay] ?? []), transition(one, `${own}.after`)];
    return {
      id: own,
      ...(node.kind === 'parallel' ? { type: 'parallel' } : {}),
      ...(node.kind === 'compound' ? { initial: ids.get(node.children[0] as NodePlan) } : {}),
      ...(node.children.length > 0
        ? { states: Object.fromEntries(node.children.map((child) => [ids.get(child), config(child)])) }
        : {}),
      on,
      after,
      always: node.always.map((one) => {
        const { guard: _, actions, ...rest } = transition(one, `${own}.always`);
        return { ...rest, guard: 'hasFuel', actions: [{ type: 'spend' }, ...actions] };
      }),
      ...(node.invoke
        ? {
            invoke: {
              id: `invoked.${own}`,
              src: EFFECT,
              input: ({ context }: { context: Context }) => ({ from: own, count: context.count }),
              ...(node.invoke.onDone ? { onDone: transition(node.invoke.onDone, `${own}.done`) } : {}),
              ...(node.invoke.onError ? { onError: transition(node.invoke.onError, `${own}.error`) } : {}),
            },
          }
        : {}),
      entry: node.entry.map((one) => action(one, `${own}.entry`)),
      exit: node.exit.map((one) => action(one, `${own}.exit`)),
    };
  };
  const machine = base.createMachine({
    ...config(plan),
    context: { fuel: FUEL, count: 0, log: [] },
    output: ({ context }: { context: Context }) => ({ count: context.count }),
  } as never) as unknown as AnyStateMachine;
  return {
    id,
    version: '1',
    machine,
    input: z.object({}),
    events: Object.fromEntries(OUTSIDE.map((type) => [type, z.object({ type: z.literal(type) })])),
  };
}

/** Whether an event of the journal was sent by the machine to itself, within the step before it. */
export function isToSelf({ type }: ActorEvent): boolean {
  return (TO_SELF as readonly string[]).includes(type);
}
