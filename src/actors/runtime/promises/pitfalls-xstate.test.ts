/**
 * What XState does that has cost others a release: each of its known pitfalls by number and name. On the runtime's
 * layers, without a database; those of Postgres and pg-boss are `pitfalls-postgres.test.ts`.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type AnyActorRef,
  assign,
  createActor,
  createMachine,
  enqueueActions,
  fromPromise,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
} from 'xstate';
import { createTestModel } from 'xstate/graph';
import { z } from 'zod';
import { pathsOf } from '../../../../test/model.ts';
import { toPlainError } from '../errors.ts';
import { Registry } from '../registry/registry.ts';
import { migration } from '../registry/versions.ts';
import { LiveActor } from '../testing/live-actor.ts';
import { durable, LoneActor, registryOf } from '../testing/lone-actor.ts';
import { onTheRuntime, waiter } from '../testing/subjects.ts';

const NEVER = 3_600_000;
const child = createMachine({ id: 'child', initial: 'a', states: { a: {} } });
const actors = { work: fromPromise(onTheRuntime), child };

/** Two regions with history, an effect, a timer and a child: all that a snapshot can hold. */
const rich = setup({ actors }).createMachine({
  id: 'rich',
  initial: 'on',
  states: {
    on: {
      type: 'parallel',
      on: { LEAVE: 'off' },
      invoke: { id: 'kid', src: 'child' },
      states: {
        left: { initial: 'a', states: { a: { on: { STEP: 'b' } }, b: {} } },
        right: { initial: 'a', states: { a: { after: { [NEVER]: 'b' } }, b: {} } },
        last: { type: 'history', history: 'deep' },
      },
    },
    off: { on: { RETURN: 'on.last' } },
  },
});

/** A state with an effect and a timer, that is left and entered again. */
const visiting = setup({
  types: { context: {} as { ends: number } },
  actors,
}).createMachine({
  id: 'visiting',
  context: { ends: 0 },
  initial: 'in',
  states: {
    in: {
      invoke: {
        id: 'work',
        src: 'work',
        onDone: { actions: assign({ ends: ({ context }) => context.ends + 1 }) },
      },
      after: { [NEVER]: 'late' },
      on: { LEAVE: 'out' },
    },
    out: { on: { BACK: 'in' } },
    late: {},
  },
});

test('pitfall 1: resolveState loses children and breaks history', () => {
  const actor = new LoneActor(rich, { others: [child] });
  actor.send('STEP');
  const before = actor.row.pending.children.kid?.address;
  actor.send('LEAVE');
  expect(actor.children).toEqual([]);
  expect(actor.work.sent).toMatchObject([{ kind: 'stop', to: before }]);
  actor.send('RETURN');
  expect(actor.row.value).toEqual({ on: { left: 'b', right: 'a' } });
  expect(actor.children).toEqual(['kid']);
});

test('pitfall 2: JSON of a snapshot is not its persisted form', () => {
  const actor = new LoneActor(rich, { others: [child] });
  const { children, historyValue } = JSON.parse(actor.row.snapshot);
  expect(children).toMatchObject({
    kid: { src: 'child', syncSnapshot: false, snapshot: { status: 'active' } },
  });
  expect(historyValue).toBeDefined();
});

test('pitfall 3: a spawn in an assign has no action', () => {
  const spawning = setup({ types: { context: {} as { ref: unknown } }, actors }).createMachine({
    id: 'spawning',
    context: { ref: null },
    on: {
      GO: { actions: assign({ ref: ({ spawn }) => spawn('work', { id: 'inAssign', input: { n: 1 } }) }) },
      AGAIN: { actions: assign({ ref: ({ spawn }) => spawn('work', { id: 'inAssign', input: { n: 2 } }) }) },
    },
  });
  const actor = new LoneActor(spawning, { others: [child] });
  actor.send('GO');
  expect([...actor.work.effects.values()]).toMatchObject([{ invokeId: 'inAssign', input: { n: 1 } }]);
  const first = actor.row.pending.effects.inAssign?.effectId;
  // Another of the same id takes its place.
  actor.send('AGAIN');
  expect([...actor.work.effects.values()]).toMatchObject([{ input: { n: 2 } }]);
  expect(actor.row.pending.effects.inAssign?.effectId).not.toBe(first);
});

