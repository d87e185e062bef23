/** What a client is sent: all of it, in order, once, and what becomes of one that does not read. */
import { describe, expect, it, vi } from 'vitest';
import { Client } from './testing/client.ts';
import { startServer } from './testing/server.ts';
import { nextTurn, TwoServers } from './testing/two-servers.ts';

const two = TwoServers.use();

describe('delivery', () => {
  it('begins with what is new, or where the client says', async () => {
    for (let sent = 0; sent < 3; sent++) two.database.notify('ann');
    const fresh = new Client(two.servers[0]);
    expect(await fresh.hello()).toMatchObject({ resumed: false, lastSeq: 3, topics: ['notifications'] });
    const fromOne = new Client(two.servers[0]);
    expect(await fromOne.hello({ since: 1 })).toMatchObject({ lastSeq: 1 });
    two.database.notify('ann', { price: 201.5 });
    await fresh.next('notification');
    while ((await fromOne.next('notification')).notification.seq < 4);
    expect(fresh.seqs()).toEqual([4]);
    expect(fresh.frames.at(-1)).toEqual({
      type: 'notification',
      notification: {
        seq: 4,
        id: 'n4',
        type: 'price_alert_triggered',
        at: '2026-01-05T15:00:00.000Z',
        source: 'priceAlert/a',
        data: { price: 201.5 },
      },
    });
    expect(fromOne.seqs()).toEqual([2, 3, 4]);
  });

  it("never shows another owner's", async () => {
    const [ann, bob] = [new Client(two.servers[0], 'ann'), new Client(two.servers[0], 'bob')];
    await Promise.all([ann.hello(), bob.hello({ since: 0 })]);
    two.database.notify('ann');
    await ann.next('notification');
    two.database.wakeAll(null);
    await bob.settled();
    expect(bob.seqs()).toEqual([]);
  });

  it('sends many in order, though it is woken in the middle of reading', async () => {
    const client = new Client(two.servers[0]);
    await client.hello();
    let late = 0;
    two.database.onPending = () => {
      if (late++ < 20) two.database.notify('ann');
    };
    for (let sent = 0; sent < 500; sent++) two.database.notify('ann');
    while ((await client.next('notification')).notification.seq < 520);
    expect(client.seqs()).toEqual(Array.from({ length: 520 }, (_, index) => index + 1));
  });

  it('reads for all whom a wake-up concerns at once, and alone for one that is far behind', async () => {
    const owners = Array.from({ length: 50 }, (_, index) => `owner-${index}`);
    const clients = owners.map((owner) => new Client(two.servers[0], owner));
    await Promise.all(clients.map((client) => client.hello()));
    await Promise.all(clients.map((client) => client.settled()));
    two.database.reads.length = 0;
    for (const owner of owners) two.database.notify(owner);
    await Promise.all(clients.map((client) => client.next('notification')));
    // One for those who were woken first, one for the rest; no more, whatever the number of sockets.
    expect(two.database.reads.length).toBeLessThanOrEqual(2);

    for (let sent = 0; sent < 300; sent++) two.database.notify('far');
    await Promise.all([...clients.map((client) => client.settled())]);
    two.database.reads.length = 0;
    const far = new Client(two.servers[0], 'far');
    await far.hello({ since: 0 });
    while ((await far.next('notification')).notification.seq < 300);
    expect(far.seqs()).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    // 20 with the others, then 100 at a time.
    expect(two.database.reads.length).toBeLessThanOrEqual(5);
  });

  it('resumes on the other server after a crash of the first, from what was confirmed', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) two.database.notify('ann');
    while ((await client.next('notification')).notification.seq < 3);
    client.send({ type: 'confirm', seq: 2 });
    await two.committed('CONFIRMED');
    client.socket.terminate();
    two.database.notify('ann');

    const again = new Client(two.servers[1]);
    expect(await again.hello({ sessionId })).toMatchObject({
      sessionId,
      resumed: true,
      lastSeq: 2,
      serverId: 'server-b',
    });
    while ((await again.next('notification')).notification.seq < 4);
    expect(again.seqs()).toEqual([3, 4]);
  });

  it('is told, when it comes back, that some of what follows is deleted', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) two.database.notify('ann');
    await client.leave();
    two.database.prunedSeq = 2;
    const behind = new Client(two.servers[1]);
    expect(await behind.hello({ sessionId, lastSeq: 1 })).toMatchObject({ lastSeq: 1, missedUntil: 2 });
    await behind.leave();
    const upToDate = new Client(two.servers[1]);
    expect(await upToDate.hello({ sessionId, lastSeq: 2 })).toMatchObject({ lastSeq: 2, missedUntil: null });
  });

  it('resumes after what the client says it has, and remembers that', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) two.database.notify('ann');
    await client.leave();
    const again = new Client(two.servers[1]);
    expect(await again.hello({ sessionId, lastSeq: 2 })).toMatchObject({ lastSeq: 2 });
    await again.next('notification');
    expect(again.seqs()).toEqual([3]);
    await again.leave();
    expect(await new Client(two.servers[0]).hello({ sessionId })).toMatchObject({ lastSeq: 2 });
  });

  it('does not believe in numbers that were never given out', async () => {
    two.database.notify('ann');
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello({ since: 1_000 });
    await client.leave();
    const again = new Client(two.servers[0]);
    expect(await again.hello({ sessionId, lastSeq: 1_000 })).toMatchObject({ lastSeq: 1 });
    two.database.notify('ann');
    expect((await again.next('notification')).notification.seq).toBe(2);
  });

  it('gathers confirmations: one event in flight, the newest number', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 200; sent++) two.database.notify('ann');
    while ((await client.next('notification')).notification.seq < 200);
    for (let seq = 1; seq <= 200; seq++) client.send({ type: 'confirm', seq });
    await client.settled();
    await client.leave();
    await two.gone(0);
    const confirmations = two.database.taken.filter(({ event }) => event.type === 'CONFIRMED');
    expect(confirmations.length).toBeLessThan(200);
    expect(two.database.session(sessionId)).toMatchObject({ value: 'away', context: { confirmed: 200 } });
  });

  it('tells the session the first confirmation, then no more until there are many or the client leaves', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    const all = 220;
    for (let sent = 0; sent < all; sent++) two.database.notify('ann');
    while ((await client.next('notification')).notification.seq < all);
    const told = () =>
      two.database.taken.flatMap(({ event }) => (event.type === 'CONFIRMED' ? [event.seq] : []));
    client.send({ type: 'confirm', seq: 1 });
    await two.committed('CONFIRMED');
    for (let seq = 2; seq <= 150; seq++) client.send({ type: 'confirm', seq });
    await client.settled();
    expect(told()).toEqual([1]);
    client.send({ type: 'confirm', seq: 201 });
    while (told().length < 2) await nextTurn();
    client.send({ type: 'confirm', seq: 210 });
    await client.settled();
    expect(told()).toEqual([1, 201]);
    await client.leave();
    while (two.database.session(sessionId).value !== 'away') await nextTurn();
    expect(two.database.session(sessionId).context).toMatchObject({ confirmed: 210 });
  });

  it('tells the session the newest confirmation when the pause is over, without more to come', async () => {
    const limits = { confirmPauseMs: 5 };
    const server = await startServer({ ...two.database.rooms(), serverId: 'server-c', limits });
    const client = new Client(server);
    await client.hello();
    for (let sent = 0; sent < 3; sent++) two.database.notify('ann');
    while ((await client.next('notification')).notification.seq < 3);
    for (const seq of [1, 2, 3]) client.send({ type: 'confirm', seq });
    while (!two.database.taken.some(({ event }) => event.type === 'CONFIRMED' && event.seq === 3))
      await nextTurn();
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await server.stop();
  });

  it('waits while the database is away, says so once, and goes on by itself', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    two.database.notify('ann');
    await client.next('notification');
    two.database.away = true;
    client.send({ type: 'confirm', seq: 1 });
    two.database.notify('ann');
    expect(await client.next('error')).toMatchObject({ code: 'unavailable', retryable: true });
    two.database.wakeAll(null);
    await client.settled();
    two.database.away = false;
    expect((await client.next('notification')).notification.seq).toBe(2);
    await two.committed('CONFIRMED');
    expect(client.frames.filter(({ type }) => type === 'error')).toHaveLength(1);
    expect(two.database.session(sessionId).context).toMatchObject({ confirmed: 1 });
  });

  it('lets go of a client that does not read, tells it from where to catch up, and slows nobody', async () => {
    // Its patience is over when the test says so: on a busy machine the one that reads may be slow too.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stuckMs = 1_000;
    const strict = await startServer({
      ...two.database.rooms(),
      serverId: 'server-c',
      limits: { bufferBytes: 64 * 1024, stuckMs, closeTimeoutMs: 60_000 },
    });
    const stuck = new Client(strict);
    const { sessionId } = await stuck.hello();
    const reader = new Client(strict);
    await reader.hello();
    stuck.socket.pause();
    const data = { text: 'x'.repeat(50_000) };
    const all = 400;
    for (let sent = 0; sent < all; sent++) two.database.notify('ann', data);
    while ((await reader.next('notification')).notification.seq < all);
    await reader.settled();
    // The kernel's buffers hold a part of the 20 MB.
    const letGo = strict.logged('a client reads too slowly').then(() => vi.useRealTimers());
    while (vi.isFakeTimers())
      await Promise.race([letGo, nextTurn().then(() => vi.advanceTimersByTime(stuckMs))]);
    stuck.socket.resume();
    const { from } = await stuck.next('catchUp');
    expect((await stuck.closed).code).toBe(4429);
    expect(from).toBeLessThan(all);
    expect(stuck.seqs()).toEqual(Array.from({ length: from }, (_, index) => index + 1));

    const again = new Client(two.servers[0]);
    await again.hello({ sessionId, lastSeq: from });
    while ((await again.next('notification')).notification.seq < all);
    expect(again.seqs()[0]).toBe(from + 1);
    await strict.stop();
  });

  it('keeps a bound on what waits for one that is stuck, while many others have all', async () => {
    const stuck = new Client(two.servers[0], 'slow');
    await stuck.hello();
    stuck.socket.pause();
    const others = Array.from({ length: 30 }, (_, index) => new Client(two.servers[0], `quick-${index}`));
    await Promise.all(others.map((client) => client.hello()));
    // 50 MB, of which the kernel and the server take a few.
    const data = { text: 'x'.repeat(50_000) };
    let asked = 0;
    two.database.onPending = () => {
      asked += 1;
    };
    for (let sent = 1; sent <= 1_000; sent++) {
      two.database.notify('slow', data);
      if (sent % 100 !== 0) continue;
      for (const { owner } of others) two.database.notify(owner);
      await Promise.all(others.map((client) => client.next('notification')));
    }
    for (const client of others) expect(client.seqs()).toHaveLength(10);
    // A few for the others' ten, and for the stuck one until its buffers were full: it does not ask on.
    expect(asked).toBeLessThan(60);
    const held = two.database.handed.get('slow') ?? 0;
    expect(held).toBeLessThan(500);
    stuck.socket.terminate();
  });

  it('1001: the server stops, and the session is away when it has', async () => {
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello();
    two.database.notify('ann');
    await client.next('notification');
    client.send({ type: 'confirm', seq: 1 });
    await client.settled();
    await two.servers[0].door.stop();
    expect((await client.closed).code).toBe(1001);
    expect(two.database.session(sessionId)).toMatchObject({
      value: 'away',
      context: { confirmed: 1, connectionId: null },
    });
    expect(two.servers[0].door.connections()).toEqual([]);
  });
});

it('stops though a client does not answer, and though the database is away', async () => {
  const deaf = new Client(two.servers[0]);
  const { sessionId } = await deaf.hello();
  deaf.socket.pause();
  const refused = new Client(two.servers[0], 'wrong', { headers: { origin: 'http://localhost' } });
  await refused.opened();
  refused.socket.pause();
  await two.servers[0].door.stop();
  expect(two.servers[0].door.connections()).toEqual([]);
  expect(two.database.session(sessionId).value).toBe('away');

  await new Client(two.servers[1]).hello();
  two.database.away = true;
  await two.servers[1].door.stop();
  expect(two.servers[1].door.connections()).toEqual([]);
});
