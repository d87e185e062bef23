/**
 * Judges the history of a chaos run: what the promises say of it, rule by rule. Pure; reading it is `history.ts`. The
 * rules of what actors wait for stand in `checker-waiting.ts`.
 */
import { isDeepStrictEqual } from 'node:util';
import { AT_REST, firstContext, fold, GAVE_UP } from './actors-machines.ts';
import { childrensMessages, effects, LATEST_MS, timers } from './checker-waiting.ts';
import type { History, Sent, Step } from './history.ts';

/** A promise that was broken, and where. */
export interface Violation {
  rule: string;
  words: string;
}

/** What one actor did, oldest first. */
export type Steps = readonly Step[];
type Rule = (history: History, byActor: ReadonlyMap<string, Steps>) => string[];

const RULES: Readonly<Record<string, Rule>> = {
  'acknowledged once (R1, R3)': (history, byActor) => {
    const applied = timesApplied(byActor);
    return history.sent.flatMap((sent) => faultOfAnswer(sent, applied.get(nameOf(sent)) ?? []));
  },
  'the same key, the same answer (R3)': ({ sent }) =>
    sent.flatMap((one) =>
      (one.again ?? [])
        .filter((again) => !isDeepStrictEqual(again, one.answer))
        .map((again) => `${nameOf(one)}: ${JSON.stringify(one.answer)}, then ${JSON.stringify(again)}`),
    ),
  'nothing that nobody sent (R9)': ({ sent, settled }, byActor) => {
    // Until then clients go on.
    if (!settled) return [];
    const known = new Set(sent.map(nameOf));
    return [...timesApplied(byActor).keys()]
      .filter((name) => !known.has(name))
      .map((name) => `${name} was applied, and never sent`);
  },
  'in order of each source (R4)': (_history, byActor) => [...byActor].flatMap(orderFaults),
  'revisions without gaps (R2)': ({ actors }, byActor) => {
    const last = new Map(actors.map(({ address, revision }) => [address, revision]));
    return [...byActor].flatMap(([address, steps]) => revisionFaults(address, steps, last.get(address)));
  },
  'the snapshot is the fold of the journal (R1)': ({ actors }, byActor) =>
    actors.flatMap(({ address, machine, context }) =>
      foldFaults(address, machine, context, byActor.get(address) ?? []),
    ),
  'timers once for each arming (R5)': timers,
  'each result once (R6)': effects,
  'messages between actors once and in order (R4)': childrensMessages,
  'emitted once (R1)': ({ emitted }, byActor) => {
    const expected = [...byActor.values()]
      .flat()
      .flatMap(({ address, revision, effects: descriptors }) =>
        descriptors
          .filter(({ type }) => type === '@xstate.emit')
          .map((_, index) => `${address} revision ${revision} event ${index}`),
      );
    const found = emitted.map(
      ({ address, revision, index }) => `${address} revision ${revision} event ${index}`,
    );
    return differenceOf(expected, found, 'was emitted');
  },
  'nothing stuck (R7)': stuck,
  'no process fell (R8)': ({ crashes }) => [...crashes],
};

/** All that is wrong; empty when the promises were kept. */
export function check(history: History): Violation[] {
  const byActor = new Map<string, Step[]>();
  for (const step of history.steps) {
    const steps = byActor.get(step.address);
    if (steps) steps.push(step);
    else byActor.set(step.address, [step]);
  }
  return Object.entries(RULES).flatMap(([rule, judge]) =>
    judge(history, byActor).map((words) => ({ rule, words })),
  );
}

function nameOf({ address, source, n }: Pick<Sent, 'address' | 'source' | 'n'>): string {
  return `${address}: event ${n} of ${source}`;
}

/** Of the numbered events: the revisions at which each was applied. */
function timesApplied(byActor: ReadonlyMap<string, Steps>): Map<string, number[]> {
  const applied = new Map<string, number[]>();
  for (const { address, kind, event, revision } of [...byActor.values()].flat()) {
    if (kind !== 'step' || typeof event.n !== 'number' || typeof event.from !== 'string') continue;
    const name = nameOf({ address, source: event.from, n: event.n });
    applied.set(name, [...(applied.get(name) ?? []), revision]);
  }
  return applied;
}

