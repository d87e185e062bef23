/**
 * One migration, from a version of a machine to a later one: the state, and the names of what an actor waits for. Pure.
 * Not for chains of them, nor for what becomes of timers and effects: that is `migrate.ts`.
 */
import type { AnyStateNode, StateValue } from 'xstate';
import { RuntimeError } from '../errors.ts';
import type { HistoryIds, Migration } from '../registry/versions.ts';
import type { Identity } from '../steps/collector.ts';
import { faultOfValue } from '../steps/lossless.ts';
import type { Stepper } from '../steps/stepper.ts';
import { nodesOf } from './expected.ts';

/** XState's persisted snapshot, as far as it is changed here. */
export interface Persisted {
  value: StateValue;
  context: Record<string, unknown>;
  historyValue?: Record<string, { id: string }[]>;
  children: Record<string, { src: unknown }>;
  [field: string]: unknown;
}

export class Link {
  readonly migration: Migration;
  readonly #target: Stepper;
  readonly #targetNodes: ReadonlyMap<string, AnyStateNode>;
  /** The ids of the old machine's `after` timers that are other ones now. */
  readonly #timers: ReadonlyMap<string, string>;

  constructor(migration: Migration, target: Stepper) {
    this.migration = migration;
    this.#target = target;
    this.#targetNodes = nodesOf(migration.to.machine.root);
    const afters = [...nodesOf(migration.machine.root).values()].flatMap(({ after }) => after);
    this.#timers = new Map([
      ...afters.map(({ eventType, source, delay }) => {
        const state = this.#stateId(source.id);
        const renamed = state !== null && state !== source.id && typeof delay !== 'function';
        return [eventType, renamed ? `xstate.after.${delay}.${state}` : eventType] as const;
      }),
      ...Object.entries(migration.renamed.timers ?? {}),
    ]);
  }

  /** What a timer of the old version is called in the new one. */
  timerId(id: string): string {
    return this.#timers.get(id) ?? id;
  }

  /** What an effect or a child of the old version is called in the new one. */
  actorId(id: string): string {
    const { effects, children } = this.migration.renamed;
    return effects?.[id] ?? children?.[id] ?? id;
  }

  /** The snapshot of the new version. Throws `migration_failed`, or what the migration throws. */
  migrate(identity: Identity, old: Persisted): Persisted {
    const { migration } = this;
    const context = migration.context.safeParse(old.context);
    if (!context.success) {
      const fields = context.error.issues.map(
        ({ path, message }) => `${path.map(String).join('.')}: ${message}`,
      );
      throw failed(`its context is not one of version ${migration.version}: ${fields.join('; ')}`);
    }
    const state = { value: old.value, context: context.data as Persisted['context'], history: idsOf(old) };
    const { value = this.#renamedValue(old.value), context: newContext, history } = migration.migrate(state);
    if (!isObject(newContext)) throw failed('the migration answers no context');
    const fault = faultOfValue({ value, context: newContext, history });
    if (fault) throw failed(fault);
    const children = renamedKeys(old.children, (id) => this.actorId(id), 'child');
    const next: Persisted = {
      ...old,
      value,
      context: this.#withRefsRenamed(newContext),
      historyValue: this.#historyOf(history ?? this.#renamedHistory(idsOf(old))),
      children,
    };
    this.#check(identity, next);
    return next;
  }

  /** A snapshot that XState takes, of a state in which an actor can go on. */
  #check(identity: Identity, next: Persisted): void {
    // A copy: restoring changes what it is given.
    const { snapshot } = this.#target.restore(identity, structuredClone(next));
    if (!isWithin(next.value, snapshot.value) || !isOneState(snapshot._nodes)) {
      throw failed(`${JSON.stringify(next.value)} is not a state of version ${this.migration.to.version}`);
    }
    if (isFinal(this.migration.to.machine.root, new Set(snapshot._nodes.map(({ id }) => id)))) {
      throw failed(`${JSON.stringify(next.value)} is final; an actor ends by a step of its own`);
    }
  }

  /** What a state of the old version is called in the new one; null for one that is gone. */
  #stateId(id: string): string | null {
    const { states = {} } = this.migration.renamed;
    // The innermost that is named decides.
    const around = Object.keys(states).filter((old) => id === old || id.startsWith(`${old}.`));
    const [named] = around.sort((a, b) => b.length - a.length);
    if (named === undefined) return id;
    const renamed = states[named] ?? null;
    return renamed === null ? null : renamed + id.slice(named.length);
  }

  /** As it is, with the states renamed. Throws for one that the new version lacks. */
  #renamedValue(value: StateValue): StateValue {
    const tree: Tree = {};
    for (const leaf of leavesOf(this.migration.machine.root, value)) {
      const id = this.#stateId(leaf);
      if (id === null) continue;
      const node = this.#targetNodes.get(id);
      if (!node) {
        throw failed(
          `version ${this.migration.to.version} has no state "${id}": rename it, or answer a state value`,
        );
      }
      node.path.reduce((at, key) => (at[key] ??= {}), tree);
    }
    return toValue(tree);
  }

  /** As it is, with the states renamed. What a history state that is gone has remembered nobody can ask for. */
  #renamedHistory(history: HistoryIds): HistoryIds {
    const renamed = Object.entries(history).flatMap(([id, states]) => {
      const name = this.#stateId(id);
      if (name === null || !this.#targetNodes.has(name)) return [];
      const remembered = states.map((state) => this.#stateId(state)).filter((state) => state !== null);
      return [[name, remembered] as const];
    });
    return Object.fromEntries(renamed);
  }

  #historyOf(history: HistoryIds): NonNullable<Persisted['historyValue']> {
    // XState forgets in silence what it does not know.
    const unknown = Object.entries(history).flatMap(([id, states]) =>
      [id, ...states].filter((state) => !this.#targetNodes.has(state)),
    );
    if (unknown.length > 0) {
      throw failed(
        `its history holds ${unknown.join(', ')}, which version ${this.migration.to.version} lacks`,
      );
    }
    return Object.fromEntries(
      Object.entries(history).map(([id, states]) => [id, states.map((state) => ({ id: state }))]),
    );
  }

  /** A spawned child that the context holds is stored there by its id. */
  #withRefsRenamed<Value>(value: Value): Value {
    return JSON.parse(JSON.stringify(value), (_key, part: unknown) => {
      const isRef = typeof part === 'object' && part !== null && 'xstate$$type' in part && 'id' in part;
      return isRef ? { ...part, id: this.actorId(String(part.id)) } : part;
    }) as Value;
  }
}

