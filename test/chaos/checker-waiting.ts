/** The checker's rules of what actors wait for: timers, effects, messages of other actors. Pure. */
import type { ActorAtEnd, History, Step } from './history.ts';

type ByActor = ReadonlyMap<string, readonly Step[]>;

/** However long a fault lasts, everything that is due is done within this. */
export const LATEST_MS = 20_000;

/**
 * A timer fires once for each time that it is set, not before it is due, and not for ever after; what is set and did
 * not fire still waits.
 */
export function timers({ actors, jobs, readAt }: History, byActor: ByActor): string[] {
  const waiting = new Set(jobs.map(({ id }) => id));
  return actors.flatMap((actor) => {
    const { faults, armed } = timersOf(byActor.get(actor.address) ?? []);
    const { address, status, pending } = actor;
    const kept = new Set(Object.keys(pending.timers));
    const open = status === 'active' ? [...armed.keys()] : [];
    for (const id of open) if (!kept.has(id)) faults.push(`${address}: the timer ${id} was set, and is lost`);
    for (const id of kept)
      if (!open.includes(id)) faults.push(`${address} waits for ${id}, which was not set`);
    for (const [id, { job, due }] of Object.entries(pending.timers)) {
      if (!waiting.has(job)) faults.push(`${address}: the timer ${id} has no job`);
      if (Date.parse(due) + LATEST_MS < readAt)
        faults.push(`${address}: the timer ${id} of ${due} has not fired`);
    }
    return faults;
  });
}

function timersOf(steps: readonly Step[]): { faults: string[]; armed: Map<string, number> } {
  const faults: string[] = [];
  const armed = new Map<string, number>();
  const isLate = (id: string, at: number) => at > (armed.get(id) ?? at) + LATEST_MS;
  for (const { address, kind, event, at, revision, effects } of steps) {
    if (isLate(event.type, at)) faults.push(`${address}: ${event.type} fired late at revision ${revision}`);
    if (kind !== 'spawn' && event.type.startsWith('xstate.after.')) {
      const due = armed.get(event.type);
      if (due === undefined)
        faults.push(`${address}: ${event.type} fired at revision ${revision} without being set`);
      else if (at < due) faults.push(`${address}: ${event.type} fired ${due - at} ms too early`);
      armed.delete(event.type);
    }
    for (const descriptor of effects) {
      if (descriptor.type === '@xstate.cancel') {
        if (isLate(descriptor.id, at)) {
          faults.push(
            `${address}: ${descriptor.id} had not fired when it was cancelled at revision ${revision}`,
          );
        }
        armed.delete(descriptor.id);
      }
      if (descriptor.type === '@xstate.raise') armed.set(descriptor.id, Date.parse(descriptor.due));
    }
  }
  return { faults, armed };
}

/** An effect has one result at most, which it was called for; what has none was cancelled, or is still to run. */
export function effects(history: History, byActor: ByActor): string[] {
  const { actors, effects: rows, called, settled } = history;
  const faults: string[] = [];
  const started = new Set<string>();
  const toRun = new Set(rows.map(({ effectId }) => effectId));
  for (const { address, pending } of actors) {
    const open = new Map<string, string>();
    const ended = new Set<string>();
    for (const { kind, event, source, effects: descriptors } of byActor.get(address) ?? []) {
      const result = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(event.type);
      if (kind !== 'spawn' && result?.[1] !== undefined && source?.includes('#')) {
        if (ended.has(source)) faults.push(`${source} has two results`);
        else if (open.get(result[1]) !== source) faults.push(`${source} has a result that nobody waited for`);
        if (!called.has(source)) faults.push(`${source} has a result, and was never called`);
        ended.add(source);
        open.delete(result[1]);
      }
      for (const descriptor of descriptors) {
        if (descriptor.type === '@xstate.stop') open.delete(descriptor.id);
        if (descriptor.type !== '@xstate.start') continue;
        open.set(descriptor.id, descriptor.effectId);
        if (started.has(descriptor.effectId)) faults.push(`${descriptor.effectId} was started twice`);
        started.add(descriptor.effectId);
      }
    }
    faults.push(...openFaults(address, open, pending, toRun));
  }
  const waitedFor = new Set(
    actors.flatMap(({ pending }) => Object.values(pending.effects).map(({ effectId }) => effectId)),
  );
  for (const id of toRun) if (!waitedFor.has(id)) faults.push(`${id} is to run, and nobody waits for it`);
  // The ledger is read a little later than the tables.
  for (const id of settled ? called : []) {
    if (!started.has(id)) faults.push(`${id} was called, and no step has started it`);
  }
  return faults;
}

function openFaults(
  address: string,
  open: ReadonlyMap<string, string>,
  { effects: waits }: ActorAtEnd['pending'],
  toRun: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  for (const [id, effectId] of open) {
    if (waits[id]?.effectId !== effectId)
      faults.push(`${effectId} was started, and ${address} does not wait for it`);
    else if (!toRun.has(effectId)) faults.push(`${address} waits for ${effectId}, which is not to run`);
  }
  for (const id of Object.keys(waits)) {
    if (!open.has(id)) faults.push(`${address} waits for the effect ${id}, which has ended`);
  }
  return faults;
}

/** What an actor tells another arrives once, in the order in which it was told; what has not arrived is under way. */
export function childrensMessages({ messages }: History, byActor: ByActor): string[] {
  const faults: string[] = [];
  const told = new Map<string, string[]>();
  const heard = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, from: string, to: string, what: string) => {
    const name = `${from} to ${to}`;
    const list = map.get(name);
    if (list) list.push(what);
    else map.set(name, [what]);
  };
  const parents = new Map<string, { parent: string; childId: string }>();
  for (const [address, steps] of byActor) {
    for (const { event, kind, source, status, effects: descriptors } of steps) {
      for (const descriptor of descriptors) {
        if (descriptor.type === '@xstate.spawn') {
          parents.set(descriptor.address, { parent: address, childId: descriptor.id });
          add(told, address, descriptor.address, 'spawn');
        }
        if (descriptor.type === '@xstate.sendTo') add(told, address, descriptor.to, nameOf(descriptor.event));
      }
      if (source?.includes('/') && !source.includes('#') && source !== address) {
        add(heard, source, address, kind === 'spawn' ? 'spawn' : nameOf(event));
      }
      const own = parents.get(address);
      if (own && status === 'done' && kind === 'step') {
        add(told, address, own.parent, `xstate.done.actor.${own.childId}`);
      }
    }
  }
  const underWay = new Map<string, number>();
  for (const { from, to } of messages) {
    underWay.set(`${from} to ${to}`, (underWay.get(`${from} to ${to}`) ?? 0) + 1);
  }
  for (const name of new Set([...told.keys(), ...heard.keys()])) {
    const [sent, taken] = [told.get(name) ?? [], heard.get(name) ?? []];
    const arrived = sent.slice(0, sent.length - (underWay.get(name) ?? 0));
    if (arrived.join() !== taken.join())
      faults.push(`${name}: told ${arrived.join(', ')}, heard ${taken.join(', ')}`);
  }
  return faults;
}

function nameOf(event: { type: string; [field: string]: unknown }): string {
  return typeof event.k === 'number' ? `${event.type} ${event.k}` : event.type;
}
