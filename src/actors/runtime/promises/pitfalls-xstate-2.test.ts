/** The known pitfalls of XState from 11 on; the others, and what they are, in `pitfalls-xstate-1.test.ts`. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import {
  type AnyActorRef,
  assign,
  createActor,
  createMachine,
  enqueueActions,
  fromTransition,
  sendParent,
  sendTo,
  setup,
} from 'xstate';
import { createTestModel } from 'xstate/graph';
import { pathsOf } from '../../../../test/model.ts';
import { LiveActor } from '../testing/live-actor.ts';
import { LoneActor, registryOf } from '../testing/lone-actor.ts';

import { actors, child, NEVER, visiting } from '../testing/visiting.ts';

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

test('pitfall 19: some of XState’s throws and warnings are only in its development build', async () => {
  const program = fileURLToPath(new URL('../testing/development-run.ts', import.meta.url));
  const run = promisify(execFile)(process.execPath, ['--conditions=development', program]);
  const { stdout, stderr } = await run;
  expect(stderr).toBe('');
  const { build, values } = JSON.parse(stdout) as { build: string; values: unknown[] };
  expect(build).toContain('development');
  expect(values).toEqual(['counting', 'fired', 'done', 'working']);
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