function failed(message: string): RuntimeError {
  return new RuntimeError('migration_failed', message);
}

function idsOf({ historyValue = {} }: Persisted): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(historyValue).map(([id, states]) => [id, states.map((state) => state.id)]),
  );
}

/** The entries under their new names. Throws when two would have the same one. */
export function renamedKeys<Entry>(
  entries: Record<string, Entry>,
  rename: (id: string) => string,
  what: string,
): Record<string, Entry> {
  const renamed: Record<string, Entry> = {};
  for (const [id, entry] of Object.entries(entries)) {
    const name = rename(id);
    if (Object.hasOwn(renamed, name)) throw failed(`two have the ${what} id "${name}" after the renaming`);
    renamed[name] = entry;
  }
  return renamed;
}

interface Tree {
  [key: string]: Tree;
}

function toValue(tree: Tree): StateValue {
  const entries = Object.entries(tree);
  const [only] = entries;
  if (only && entries.length === 1 && Object.keys(only[1]).length === 0) return only[0];
  return Object.fromEntries(entries.map(([key, inner]) => [key, toValue(inner)]));
}

/** The ids of the innermost states of a state value. */
function leavesOf(node: AnyStateNode, value: StateValue): string[] {
  const inner = typeof value === 'string' ? { [value]: {} } : value;
  const leaves = Object.entries(inner).flatMap(([key, within]) => {
    const child = node.states[key] as AnyStateNode | undefined;
    if (!child) throw failed(`"${key}" is no state of ${node.id}`);
    return leavesOf(child, within ?? {});
  });
  return leaves.length > 0 ? leaves : [node.id];
}

/** Whether a state value is the whole one, or the outer part of it: XState fills in initial states. */
function isWithin(part: unknown, whole: unknown): boolean {
  if (typeof part === 'string') {
    return typeof whole === 'string' ? part === whole : isObject(whole) && Object.hasOwn(whole, part);
  }
  if (!isObject(part) || !isObject(whole)) return isObject(part) && Object.keys(part).length === 0;
  return Object.entries(part).every(
    ([key, inner]) => Object.hasOwn(whole, key) && isWithin(inner, whole[key]),
  );
}

/** XState takes a value with two states of one that is not parallel as it comes. */
function isOneState(active: readonly AnyStateNode[]): boolean {
  return active
    .filter(({ type }) => type === 'compound')
    .every((node) => active.filter(({ parent }) => parent === node).length === 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isFinal(node: AnyStateNode, active: ReadonlySet<string>): boolean {
  const children = Object.values(node.states) as AnyStateNode[];
  if (node.type === 'compound') return children.some(({ id, type }) => type === 'final' && active.has(id));
  if (node.type === 'parallel') return children.every((child) => isFinal(child, active));
  return node.type === 'final';
}
