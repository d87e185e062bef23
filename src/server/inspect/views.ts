/**
 * What the inspector answers as JSON: actors and steps with their place in the chart, big values cut down.
 * Values were redacted when the journal was written; this only limits size. Not for Stately's frames (stately.ts).
 */
import type { StateValue } from 'xstate';
import type { ActorView, EffectDescriptor, InspectionRecord } from '../../actors/runtime/index.ts';
import { capped, maxListedBytes, maxValueBytes } from '../capped.ts';
import type { Charts } from './layout.ts';
import { activeNodes, type EnabledEvent, enabledEvents, takenEdges } from './position.ts';

const maxValuesSearched = 5_000;

/** An actor as a line of the list. */
export interface ActorItem {
  address: string;
  machine: string;
  key: string;
  version: string;
  owner: string;
  status: ActorView['status'];
  revision: number;
  value: StateValue;
  /** What it is about, where its context says so (`subjectOf`). */
  subject: string | null;
  /** True when its context or output says `source: "simulated"` anywhere. */
  simulated: boolean;
  updatedAt: string;
}

/** An actor in full, as it is committed. Times are ISO. */
export interface ActorDetail extends ActorItem {
  tags: string[];
  context: unknown;
  output: unknown;
  error: ActorView['error'] | null;
  timers: { id: string; due: string; event: { type: string } }[];
  effects: ActorView['effects'];
  enabled: EnabledEvent[];
  /** Ids of the active state nodes. */
  active: string[];
  createdAt: string;
}

/** A committed step as a line of the history. */
export interface Step extends ActorItem {
  cursor: string;
  incarnation: string;
  kind: InspectionRecord['kind'];
  at: string;
  event: unknown;
  eventType: string;
  source: string | null;
  valueBefore: StateValue | null;
  active: string[];
  /** Ids of the edges that the step took. */
  taken: string[];
  microsteps: InspectionRecord['microsteps'];
  effects: EffectDescriptor[];
}

/** A step with everything that it left behind. */
export interface StepDetail extends Step {
  context: unknown;
  output: unknown;
  error: ActorView['error'] | null;
}

export function actorItem(actor: ActorView): ActorItem {
  const { address, machine, key, version, owner, status, revision, value, context, output } = actor;
  return {
    ...{ address, machine, key, version, owner, status, revision, value },
    subject: subjectOf(context),
    simulated: isSimulated([context, output]),
    updatedAt: actor.updatedAt.toISOString(),
  };
}

export function actorDetail(actor: ActorView, charts: Charts): ActorDetail {
  const graph = charts.graph(actor.machine, actor.version);
  const active = graph ? activeNodes(graph, actor.value) : [];
  return {
    ...actorItem(actor),
    tags: actor.tags,
    context: capped(actor.context, maxValueBytes),
    output: capped(actor.output ?? null, maxValueBytes),
    error: actor.error ?? null,
    timers: actor.timers.map(({ id, due, event }) => ({ id, due: due.toISOString(), event })),
    effects: actor.effects,
    enabled: graph && actor.status === 'active' ? enabledEvents(graph, active) : [],
    active,
    createdAt: actor.createdAt.toISOString(),
  };
}

export function stepItem(record: InspectionRecord, charts: Charts): Step {
  const graph = charts.graph(record.machine, record.version);
  const { cursor, address, machine, version, owner, incarnation, revision, kind, source, microsteps } =
    record;
  const { status, value, context, output } = record.snapshot;
  return {
    ...{ cursor, address, machine, key: address.slice(machine.length + 1), version, owner, incarnation },
    ...{ revision, kind, status, value, source, microsteps },
    subject: subjectOf(context),
    simulated: isSimulated([context, output]),
    at: record.at.toISOString(),
    updatedAt: record.at.toISOString(),
    event: capped(record.event, maxListedBytes),
    eventType: record.event.type,
    valueBefore: record.valueBefore,
    active: graph ? activeNodes(graph, value) : [],
    taken: graph ? takenEdges(graph, microsteps) : [],
    effects: capEffects(record.effects),
  };
}

export function stepDetail(record: InspectionRecord, charts: Charts): StepDetail {
  return {
    ...stepItem(record, charts),
    event: capped(record.event, maxValueBytes),
    context: capped(record.snapshot.context, maxValueBytes),
    output: capped(record.snapshot.output ?? null, maxValueBytes),
    error: record.snapshot.error ?? null,
  };
}

/** True when `source: "simulated"` stands anywhere in the value. Looks at a bounded part of a huge one. */
export function isSimulated(value: unknown): boolean {
  const waiting: unknown[] = [value];
  for (let seen = 0; waiting.length > 0 && seen < maxValuesSearched; seen += 1) {
    const next = waiting.pop();
    if (!isRecord(next)) continue;
    if (next.source === 'simulated') return true;
    waiting.push(...Object.values(next).filter(isRecord));
  }
  return false;
}

function capEffects(effects: EffectDescriptor[]): EffectDescriptor[] {
  return effects.map((effect) =>
    effect.type === '@xstate.start' ? { ...effect, input: capped(effect.input, maxListedBytes) } : effect,
  );
}

/** What an actor is about, of its context: a symbol, else a name, a portfolio or a host. */
export function subjectOf(context: unknown): string | null {
  if (!isRecord(context)) return null;
  const input = isRecord(context.input) ? context.input : {};
  const said = [context.symbol, input.symbol, context.name, input.name, context.portfolio, context.host];
  return said.find((subject) => typeof subject === 'string')?.slice(0, 40) ?? null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
