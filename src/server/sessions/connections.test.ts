/** One session, whatever connections it comes over. */
import { describe, expect, it } from 'vitest';
import { Client } from './testing/client.ts';
import { nextTurn, TwoServers } from './testing/two-servers.ts';

const two = TwoServers.use();

describe('one session, two connections', () => {
  it.each([0, 1] as const)('4409: the newer replaces the older, on server %i', async (other) => {
    const older = new Client(two.servers[0]);
    const { sessionId } = await older.hello();
    const newer = new Client(two.servers[other]);
    await newer.hello({ sessionId });
    expect((await older.closed).code).toBe(4409);
    two.database.notify('ann');
    expect((await newer.next('notification')).notification.seq).toBe(1);
    expect(older.seqs()).toEqual([]);
    await two.gone(0, other === 0 ? 1 : 0);
    expect(two.database.session(sessionId)).toMatchObject({ value: 'live' });
  });

  it('leaves exactly one when many come at the same moment', async () => {
    const first = new Client(two.servers[0]);
    const { sessionId } = await first.hello();
    const many = Array.from({ length: 10 }, (_, index) => new Client(two.servers[index % 2 === 0 ? 0 : 1]));
    await Promise.all(many.map((client) => client.opened()));
    for (const client of many) client.send({ type: 'hello', sessionId });
    const codes: number[] = [];
    for (const client of [first, ...many]) void client.closed.then(({ code }) => codes.push(code));
    while (codes.length < many.length) await nextTurn();
    expect(codes).toEqual(many.map(() => 4409));
    const [left] = [...two.servers[0].door.connections(), ...two.servers[1].door.connections()];
    expect(two.database.session(sessionId).context.connectionId).toBe(left?.connectionId);
  });

  it('hears of a replacement that came while it was still saying hello', async () => {
    two.database.onSnapshot = ({ address, context }) => {
      if (context.connections !== 1) return;
      // Committed between the moment this server saw itself in place and the moment it listens for that session.
      const another = '00000000-0000-4000-8000-000000000002';
      const at = new Date().toISOString();
      const event = { type: 'CONNECTED', connectionId: another, serverId: 'server-b', ordinal: 2, at };
      two.database.apply(address, event);
    };
    const client = new Client(two.servers[0]);
    await client.hello();
    expect((await client.closed).code).toBe(4409);
  });

  it('ends when the session is closed from elsewhere', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    await two.database.system().send(`session/${sessionId}`, { type: 'CLOSE' });
    expect((await client.closed).code).toBe(1000);
  });

  it('comes back to life when its lease ran out but its client is there', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    two.database.expire(sessionId);
    await two.committed('SEEN');
    expect(two.database.session(sessionId).value).toBe('live');
    two.database.notify('ann');
    await client.next('notification');
  });

  it('says bye: the session is over for good', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    client.send({ type: 'bye' });
    expect((await client.closed).code).toBe(1000);
    expect(two.database.session(sessionId)).toMatchObject({ value: 'closed', status: 'done' });
  });
});
