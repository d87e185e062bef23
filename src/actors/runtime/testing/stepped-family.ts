/**
 * Actors on the runtime's own layers (stepper, apply), without a database: rows pass through JSON at each step, as they
 * do through Postgres, and messages are delivered in the order in which XState's mailboxes would deliver them, which is
 * one of those that the runtime may choose.
 */
import { randomUUID } from 'node:crypto';
import type { ActorRow, MessageRow, NewMessage } from '../../../persistence/actors/rows.ts';
import { RuntimeError } from '../errors.ts';
import { Registry } from '../registry/registry.ts';
import { applyItem } from '../steps/apply.ts';
import { type Item, Work } from '../steps/work.ts';
import type { DurableMachine, Effect } from '../types.ts';
import { type Outcome, plain, type Seen } from './live-actor.ts';

const START = Date.parse('2026-01-05T15:00:00.000Z');

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Todo = DistributiveOmit<Item, 'stepId' | 'address'> | NewMessage;

/** One actor with its children. The first machine is its own; the others are its children's. */
export class SteppedFamily {
  readonly #registry: Registry;
  readonly #root: string;
  readonly #rows = new Map<string, ActorRow>();
  readonly #inputs = new Map<string, unknown>();
  readonly #mailboxes = new Map<string, Todo[]>();
  readonly #busy = new Set<string>();
  readonly emitted: unknown[] = [];
  #now = 0;

  constructor(machines: readonly [DurableMachine, ...DurableMachine[]], effects: readonly Effect[]) {
    const [{ id: machine }] = machines;
    this.#registry = new Registry(machines, effects);
    this.#root = `${machine}/1`;
    this.#do(this.#root, {
      kind: 'spawn',
      machine,
      key: '1',
      owner: 'local',
      input: {},
      singletonKey: null,
    });
  }

  send(type: string, now: number): void {
    this.#now = now;
    this.#do(this.#root, { kind: 'event', event: { type }, source: null });
  }

  /** Ends an effect; of a child, where its id in its parent is given. */
  end(invokeId: string, outcome: Outcome, now: number, child?: string): void {
    this.#now = now;
    const { address, pending } = this.#row(child);
    this.#do(address, { kind: 'effect', effectId: pending.effects[invokeId]?.effectId ?? '', outcome });
  }

  /** Milliseconds from the start to the nearest deadline. */
  nextDue(): number | undefined {
    const dues = this.#timers().map(({ due }) => due);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** Fires what is due, in its order. The order of the entries themselves is lost in Postgres, so it is here. */
  passTimeTo(now: number): void {
    this.#now = now;
    for (;;) {
      const [first] = this.#timers()
        .filter(({ due }) => due <= now)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .sort((a, b) => a.due - b.due || a.order - b.order);
      if (!first) return;
      this.#do(first.address, { kind: 'timer', job: first.job });
    }
  }

  /** Whether timers of two actors are due at once: between them the runtime promises no order. */
  isTied(): boolean {
    const due = this.nextDue();
    return new Set(this.#timers().flatMap((one) => (one.due === due ? [one.address] : []))).size > 1;
  }

  /** The ids of the children that have not ended, sorted. */
  children(): string[] {
    return Object.keys(this.#row().pending.children).sort();
  }

  effects(child?: string): Record<string, unknown> {
    const { effects } = this.#row(child).pending;
    return plain(
      Object.fromEntries(
        Object.entries(effects).map(([id, { effectId }]) => [id, this.#inputs.get(effectId)]),
      ),
    );
  }

  /** Without those for one that has ended: they do nothing. */
  timers(child?: string): string[] {
    return Object.values(this.#row(child).pending.timers)
      .filter(({ to }) => to === undefined || this.#rows.get(to)?.status === 'active')
      .map(({ event }) => event.type)
      .sort();
  }

  seen(child?: string): Seen {
    const row = this.#row(child);
    const stored = JSON.parse(row.snapshot) as Seen;
    if (row.status !== stored.status || JSON.stringify(row.value) !== JSON.stringify(stored.value)) {
      throw new Error(`the row is ${row.status} in ${JSON.stringify(row.value)}, and its snapshot is not`);
    }
    const { status, value, context, output, error } = stored;
    return { status, value, context, output: output ?? null, error: error ?? null };
  }

  #row(child?: string): ActorRow {
    const root = this.#rows.get(this.#root) as ActorRow;
    return child === undefined
      ? root
      : (this.#rows.get(root.pending.children[child]?.address ?? '') as ActorRow);
  }

  #timers() {
    return [...this.#rows.values()].flatMap(({ address, pending }) =>
      Object.entries(pending.timers).map(([id, { job, due, order }]) => ({
        address,
        id,
        job,
        order,
        due: Date.parse(due) - START,
      })),
    );
  }

  /** An actor that is at it takes this when it is done with what it does. */
  #do(address: string, todo: Todo): void {
    const mailbox = this.#mailboxes.get(address) ?? [];
    this.#mailboxes.set(address, mailbox);
    mailbox.push(todo);
    if (this.#busy.has(address)) return;
    this.#busy.add(address);
    for (let next = mailbox.shift(); next; next = mailbox.shift()) {
      for (const message of this.#apply(address, next)) this.#do(message.to, message);
    }
    this.#busy.delete(address);
  }

  /** Answers what it tells others. */
  #apply(address: string, todo: Todo): NewMessage[] {
    const isMessage = 'to' in todo;
    const mailbox: MessageRow[] = isMessage ? [{ ...plain(todo), id: '1' }] : [];
    const row = this.#rows.get(address);
    const work = new Work(address, row && withRealDates(plain(row)), new Date(START + this.#now), {
      mailbox,
    });
    const item = { ...(isMessage ? { kind: 'mail' } : todo), stepId: randomUUID(), address } as Item;
    const answer = applyItem(this.#registry, work, item);
    if (answer instanceof RuntimeError) throw answer;
    for (const [effectId, { input }] of work.effects) this.#inputs.set(effectId, input);
    if (address === this.#root) for (const { event } of work.emitted) this.emitted.push(event);
    if (work.row) this.#rows.set(address, work.row);
    return work.sent;
  }
}

function withRealDates(row: ActorRow): ActorRow {
  return { ...row, createdAt: new Date(row.createdAt), updatedAt: new Date(row.updatedAt) };
}
