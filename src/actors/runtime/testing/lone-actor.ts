/**
 * One actor on the runtime's own layers (registry, stepper, apply), without a database: its row passes through JSON
 * before each item, as it does through Postgres. Nothing that it starts is run.
 */
import { randomUUID } from 'node:crypto';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { z } from 'zod';
import type { ActorRow, MessageRow } from '../../../persistence/actors/rows.ts';
import { effect } from '../registry/effect.ts';
import { Registry } from '../registry/registry.ts';
import { applyItem } from '../steps/apply.ts';
import { type Answer, type Item, Work } from '../steps/work.ts';
import type { ActorEvent, DurableMachine } from '../types.ts';
import { plain } from './live-actor.ts';

type Body<T> = T extends unknown ? Omit<T, 'stepId' | 'address'> : never;

/** A machine as it is registered, which takes no events from outside. */
export function durable(machine: AnyStateMachine): DurableMachine {
  return { id: machine.id, version: '1', machine, input: z.unknown(), events: {} };
}

/** A registry of these machines, with an effect for each of their sources that is not a machine. */
export function registryOf(...machines: AnyStateMachine[]): Registry {
  const sources = machines.flatMap(({ implementations }) => Object.entries(implementations.actors as object));
  const names = sources.filter(([, logic]) => !(logic instanceof StateMachine)).map(([name]) => name);
  const shapes = { input: z.unknown(), output: z.unknown() };
  const effects = [...new Set(names)].map((name) => effect(name, shapes, async () => null));
  return new Registry(machines.map(durable), effects);
}

export class LoneActor {
  /** The machines that its process has. */
  registry: Registry;
  readonly #address: string;
  #row: ActorRow | undefined;
  /** What its latest item has come to. */
  work: Work;

  /** `others`: the machines of its children. */
  constructor(machine: AnyStateMachine, { others = [] as AnyStateMachine[], input = {} as unknown } = {}) {
    this.registry = registryOf(machine, ...others);
    this.#address = `${machine.id}/1`;
    this.work = new Work(this.#address, undefined, new Date());
    this.apply({ kind: 'spawn', machine: machine.id, key: '1', owner: 'a', input, singletonKey: null });
  }

  get row(): ActorRow {
    if (!this.#row) throw new Error(`there is no ${this.#address}`);
    return this.#row;
  }

  get context(): Record<string, unknown> {
    return (JSON.parse(this.row.snapshot) as { context: Record<string, unknown> }).context;
  }

  /** The names of what it waits for. */
  get timers(): string[] {
    return Object.keys(this.row.pending.timers).sort();
  }
  get effects(): string[] {
    return Object.keys(this.row.pending.effects).sort();
  }
  get children(): string[] {
    return Object.keys(this.row.pending.children).sort();
  }

  /** Does one thing to it. Throws, or returns, what the item is refused with. */
  apply(body: Body<Item>): Answer | Error {
    const answer = this.tryOn(this.#row, body);
    this.#row = this.work.row;
    return answer;
  }

  /** Takes what others have told it. */
  mail(mailbox: readonly MessageRow[]): Answer | Error {
    const answer = this.tryOn(this.#row, { kind: 'mail' }, mailbox);
    this.#row = this.work.row;
    return answer;
  }

  /** As `apply`, on a row of its past; it stays as it is. */
  tryOn(row: ActorRow | undefined, body: Body<Item>, mailbox: readonly MessageRow[] = []): Answer | Error {
    const stored = row && { ...plain(row), createdAt: row.createdAt, updatedAt: row.updatedAt };
    this.work = new Work(this.#address, stored, new Date(), { mailbox });
    const item = { ...body, stepId: randomUUID(), address: this.#address } as Item;
    return applyItem(this.registry, this.work, item);
  }

  send(event: ActorEvent | string): Answer | Error {
    const sent = typeof event === 'string' ? { type: event } : event;
    return this.apply({ kind: 'event', event: sent, source: null });
  }

  /** Fires a timer that it waits for; or `job`, whatever it waits for. */
  fire(timerId: string, job = this.row.pending.timers[timerId]?.job ?? 'none'): Answer | Error {
    return this.apply({ kind: 'timer', job });
  }

  /** An effect that it waits for has ended; or `effectId`, whatever it waits for. */
  end(
    invokeId: string,
    outcome: Extract<Item, { kind: 'effect' }>['outcome'],
    effectId = this.row.pending.effects[invokeId]?.effectId ?? 'none',
  ): Answer | Error {
    return this.apply({ kind: 'effect', effectId, outcome });
  }
}