function faultOfAnswer(sent: Sent, revisions: readonly number[]): string[] {
  const name = nameOf(sent);
  const { answer, notApplied } = sent;
  if (notApplied && revisions.length > 0)
    return [`${name} was said not to be applied, and was at ${revisions[0]}`];
  if (revisions.length > 1) return [`${name} was applied at the revisions ${revisions.join(', ')}`];
  if (answer === undefined) return [];
  // All that clients send is well-formed.
  if ('refused' in answer) return [`${name} was refused (${answer.refused})`];
  if (!answer.changed) {
    return revisions.length > 0 ? [`${name} was to change nothing, and was applied at ${revisions[0]}`] : [];
  }
  if (revisions.length === 0) return [`${name} was acknowledged at revision ${answer.revision}, and is lost`];
  return revisions[0] === answer.revision
    ? []
    : [`${name} was acknowledged at revision ${answer.revision}, and applied at ${revisions[0]}`];
}

function orderFaults([address, steps]: [string, Steps]): string[] {
  const faults: string[] = [];
  const last = new Map<string, number>();
  for (const { kind, event } of steps) {
    if (kind !== 'step' || typeof event.n !== 'number' || typeof event.from !== 'string') continue;
    const before = last.get(event.from) ?? 0;
    if (event.n < before) faults.push(`${address}: event ${event.n} of ${event.from} after event ${before}`);
    last.set(event.from, event.n);
  }
  return faults;
}

/** Each step has one revision more than the one before; what changed nothing has its revision again. */
function revisionFaults(address: string, steps: Steps, last: number | undefined): string[] {
  const faults: string[] = [];
  let revision = 0;
  for (const step of steps) {
    const stays = step.kind === 'unchanged' || step.kind === 'failed';
    if (step.revision !== revision + 1 && !(stays && step.revision === revision)) {
      faults.push(`${address}: revision ${step.revision} (${step.event.type}) after ${revision}`);
    }
    revision = step.revision;
  }
  if (revision !== last)
    faults.push(`${address}: its row is at revision ${last}, its journal at ${revision}`);
  return faults;
}

function foldFaults(
  address: string,
  machine: string,
  atEnd: Record<string, unknown>,
  steps: Steps,
): string[] {
  let context = firstContext(machine);
  for (const { kind, event, revision, context: kept } of steps) {
    if (kind === 'step') context = fold(machine, context, event);
    if (!isDeepStrictEqual(context, kept)) {
      const [folded, found] = [context, kept].map((one) => JSON.stringify(one));
      return [
        `${address}: at revision ${revision} the journal keeps ${found}, and its events make ${folded}`,
      ];
    }
  }
  return isDeepStrictEqual(context, atEnd)
    ? []
    : [
        `${address}: its row holds ${JSON.stringify(atEnd)}, and its journal makes ${JSON.stringify(context)}`,
      ];
}

/** What took longer than any fault lasts; and when everything had its time: nothing may be under way. */
function stuck(history: History): string[] {
  const { settled, steps, actors, messages, effects: running, jobs, readAt } = history;
  const faults = [
    ...jobs
      .filter(({ due }) => due + LATEST_MS < readAt)
      .map(({ id, address }) => `the job ${id} of ${address} is due and was not taken`),
    ...steps
      .filter(({ event }) => event.type === GAVE_UP)
      .map(({ address, revision }) => `${address} gave up its effect at revision ${revision}`),
  ];
  if (!settled) return faults;
  faults.push(
    ...messages.map(({ from, to, kind }) => `a message (${kind}) of ${from} to ${to} was not taken`),
  );
  faults.push(...running.map(({ effectId }) => `the effect ${effectId} has not ended`));
  for (const { address, machine, status, value, pending } of actors) {
    const waits = Object.entries(pending).flatMap(([what, entries]) =>
      Object.keys(entries).map((id) => `${what}: ${id}`),
    );
    if (waits.length > 0) faults.push(`${address} waits for ${waits.join(', ')}`);
    const rests = machine === 'helper' ? status === 'done' : isDeepStrictEqual(value, AT_REST);
    if (!rests) faults.push(`${address} is ${status} in ${JSON.stringify(value)} at the end`);
  }
  return faults;
}

/** How two multisets differ, in words. */
export function differenceOf(
  expected: readonly string[],
  found: readonly string[],
  happened: string,
): string[] {
  const counts = new Map<string, number>();
  for (const one of found) counts.set(one, (counts.get(one) ?? 0) + 1);
  for (const one of expected) counts.set(one, (counts.get(one) ?? 0) - 1);
  return [...counts]
    .filter(([, more]) => more !== 0)
    .map(([one, more]) => `${one} ${happened} ${Math.abs(more)} times too ${more > 0 ? 'often' : 'seldom'}`);
}