test('pitfall 4: ids that nobody gave change with the process and with the name of a state', () => {
  const without = setup({ actors }).createMachine({
    id: 'm',
    initial: 'a',
    states: { a: { invoke: { src: 'work' } } },
  });
  expect(() => registryOf(without, child)).toThrow(/give its invoke an id/);
  const spawned = setup({ actors }).createMachine({ id: 'm', entry: spawnChild('work') });
  expect(() => registryOf(spawned, child)).toThrow(/give its spawnChild an id/);
  // Two processes name what they start alike.
  const [one, other] = [new LoneActor(rich, { others: [child] }), new LoneActor(rich, { others: [child] })];
  expect(one.row.pending.children.kid?.address).toBe(other.row.pending.children.kid?.address);
});

test('pitfall 5: renaming a state orphans stored timers', () => {
  const before = createMachine({
    id: 'm',
    initial: 'old',
    states: { old: { after: { [NEVER]: 'over' } }, over: {} },
  });
  const after = createMachine({
    id: 'm',
    initial: 'fresh',
    states: { fresh: { after: { [NEVER]: 'over' } }, over: {} },
  });
  const actor = new LoneActor(before);
  const [timer] = Object.values(actor.row.pending.timers);
  const moved = migration({
    from: { version: '1', machine: before, context: z.object({}) },
    to: { version: '2', machine: after },
    renamed: { states: { 'm.old': 'm.fresh' } },
    migrate: ({ context }) => ({ value: 'fresh', context }),
  });
  actor.registry = new Registry([{ ...durable(after), version: '2', previous: [moved] }], []);
  actor.fire('', timer?.job);
  // The job that is due finds the actor moved, and its timer under the new name, with the deadline that it had.
  const id = `xstate.after.${NEVER}.m.fresh`;
  expect(actor.row).toMatchObject({ version: '2', pending: { timers: { [id]: { due: timer?.due } } } });
  actor.fire(id);
  expect(actor.row.value).toBe('over');
  expect(actor.timers).toEqual([]);
});

test('pitfall 6: timers are set again under the same id, and outlive an actor that fails', () => {
  const timed = createMachine({
    id: 'timed',
    on: {
      SET: { actions: raise({ type: 'LATER' }, { id: 'later', delay: NEVER }) },
    },
  });
  const actor = new LoneActor(timed);
  actor.send('SET');
  const first = actor.row.pending.timers.later?.job;
  actor.send('SET');
  expect(actor.timers).toEqual(['later']);
  expect(actor.row.pending.timers.later?.job).not.toBe(first);
  expect(actor.fire('later', first)).toBeNull();
  const failing = new LoneActor(visiting, { others: [child] });
  expect(failing.timers).toHaveLength(1);
  failing.end('work', { error: toPlainError(new Error('nobody takes it')) });
  expect(failing.row.status).toBe('error');
  expect(failing.row.pending).toEqual({ timers: {}, effects: {}, children: {} });
});

test('pitfall 7: XState takes what an earlier visit has started for its own', () => {
  const actor = new LoneActor(visiting, { others: [child] });
  const [{ work }, timers] = [actor.row.pending.effects, Object.values(actor.row.pending.timers)];
  actor.send('LEAVE');
  actor.send('BACK');
  const { revision } = actor.row;
  expect(actor.end('work', { output: 1 }, work?.effectId)).toBeNull();
  expect(actor.fire('', timers[0]?.job)).toBeNull();
  expect(actor.row).toMatchObject({ value: 'in', revision });
  expect(actor.end('work', { output: 1 })).toMatchObject({ changed: true });
  expect(actor.context).toEqual({ ends: 1 });
});

