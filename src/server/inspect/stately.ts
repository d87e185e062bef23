/**
 * Committed steps as frames of Stately's inspection protocol (@statelyai/inspect 0.7.2): an actor is announced with
 * its definition and present snapshot, then each step is an event and the snapshot after it. The frames are built
 * here, not by that package: its own serialiser cuts definitions at depth 10 and drops them in its manual API.
 */
import type { ActorStatus, ActorView, InspectionRecord } from '../../actors/runtime/index.ts';
import { capped, maxValueBytes } from '../capped.ts';
import type { Charts } from './layout.ts';

const protocolVersion = '0.7.2';

interface FrameBase {
  rootId: string;
  sessionId: string;
  /** Milliseconds since 1970, as a string. */
  createdAt: string;
  id: string;
  _version: string;
}

interface FrameSnapshot {
  status: 'active' | 'done' | 'error' | 'stopped';
  value: unknown;
  context: unknown;
  output?: unknown;
  error?: unknown;
  children: Record<string, never>;
  tags: string[];
}

export type StatelyFrame =
  | (FrameBase & { type: '@xstate.actor'; name: string; definition?: string; snapshot: FrameSnapshot })
  | (FrameBase & { type: '@xstate.event'; event: unknown; sourceId?: string })
  | (FrameBase & { type: '@xstate.snapshot'; event: unknown; snapshot: FrameSnapshot });

/** The frames of one listener: it is told of each actor before it hears of the actor's steps. */
export class StatelyFrames {
  readonly #charts: Charts;
  /** Address to the session id last announced. */
  readonly #announced = new Map<string, string>();

  constructor(charts: Charts) {
    this.#charts = charts;
  }

  /** The frame that announces an actor as it is committed; `incarnation` from its last step. */
  announce(actor: ActorView, incarnation: string): StatelyFrame[] {
    return [this.#actorFrame(actor, incarnation, actor, actor.updatedAt)];
  }

  /** A step's frames, with the actor's announcement before them when this life of it is new here. */
  of(record: InspectionRecord): StatelyFrame[] {
    const sessionId = sessionOf(record.address, record.incarnation);
    const isNew = this.#announced.get(record.address) !== sessionId;
    const announcement = isNew
      ? [this.#actorFrame(record, record.incarnation, record.snapshot, record.at)]
      : [];
    const event = capped(record.event, maxValueBytes);
    const source = record.source === null ? undefined : this.#announced.get(record.source);
    const base = (part: string): FrameBase => frameBase(sessionId, record.at, `${record.cursor}:${part}`);
    return [
      ...announcement,
      { type: '@xstate.event', ...base('event'), event, ...(source !== undefined && { sourceId: source }) },
      { type: '@xstate.snapshot', ...base('snapshot'), event, snapshot: frameSnapshot(record.snapshot) },
    ];
  }

  #actorFrame(
    actor: { address: string; machine: string; version: string },
    incarnation: string,
    snapshot: SnapshotSource,
    at: Date,
  ): StatelyFrame {
    const sessionId = sessionOf(actor.address, incarnation);
    this.#announced.set(actor.address, sessionId);
    const definition = this.#charts.graph(actor.machine, actor.version)?.definition;
    return {
      type: '@xstate.actor',
      ...frameBase(sessionId, at, 'actor'),
      name: actor.address,
      ...(definition !== undefined && { definition }),
      snapshot: frameSnapshot(snapshot),
    };
  }
}

interface SnapshotSource {
  status: ActorStatus;
  value: unknown;
  context: unknown;
  output?: unknown;
  error?: unknown;
  tags?: string[];
}

function frameBase(sessionId: string, at: Date, part: string): FrameBase {
  // Actors have no parents here: each is the root of its own tree.
  return {
    rootId: sessionId,
    sessionId,
    createdAt: String(at.getTime()),
    id: `${sessionId}:${part}`,
    _version: protocolVersion,
  };
}

function frameSnapshot({ status, value, context, output, error, tags }: SnapshotSource): FrameSnapshot {
  return {
    // The protocol knows XState's four; what is quarantined here is an error there.
    status: status === 'quarantined' ? 'error' : status,
    value,
    context: capped(context, maxValueBytes),
    ...(output !== undefined && { output: capped(output, maxValueBytes) }),
    ...(error !== undefined && { error }),
    children: {},
    tags: tags ?? [],
  };
}

function sessionOf(address: string, incarnation: string): string {
  return `${address}#${incarnation}`;
}
