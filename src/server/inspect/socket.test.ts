import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMachine } from 'xstate';
import { maxValueBytes } from '../capped.ts';
import { startTestDoor, type TestDoor } from './testing/door.ts';
import { eventually } from './testing/eventually.ts';
import { FakeSystem } from './testing/fake-system.ts';
import { sampleAnalysis } from './testing/sample-machines.ts';

let fake: FakeSystem;
let door: TestDoor;
const marketData = { type: 'xstate.done.actor.marketData', output: { bars: 250 } };

beforeEach(async () => {
  fake = new FakeSystem([sampleAnalysis]);
  door = await startTestDoor(fake.asSystem(), { limits: { total: 2, perOwner: 2 } });
});
afterEach(() => door.stop());

const socketUrl = (query = '') => `${door.url.replace('http', 'ws')}/inspect/ws${query}`;

/** Stately's own receiver against our door. */
function receive(query = ''): StatelyInspectionEvent[] {
  const received: StatelyInspectionEvent[] = [];
  createWebSocketReceiver({ server: socketUrl(query) }).subscribe((event) => received.push(event));
  return received;
}

const summary = (events: StatelyInspectionEvent[]) =>
  events.map((event) => {
    if (event.type === '@xstate.actor') return `actor ${event.snapshot.value}`;
    if (event.type === '@xstate.event') return `event ${event.event.type}`;
    return `snapshot ${(event.snapshot as unknown as { value: unknown }).value}`;
  });

describe('Stately’s receiver', () => {
  test('hears of a sleeping actor and its past, then of each step live', async () => {
    const address = fake.start('analysis', 'a');
    fake.step(address, marketData);
    const received = receive(`?address=${address}`);
    const past = [
      'actor chart',
      'event xstate.init',
      'snapshot fetchMarketData',
      'event xstate.done.actor.marketData',
      'snapshot chart',
    ];
    await eventually(() => summary(received)).toEqual(past);
    fake.step(address, { type: 'CANCEL' });
    await eventually(() => summary(received)).toEqual([...past, 'event CANCEL', 'snapshot cancelled']);
  });

  test('gets whole frames: one session, its definition, unique ids, times', async () => {
    const address = fake.start('analysis', 'a');
    const received = receive(`?address=${address}`);
    await eventually(() => received.length).toBe(3);
    const [actor] = received;
    expect(actor).toMatchObject({
      name: address,
      _version: '0.7.2',
      createdAt: expect.stringMatching(/^\d{13}$/),
    });
    const definition = actor?.type === '@xstate.actor' ? actor.definition : undefined;
    expect(createMachine(JSON.parse(definition ?? '')).id).toBe('analysis');
    expect(new Set(received.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect(new Set(received.map(({ rootId }) => rootId))).toEqual(new Set([actor?.sessionId]));
    expect(new Set(received.map(({ id }) => id)).size).toBe(3);
  });

  test('without an address hears of all of the owner’s actors, of new ones too, each announced first', async () => {
    fake.start('analysis', 'a');
    fake.start('analysis', 'theirs', { owner: 'somebody' });
    const received = receive();
    await eventually(() => received.length).toBe(3);
    fake.start('analysis', 'theirs too', { owner: 'somebody' });
    fake.start('analysis', 'b');
    await eventually(() => received.length).toBe(6);
    const actors = received.filter((event) => event.type === '@xstate.actor');
    expect(actors.map(({ name }) => name)).toEqual(['analysis/a', 'analysis/b']);
    expect(received[3]).toBe(actors[1]);
  });

  test('is for an operator of any actor', async () => {
    door.caller = { owner: 'opal', operator: true };
    const common = fake.start('analysis', 'common', { owner: 'system' });
    const received = receive(`?address=${common}`);
    await eventually(() => summary(received)).toContain('snapshot fetchMarketData');
  });

  test('gets no oversized frame: what is too big is replaced by a note', async () => {
    const address = fake.start('analysis', 'a');
    fake.set(address, { context: { symbol: 'AAPL', bars: 'x'.repeat(200_000) } });
    fake.step(address, { ...marketData, output: 'y'.repeat(200_000) });
    const received = receive(`?address=${address}`);
    await eventually(() => received.length).toBe(5);
    for (const event of received.slice(1))
      expect(JSON.stringify(event).length).toBeLessThan(2 * maxValueBytes);
    expect(received[4]).toMatchObject({
      snapshot: { context: { symbol: 'AAPL', bars: { beginning: expect.any(String) } } },
    });
  });
});

describe('the door', () => {
  /** The answer to an upgrade that is refused. */
  function refusalOf(query = ''): Promise<{ status: number | undefined; body: unknown }> {
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined;
      body: unknown;
    }>();
    const client = new WebSocket(socketUrl(query));
    client.on('open', () => reject(new Error('was let in')));
    client.on('error', () => {});
    client.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
    });
    return promise;
  }

  test.each([
    ['?address=analysis/nobody', 404, 'actor_not_found'],
    ['?address=analysis/theirs', 404, 'actor_not_found'],
    ['?address=analysis/common', 404, 'actor_not_found'],
    ['?address=nonsense', 400, 'invalid_input'],
  ])('refuses %s with %i %s', async (query, status, code) => {
    fake.start('analysis', 'theirs', { owner: 'somebody' });
    fake.start('analysis', 'common', { owner: 'system' });
    expect(await refusalOf(query)).toMatchObject({ status, body: { error: { code } } });
  });

  test('refuses who is not known', async () => {
    door.caller = null;
    expect(await refusalOf()).toMatchObject({ status: 401, body: { error: { code: 'unauthorized' } } });
  });

  test('takes so many and no more; one that leaves makes room', async () => {
    const clients = [new WebSocket(socketUrl()), new WebSocket(socketUrl())];
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('open', resolve))));
    expect(await refusalOf()).toMatchObject({ status: 503, body: { error: { code: 'busy' } } });
    clients[0]?.close();
    await eventually(() => fake.listeners).toBe(1);
    const late = new WebSocket(socketUrl());
    await new Promise((resolve) => late.once('open', resolve));
  });

  test('chooses the subprotocol that a browser offers beside its token', async () => {
    const client = new WebSocket(socketUrl(), ['ttai.v1', 'ttai.bearer.abc']);
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.protocol).toBe('ttai.v1');
  });

  test('survives noise and a client that is cut off', async () => {
    const client = new WebSocket(socketUrl());
    await new Promise((resolve) => client.once('open', resolve));
    client.send('{"type":"noise"}');
    client.send('x'.repeat(10_000));
    await new Promise((resolve) => client.once('close', resolve));
    const other = new WebSocket(socketUrl());
    await new Promise((resolve) => other.once('open', resolve));
    other.terminate();
    await eventually(() => fake.listeners).toBe(0);
  });

  test('says goodbye when the server stops', async () => {
    const client = new WebSocket(socketUrl());
    await new Promise((resolve) => client.once('open', resolve));
    const closed = new Promise<number>((resolve) => client.once('close', resolve));
    await door.stop();
    expect(await closed).toBe(1001);
    expect(fake.listeners).toBe(0);
  });
});
