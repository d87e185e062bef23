/** Whatever connections do, each notification reaches a client once and in order. Random lives on two servers. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from './testing/client.ts';
import { FakeDatabase } from './testing/fake-database.ts';
import { startServer, type TestServer } from './testing/server.ts';

const database = new FakeDatabase();
let servers: [TestServer, TestServer];

beforeAll(async () => {
  // Small batches, so that each life has many.
  const limits = { sharedRows: 2, batchRows: 3, readPauseMs: 1 };
  servers = [
    await startServer({ ...database.rooms(), serverId: 'server-a', limits }),
    await startServer({ ...database.rooms(), serverId: 'server-b', limits }),
  ];
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));

const server = fc.constantFrom(0 as const, 1 as const);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('notify' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('receive' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('confirm' as const) }) },
  // The socket just ends; or a proper goodbye; or a second connection takes over while the first is there.
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('crash', 'leave', 'takeOver'), server }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('away' as const) }) },
);

let lives = 0;

it.each([
  ['a client that remembers what it has: all, in order, never twice', true],
  ['a client that remembers what it confirmed: all after that, in order, never twice', false],
])('%s', async (_name, remembers) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const owner = `owner-${lives++}`;
      let client = new Client(servers[0], owner);
      const { sessionId } = await client.hello();
      const kept: number[] = [];
      let confirmed = 0;

      const receive = async (upTo: number) => {
        while ((kept.at(-1) ?? 0) < upTo) kept.push((await client.next('notification')).notification.seq);
      };
      const latest = () => database.notifications.get(owner)?.length ?? 0;
      const comeBack = async (next: Client) => {
        const lastSeq = kept.at(-1) ?? 0;
        client = next;
        const welcome = await client.hello({ sessionId, ...(remembers && { lastSeq }) });
        // Nothing that it lacks is passed over, nothing that it has comes again; who does not say what it has gets
        // what it did not confirm, or what it confirmed in the last moment, once more.
        if (remembers) expect(welcome.lastSeq).toBe(lastSeq);
        else {
          expect(welcome.lastSeq).toBeLessThanOrEqual(confirmed);
          kept.length = welcome.lastSeq;
        }
      };

      for (const { kind, ...rest } of steps) {
        const count = 'count' in rest ? rest.count : 0;
        const to = servers['server' in rest ? rest.server : 0];
        if (kind === 'notify') for (let sent = 0; sent < count; sent++) database.notify(owner);
        if (kind === 'receive') await receive(Math.min((kept.at(-1) ?? 0) + count, latest()));
        if (kind === 'wake') database.wakeAll(null);
        if (kind === 'confirm') {
          confirmed = kept.at(-1) ?? 0;
          client.send({ type: 'confirm', seq: confirmed });
        }
        if (kind === 'away') {
          database.away = true;
          database.notify(owner);
          await client.settled();
          database.away = false;
        }
        if (kind === 'crash') {
          client.socket.terminate();
          await comeBack(new Client(to, owner));
        }
        if (kind === 'leave') {
          await client.leave();
          await comeBack(new Client(to, owner));
        }
        if (kind === 'takeOver') {
          const older = client;
          await comeBack(new Client(to, owner));
          expect((await older.closed).code).toBe(4409);
        }
      }
      await receive(latest());
      await client.settled();
      expect(kept).toEqual(Array.from({ length: latest() }, (_, index) => index + 1));
      expect(client.seqs()).toEqual(kept.slice(kept.length - client.seqs().length));
      await client.leave();
    }),
    { numRuns: 60 },
  );
});