test('pitfall 7: a stale error event puts everything in error', () => {
  const actor = new LoneActor(visiting, { others: [child] });
  const { work } = actor.row.pending.effects;
  actor.send('LEAVE');
  actor.end('work', { error: toPlainError(new Error('late')) }, work?.effectId);
  expect(actor.row).toMatchObject({ status: 'active', value: 'out' });
  // XState itself does so, with the error that nobody takes.
  actor.send('BACK');
  actor.end('work', { error: toPlainError(new Error('in time')) });
  expect(actor.row).toMatchObject({ status: 'error', error: { message: 'in time' } });
});

test('pitfall 8: events of XState’s own come in from outside', () => {
  for (const type of ['xstate.done.actor.work', '*']) {
    expect(() => new Registry([{ ...waiter, events: { [type]: waiter.events.BACK } }], [])).toThrow(
      `the event "${type}" can't come from outside`,
    );
  }
});

test('pitfall 9: XState still steps an actor that has ended', () => {
  const actor = new LoneActor(waiter.machine, { input: { delay: NEVER } });
  actor.send('END');
  const { revision } = actor.row;
  expect(() => actor.send('END')).toThrow(expect.objectContaining({ code: 'actor_ended' }));
  expect(actor.fire('', 'any')).toBeNull();
  expect(actor.row.revision).toBe(revision);
});

test.each([
  [
    'a guard',
    {
      guard: () => {
        throw new Error('boom');
      },
      target: '.b',
    },
  ],
  [
    'an assign',
    {
      actions: assign(() => {
        throw new Error('boom');
      }),
    },
  ],
  ['a target’s input', { target: '.c' }],
  [
    'a delay',
    {
      actions: raise(
        { type: 'X' },
        {
          delay: () => {
            throw new Error('boom');
          },
        },
      ),
    },
  ],
])('pitfall 10: a throw in %s leaves no snapshot', (_, transition) => {
  const throwing = setup({ actors }).createMachine({
    id: 'throwing',
    initial: 'a',
    on: { GO: transition as never },
    states: {
      a: {},
      b: {},
      c: {
        invoke: {
          id: 'w',
          src: 'work',
          input: () => {
            throw new Error('boom');
          },
        },
      },
    },
  });
  const actor = new LoneActor(throwing, { others: [child] });
  const { snapshot, revision } = actor.row;
  expect(actor.send('GO')).toMatchObject({ code: 'step_failed', message: expect.stringContaining('boom') });
  expect(actor.row).toMatchObject({ snapshot, revision, status: 'active' });
  expect(actor.work.deadLetters).toMatchObject([{ event: { type: 'GO' } }]);
});

test.each<[string, unknown, RegExp]>([
  ['a Date', new Date(0), /context\.kept is a Date/],
  ['a Map', new Map([[1, 2]]), /context\.kept is a Map/],
  ['an Error', new Error('kept'), /context\.kept is a Error/],
  ['a number without end', Number.POSITIVE_INFINITY, /context\.kept is Infinity/],
  ['a function deep inside', { list: [{ call: () => 1 }] }, /context\.kept\.list\.0\.call is a function/],
])('pitfall 11: %s in the context comes back as something else', (_, kept, reason) => {
  const keeping = createMachine({
    id: 'keeping',
    context: { kept: null as unknown },
    on: { KEEP: { actions: assign({ kept: () => kept }) } },
  });
  const actor = new LoneActor(keeping);
  expect(actor.send('KEEP')).toMatchObject({ code: 'step_failed', message: expect.stringMatching(reason) });
  expect(actor.context).toEqual({ kept: null });
});

