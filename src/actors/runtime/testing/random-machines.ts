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
  sendParent,
  setup,
  stopChild,
} from 'xstate';
import { z } from 'zod';
import { effect } from '../registry/effect.ts';
import type { ActorEvent, DurableMachine, EffectContext } from '../types.ts';
import {
  type ActionPlan,
  ALL_EVENTS,
  DELAYED,
  FROM_KID,
  type InvokePlan,
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
  /** A child was spawned, and not stopped since. */
  hasKid: boolean;
  /** The last few tags of actions that ran. */
  log: string[];
}

/** The id of the children's machine, and of the child that is spawned. */
export const KID = 'kid';
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

/** What the machines are made of. Those without children do not know a machine of theirs. */
const partsFor = (kid: AnyStateMachine | undefined) =>
  setup({
    types: { context: {} as Context, events: {} as ActorEvent, emitted: {} as ActorEvent },
    actors: {
      [EFFECT]: fromPromise<{ result: number }, { from: string; count: number }>(() =>
        Promise.reject(new Error('given by the test')),
      ),
      ...((kid ? { [KID]: kid } : {}) as { [KID]: AnyStateMachine }),
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
      // Parent and child could go on telling each other for ever.
      tellKid: enqueueActions(
        ({ context, enqueue }, { type, to, delay: ms }: { type: string; to?: string; delay?: number }) => {
          // XState throws where there has never been one.
          if (context.fuel <= 0 || (to === undefined && !context.hasKid)) return;
          enqueue.assign(burn);
          enqueue.sendTo(to ?? KID, { type }, ms === undefined ? {} : { delay: ms });
        },
      ),
      tellParent: enqueueActions(({ context, enqueue }, { type }: { type: string }) => {
        if (context.fuel <= 0) return;
        enqueue.assign(burn);
        enqueue(sendParent({ type }));
      }),
      spawnKid: enqueueActions(({ context, enqueue }) => {
        if (context.fuel <= 0) return;
        enqueue.assign(burn);
        enqueue.assign({ hasKid: true });
        enqueue.stopChild(KID);
        enqueue.spawnChild(KID, { id: KID });
      }),
      stopKid: enqueueActions(({ enqueue }) => {
        enqueue.assign({ hasKid: false });
        enqueue.stopChild(KID);
      }),
    },
  });

/** Ready to be registered: a machine, and that of its children, where it has any. */
export function buildFamily(
  plan: NodePlan,
  kidPlan: NodePlan | null,
  id: string,
): [DurableMachine, ...DurableMachine[]] {
  if (!kidPlan) return [buildMachine(plan, id)];
  const kid = buildMachine(kidPlan, KID, 'kid');
  return [buildMachine(plan, id, 'parent', kid), kid];
}

/** The machine of a plan, ready to be registered. Alone unless it is a parent or a child: then it has no kin to tell. */
export function buildMachine(
  plan: NodePlan,
  id: string,
  role: 'alone' | 'parent' | 'kid' = 'alone',
  kid?: DurableMachine,
): DurableMachine {
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
        // Taken in the same commit, before anything of kin; XState takes both as they come.
        if (role !== 'alone') return { type: 'note', params: { tag } };
        return { type: 'toSelf', params: { type: TO_SELF[one.event] } };
      case 'tellKid':
      case 'spawnKid':
      case 'stopKid':
      case 'tellKidLater':
        if (role !== 'parent') return { type: 'note', params: { tag } };
        if (one.kind !== 'tellKid' && one.kind !== 'tellKidLater') return { type: one.kind };
        return {
          type: 'tellKid',
          params: { type: OUTSIDE[one.event], ...(one.kind === 'tellKidLater' && { delay: one.delay }) },
        };
      case 'tellParent':
        return role === 'kid'
          ? { type: 'tellParent', params: { type: FROM_KID[one.event] } }
          : { type: 'note', params: { tag } };
      case 'later':
      case 'laterUnnamed':
        return { type: one.kind, params: { type: DELAYED[one.event], delay: one.delay } };
      default:
        return { type: one.kind };
    }
  };
  const transition = (one: TransitionPlan, tag: string) => ({
    ...(one.target === null ? {} : { target: `#${targets[one.target % targets.length]}` }),
    ...(one.guard ? { guard: one.guard as string } : {}),
    reenter: one.reenter,
    actions: one.actions.map((each) => action(each, tag)),
  });
  const invoke = ({ what, onDone, onError, onSnapshot }: InvokePlan, own: string) => ({
    id: `invoked.${own}`,
    ...(isKid(what)
      ? { src: KID, ...(onSnapshot ? { onSnapshot: paid(transition(onSnapshot, `${own}.snapshot`)) } : {}) }
      : {
          src: EFFECT,
          input: ({ context }: { context: Context }) => ({ from: own, count: context.count }),
        }),
    ...(onDone ? { onDone: ended(what, transition(onDone, `${own}.done`)) } : {}),
    ...(onError ? { onError: ended(what, transition(onError, `${own}.error`)) } : {}),
  });
  // What may cause itself again costs fuel: each new child may at once tell its parent of itself.
  const paid = ({ guard: _, actions, ...rest }: ReturnType<typeof transition>) => ({
    ...rest,
    guard: 'hasFuel',
    actions: [{ type: 'spend' }, ...actions],
  });
  const ended = (what: InvokePlan['what'], one: ReturnType<typeof transition>) =>
    isKid(what) ? paid(one) : one;
  const isKid = (what: InvokePlan['what']) => role === 'parent' && what === 'kid';
  const config = (node: NodePlan, inParallel: boolean): object => {
    const own = ids.get(node) as string;
    const isParallel = inParallel || node.kind === 'parallel';
    if (node.kind === 'final') return { id: own, type: 'final' };
    if (node.kind === 'shallow' || node.kind === 'deep')
      return { id: own, type: 'history', history: node.kind };
    const on: Record<string, object[]> = {};
    for (const one of node.on) {
      const type = ALL_EVENTS[one.event] as string;
      const found = transition(one, `${own}.${type}`);
      const isFromKid = (FROM_KID as readonly string[]).includes(type);
      on[type] = [...(on[type] ?? []), isFromKid ? paid(found) : found];
    }
    // In a parallel state another region may leave the child in the same step, and XState throws where there is none.
    if (node.invoke && isKid(node.invoke.what) && !inParallel) {
      const tell = { type: 'tellKid', params: { type: 'E1', to: `invoked.${own}` } };
      on.E0 = [{ guard: 'odd', actions: [tell] }, ...(on.E0 ?? [])];
    }
    const after: Record<number, object[]> = {};
    for (const one of node.after)
      after[one.delay] = [...(after[one.delay] ?? []), transition(one, `${own}.after`)];
    return {
      id: own,
      ...(node.kind === 'parallel' ? { type: 'parallel' } : {}),
      ...(node.kind === 'compound' ? { initial: ids.get(node.children[0] as NodePlan) } : {}),
      ...(node.children.length > 0
        ? {
            states: Object.fromEntries(
              node.children.map((child) => [ids.get(child), config(child, isParallel)]),
            ),
          }
        : {}),
      on,
      after,
      always: node.always.map((one) => paid(transition(one, `${own}.always`))),
      ...(node.invoke ? { invoke: invoke(node.invoke, own) } : {}),
      entry: node.entry.map((one) => action(one, `${own}.entry`)),
      exit: node.exit.map((one) => action(one, `${own}.exit`)),
    };
  };
  const machine = partsFor(kid?.machine).createMachine({
    ...config(plan, false),
    context: { fuel: FUEL, count: 0, hasKid: false, log: [] },
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
