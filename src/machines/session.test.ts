import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActor, initialTransition, SimulatedClock, transition } from 'xstate';
import { coverage, pathsOf, replay, uncovered } from '../../test/model.ts';
import { MAX_TOPICS, type SessionEvent, session, sessionContext, sessionEvents } from './session.ts';
import { sessionModel } from './testing/session-model.ts';

const at = '2026-01-05T15:00:00.000Z';
const first = '00000000-0000-4000-8000-000000000001';
const second = '00000000-0000-4000-8000-000000000002';
const { machine } = session;

const connected = (connectionId: string, ordinal: number): SessionEvent => ({
  type: 'CONNECTED',
  connectionId,
  serverId: 'server-a',
  ordinal,
  at,
});

/** The states and contexts that a list of events leads to, by the pure functions. */
function run(events: readonly SessionEvent[], confirmed = 0) {
  let [snapshot] = initialTransition(machine, { confirmed });
  for (const event of events) [snapshot] = transition(machine, snapshot, event);
  return snapshot;
}

describe('session', () => {
  it('reaches each state and takes each transition on every path, with plain JSON on the way', () => {
    const paths = pathsOf(sessionModel);
    const replayed = paths.map((path) =>
      replay(machine, path, (live) => {
        const { context } = live.seen() as { context: unknown };
        expect(() => sessionContext.parse(context)).not.toThrow();
      }),
    );
    expect(uncovered(machine, replayed)).toEqual([]);
    console.log(`session: ${paths.length} paths, ${coverage(machine, replayed)}`);
    for (const event of sessionModel.events as SessionEvent[]) {
      expect(sessionEvents[event.type].parse(event)).toEqual(event);
    }
  });

  it('starts where its input says and is live with its first connection', () => {
    const live = run([connected(first, 1)], 7);
    expect(live.value).toBe('live');
    expect(live.context).toEqual({
      confirmed: 7,
      topics: [],
      connections: 1,
      connectionId: first,
      connectedTo: 'server-a',
      seenAt: at,
    });
  });

  it('never lets a confirmation go back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000)), (seqs) => {
        const events = seqs.map((seq): SessionEvent => ({ type: 'CONFIRMED', connectionId: first, seq }));
        expect(run([connected(first, 1), ...events]).context.confirmed).toBe(Math.max(0, ...seqs));
      }),
    );
    const gone: SessionEvent = { type: 'DISCONNECTED', connectionId: first, seq: 2, at };
    expect(run([connected(first, 1), gone], 9).context.confirmed).toBe(9);
  });

  it('gives the session to the later of two connections, and ignores the earlier one from then on', () => {
    const both = [connected(first, 1), connected(second, 2)];
    const stale: SessionEvent[] = [
      { type: 'CONFIRMED', connectionId: first, seq: 50 },
      { type: 'SUBSCRIBED', connectionId: first, topics: ['alerts'] },
      { type: 'SEEN', connectionId: first, at },
      { type: 'DISCONNECTED', connectionId: first, seq: 50, at },
      { type: 'CLOSE', connectionId: first },
    ];
    expect(run([...both, ...stale])).toMatchObject({ value: 'live', context: run(both).context });
    // Both read `connections: 1` and both want to be the second: who commits first wins.
    expect(run([connected(first, 1), connected(second, 2), connected(first, 2)]).context.connectionId).toBe(
      second,
    );
  });

  it('refuses topics beyond its limit as a whole', () => {
    const full = Array.from({ length: MAX_TOPICS }, (_, index) => `run:${index}`);
    const events: SessionEvent[] = [
      connected(first, 1),
      { type: 'SUBSCRIBED', connectionId: first, topics: full },
      { type: 'SUBSCRIBED', connectionId: first, topics: ['runs', 'run:0'] },
    ];
    expect(run(events).context.topics).toEqual(full);
    const known: SessionEvent = { type: 'SUBSCRIBED', connectionId: first, topics: ['run:0', 'run:1'] };
    expect(run([...events, known]).context.topics).toEqual(full);
  });

  it('closes when no connection comes, and seven days after the last one went', () => {
    const clock = new SimulatedClock();
    const actor = createActor(machine, { input: { confirmed: 0 }, clock }).start();
    const hour = 3_600_000;
    actor.send(connected(first, 1));
    clock.increment(2 * hour);
    actor.send({ type: 'SEEN', connectionId: first, at });
    clock.increment(2 * hour);
    expect(actor.getSnapshot().value).toBe('live');
    clock.increment(hour);
    expect(actor.getSnapshot().value).toBe('away');
    // The server had only lost the database: the connection is still the current one.
    actor.send({ type: 'CONFIRMED', connectionId: first, seq: 5 });
    actor.send({ type: 'SEEN', connectionId: first, at });
    expect(actor.getSnapshot()).toMatchObject({ value: 'live', context: { confirmed: 5 } });
    actor.send({ type: 'DISCONNECTED', connectionId: first, seq: 6, at });
    clock.increment(7 * 24 * hour);
    expect(actor.getSnapshot()).toMatchObject({ value: 'closed', status: 'done', output: { confirmed: 6 } });

    const forgotten = createActor(machine, { input: { confirmed: 0 }, clock }).start();
    clock.increment(60_000);
    expect(forgotten.getSnapshot().value).toBe('closed');
  });
});