test('pitfall 12: an Error is {} in JSON', () => {
  const failing = setup({ actors }).createMachine({
    id: 'failing',
    initial: 'a',
    states: { a: { invoke: { id: 'w', src: 'work' } } },
  });
  const actor = new LoneActor(failing, { others: [child] });
  actor.end('w', { error: new TypeError('plain') as never });
  expect(actor.row.error).toMatchObject({ name: 'TypeError', message: 'plain', code: 'internal_error' });
  expect(JSON.parse(actor.row.snapshot).error).toEqual(actor.row.error);
});

test('pitfall 13: factories and inputs are run again at each step', () => {
  const ran: string[] = [];
  const counting = setup({ actors }).createMachine({
    id: 'counting',
    context: () => ({ made: ran.push('context') }),
    invoke: { id: 'w', src: 'work', input: () => ran.push('input') },
    on: { GO: { actions: assign(() => ({ at: ran.push('assign') })) } },
  });
  const actor = new LoneActor(counting, { others: [child] });
  for (let times = 0; times < 3; times++) actor.send('GO');
  expect(ran).toEqual(['context', 'input', 'assign', 'assign', 'assign']);
});

test('pitfall 14: an action without implementation is silently nothing, and an inline one can not be stored', () => {
  expect(() => registryOf(createMachine({ id: 'm', entry: 'missing' }))).toThrow(
    /"missing" has no implementation/,
  );
  expect(() => registryOf(createMachine({ id: 'm', entry: () => {} }))).toThrow(/inline action/);
  // What only a step can find fails that step.
  const hidden = createMachine({
    id: 'hidden',
    on: { GO: { actions: enqueueActions(({ enqueue }) => enqueue(() => {})) } },
  });
  expect(new LoneActor(hidden).send('GO')).toMatchObject({ code: 'step_failed' });
});

test('pitfall 15: a message to nobody goes to oneself, and sendParent throws in the pure functions', () => {
  const talking = setup({ types: { context: {} as { heard: number } } }).createMachine({
    id: 'talking',
    context: { heard: 0 },
    on: {
      LOST: { actions: sendTo(({ system }) => system.get('nobody'), { type: 'HEARD' }) },
      UP: { actions: sendParent({ type: 'HEARD' }) },
      HEARD: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
    },
  });
  const [actor, live] = [new LoneActor(talking), new LiveActor(talking, {})];
  actor.send('LOST');
  live.send({ type: 'LOST' });
  expect(actor.context).toEqual(live.seen().context);
  // Both steps stand in the journal.
  expect(actor.work.journal.map(({ record }) => JSON.parse(record).event.type)).toEqual(['LOST', 'HEARD']);
  const told = new LoneActor(talking);
  const asChild = { ...told.row, parent: { address: 'parent/1', childId: 'kid', sync: false } };
  told.tryOn(asChild, { kind: 'event', event: { type: 'UP' }, source: null });
  expect(told.work.sent).toMatchObject([{ to: 'parent/1', kind: 'event', body: { type: 'HEARD' } }]);
});

test('pitfall 16: a guard that reads a child sees a stub, and nothing breaks', () => {
  const seen: unknown[] = [];
  const reading = setup({
    types: { context: {} as { kid: AnyActorRef } },
    actors,
    guards: {
      look: ({ context }) => {
        seen.push((context.kid.getSnapshot() as { status: string }).status);
        return true;
      },
    },
  }).createMachine({
    id: 'reading',
    context: ({ spawn }) => ({ kid: spawn('child', { id: 'kid' }) }),
    on: { LOOK: { guard: 'look', actions: sendTo(({ context }) => context.kid, { type: 'SEEN' }) } },
  });
  const actor = new LoneActor(reading, { others: [child] });
  expect(actor.send('LOOK')).toMatchObject({ changed: true });
  expect(seen).toEqual(['active']);
  // The reference itself is a true one: what is sent to it arrives.
  expect(actor.work.sent).toMatchObject([
    { to: actor.row.pending.children.kid?.address, body: { type: 'SEEN' } },
  ]);
});

