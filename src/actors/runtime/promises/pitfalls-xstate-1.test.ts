import { expect, test } from 'vitest';
import { assign, createMachine, raise, setup, spawnChild } from 'xstate';
import { z } from 'zod';
import { toPlainError } from '../errors.ts';
import { Registry } from '../registry/registry.ts';
import { migration } from '../registry/versions.ts';
import { durable, LoneActor, registryOf } from '../testing/lone-actor.ts';
import { waiter } from '../testing/subjects.ts';

import { actors, child, NEVER, rich, visiting } from '../testing/visiting.ts';

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