test('pitfall 17: children that have ended stay in the snapshot', () => {
  const staying = setup({ actors }).createMachine({
    id: 'staying',
    initial: 'on',
    states: { on: { invoke: { id: 'kid', src: 'child' }, on: { LEAVE: 'off' } }, off: {} },
  });
  const actor = new LoneActor(staying, { others: [child] });
  const { children } = actor.row.pending;
  const from = children.kid?.address ?? '';
  const mail = { id: '1', to: actor.row.address, from, kind: 'event' as const, trace: null };
  const done = { type: 'xstate.done.actor.kid', output: 1, actorId: 'kid' };
  actor.mail([{ ...mail, body: done }]);
  expect(actor.children).toEqual([]);
  actor.send('LEAVE');
  // Nobody is told to stop who has ended.
  expect(actor.work.sent).toEqual([]);
});

test('pitfall 18: createTestModel refuses machines with invoke or after', () => {
  expect(() => createTestModel(visiting)).toThrow();
  const outcomes = { work: { outputs: [1], errors: [] } };
  const serialize = (snapshot: { value: unknown }) => JSON.stringify(snapshot.value);
  const paths = pathsOf({
    machine: visiting,
    inputs: [{}],
    events: [{ type: 'LEAVE' }],
    outcomes,
    serialize,
  });
  const last = new Set(paths.map(({ events }) => events.at(-1)?.type));
  expect(last).toContain('xstate.done.actor.work');
  expect(last).toContain(`xstate.after.${NEVER}.visiting.in`);
});

test('pitfall 20: an endless always loop hangs the process', () => {
  const looping = createMachine({
    id: 'looping',
    initial: 'a',
    states: {
      a: { on: { GO: 'b' } },
      b: { always: 'c' },
      c: { always: 'b' },
    },
  });
  const actor = new LoneActor(looping);
  expect(actor.send('GO')).toMatchObject({
    code: 'step_failed',
    message: expect.stringMatching(/infinite|iterations/i),
  });
  expect(actor.row).toMatchObject({ value: 'a', status: 'active' });
});

test('pitfall 21: restoring a snapshot changes the object that it is restored from', () => {
  const careless = createMachine({
    id: 'careless',
    context: { list: [] as number[] },
    on: {
      ADD: {
        actions: assign({
          // Changes the context that it is given, as it must not.
          list: ({ context }) => {
            context.list.push(1);
            return context.list;
          },
        }),
      },
    },
  });
  const actor = new LoneActor(careless);
  const { row } = actor;
  // A step that lost to another writer is taken again on the same row, and starts from what is stored.
  for (let times = 0; times < 2; times++) {
    actor.tryOn(row, { kind: 'event', event: { type: 'ADD' }, source: null });
    expect(JSON.parse(actor.work.row?.snapshot ?? '')).toMatchObject({ context: { list: [1] } });
  }
});

test('pitfall 22: a store runs its effects inside the pure transition, and no inspector sees it', () => {
  const store = setup({ actors: { store: fromTransition((state) => state, {}) } }).createMachine({ id: 'm' });
  expect(() => registryOf(store)).toThrow(/"store" is not a promise/);
});

test('pitfall 23: the scope’s underscored members are private to XState', () => {
  const pinned = JSON.parse(readFileSync('package.json', 'utf8')).dependencies.xstate as string;
  const installed = JSON.parse(readFileSync('node_modules/xstate/package.json', 'utf8')).version as string;
  expect(pinned).toBe(installed);
  const members: string[][] = [];
  const looking = createMachine({
    id: 'looking',
    entry: assign(({ system }) => {
      const entries = Object.entries(system).filter(([, member]) => typeof member === 'function');
      members.push(entries.map(([name]) => name));
      return {};
    }),
  });
  createActor(looking).start();
  new LoneActor(looking);
  const [ofXState, ofOurs] = members;
  expect(ofXState).toContain('_bookId');
  expect(ofOurs).toEqual(expect.arrayContaining(ofXState ?? []));
});
