import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from './testing/client.ts';
import { FakeDatabase } from './testing/fake-database.ts';
import { startServer, type TestServer } from './testing/server.ts';

let database: FakeDatabase;
let servers: [TestServer, TestServer];

beforeEach(async () => {
  database = new FakeDatabase();
  servers = [
    await startServer({ ...database.rooms(), serverId: 'server-a' }),
    await startServer({ ...database.rooms(), serverId: 'server-b' }),
  ];
});
afterEach(async () => {
  vi.useRealTimers();
  database.away = false;
  await Promise.all(servers.map((server) => server.stop()));
});

describe('delivery', () => {
  it('begins with what is new, or where the client says', async () => {
    for (let sent = 0; sent < 3; sent++) database.notify('ann');
    const fresh = new Client(servers[0]);
    expect(await fresh.hello()).toMatchObject({ resumed: false, lastSeq: 3, topics: ['notifications'] });
    const fromOne = new Client(servers[0]);
    expect(await fromOne.hello({ since: 1 })).toMatchObject({ lastSeq: 1 });
    database.notify('ann', { price: 201.5 });
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
    const [ann, bob] = [new Client(servers[0], 'ann'), new Client(servers[0], 'bob')];
    await Promise.all([ann.hello(), bob.hello({ since: 0 })]);
    database.notify('ann');
    await ann.next('notification');
    database.wakeAll(null);
    await bob.settled();
    expect(bob.seqs()).toEqual([]);
  });

  it('sends many in order, though it is woken in the middle of reading', async () => {
    const client = new Client(servers[0]);
    await client.hello();
    let late = 0;
    database.onPending = () => {
      if (late++ < 20) database.notify('ann');
    };
    for (let sent = 0; sent < 500; sent++) database.notify('ann');
    while ((await client.next('notification')).notification.seq < 520);
    expect(client.seqs()).toEqual(Array.from({ length: 520 }, (_, index) => index + 1));
  });

  it('reads for all whom a wake-up concerns at once, and alone for one that is far behind', async () => {
    const owners = Array.from({ length: 50 }, (_, index) => `owner-${index}`);
    const clients = owners.map((owner) => new Client(servers[0], owner));
    await Promise.all(clients.map((client) => client.hello()));
    await Promise.all(clients.map((client) => client.settled()));
    database.reads.length = 0;
    for (const owner of owners) database.notify(owner);
    await Promise.all(clients.map((client) => client.next('notification')));
    // One for those who were woken first, one for the rest; no more, whatever the number of sockets.
    expect(database.reads.length).toBeLessThanOrEqual(2);

    for (let sent = 0; sent < 300; sent++) database.notify('far');
    await Promise.all([...clients.map((client) => client.settled())]);
    database.reads.length = 0;
    const far = new Client(servers[0], 'far');
    await far.hello({ since: 0 });
    while ((await far.next('notification')).notification.seq < 300);
    expect(far.seqs()).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    // 20 with the others, then 100 at a time.
    expect(database.reads.length).toBeLessThanOrEqual(5);
  });

  it('resumes on the other server after a crash of the first, from what was confirmed', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) database.notify('ann');
    while ((await client.next('notification')).notification.seq < 3);
    client.send({ type: 'confirm', seq: 2 });
    await committed('CONFIRMED');
    client.socket.terminate();
    database.notify('ann');

    const again = new Client(servers[1]);
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
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) database.notify('ann');
    await client.leave();
    database.prunedSeq = 2;
    const behind = new Client(servers[1]);
    expect(await behind.hello({ sessionId, lastSeq: 1 })).toMatchObject({ lastSeq: 1, missedUntil: 2 });
    await behind.leave();
    const upToDate = new Client(servers[1]);
    expect(await upToDate.hello({ sessionId, lastSeq: 2 })).toMatchObject({ lastSeq: 2, missedUntil: null });
  });

  it('resumes after what the client says it has, and remembers that', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 3; sent++) database.notify('ann');
    await client.leave();
    const again = new Client(servers[1]);
    expect(await again.hello({ sessionId, lastSeq: 2 })).toMatchObject({ lastSeq: 2 });
    await again.next('notification');
    expect(again.seqs()).toEqual([3]);
    await again.leave();
    expect(await new Client(servers[0]).hello({ sessionId })).toMatchObject({ lastSeq: 2 });
  });

  it('does not believe in numbers that were never given out', async () => {
    database.notify('ann');
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello({ since: 1_000 });
    await client.leave();
    const again = new Client(servers[0]);
    expect(await again.hello({ sessionId, lastSeq: 1_000 })).toMatchObject({ lastSeq: 1 });
    database.notify('ann');
    expect((await again.next('notification')).notification.seq).toBe(2);
  });

  it('gathers confirmations: one event in flight, the newest number', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    for (let sent = 0; sent < 200; sent++) database.notify('ann');
    while ((await client.next('notification')).notification.seq < 200);
    for (let seq = 1; seq <= 200; seq++) client.send({ type: 'confirm', seq });
    await client.settled();
    await client.leave();
    await gone(0);
    const confirmations = database.taken.filter(({ event }) => event.type === 'CONFIRMED');
    expect(confirmations.length).toBeLessThan(200);
    expect(database.session(sessionId)).toMatchObject({ value: 'away', context: { confirmed: 200 } });
  });

  it('tells the session the first confirmation, then no more until there are many or the client leaves', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    const all = 220;
    for (let sent = 0; sent < all; sent++) database.notify('ann');
    while ((await client.next('notification')).notification.seq < all);
    const told = () => database.taken.flatMap(({ event }) => (event.type === 'CONFIRMED' ? [event.seq] : []));
    client.send({ type: 'confirm', seq: 1 });
    await committed('CONFIRMED');
    for (let seq = 2; seq <= 150; seq++) client.send({ type: 'confirm', seq });
    await client.settled();
    expect(told()).toEqual([1]);
    client.send({ type: 'confirm', seq: 201 });
    while (told().length < 2) await nextTurn();
    client.send({ type: 'confirm', seq: 210 });
    await client.settled();
    expect(told()).toEqual([1, 201]);
    await client.leave();
    while (database.session(sessionId).value !== 'away') await nextTurn();
    expect(database.session(sessionId).context).toMatchObject({ confirmed: 210 });
  });

  it('tells the session the newest confirmation when the pause is over, without more to come', async () => {
    const limits = { confirmPauseMs: 5 };
    const server = await startServer({ ...database.rooms(), serverId: 'server-c', limits });
    const client = new Client(server);
    await client.hello();
    for (let sent = 0; sent < 3; sent++) database.notify('ann');
    while ((await client.next('notification')).notification.seq < 3);
    for (const seq of [1, 2, 3]) client.send({ type: 'confirm', seq });
    while (!database.taken.some(({ event }) => event.type === 'CONFIRMED' && event.seq === 3))
      await nextTurn();
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await server.stop();
  });

  it('waits while the database is away, says so once, and goes on by itself', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    database.notify('ann');
    await client.next('notification');
    database.away = true;
    client.send({ type: 'confirm', seq: 1 });
    database.notify('ann');
    expect(await client.next('error')).toMatchObject({ code: 'unavailable', retryable: true });
    database.wakeAll(null);
    await client.settled();
    database.away = false;
    expect((await client.next('notification')).notification.seq).toBe(2);
    await committed('CONFIRMED');
    expect(client.frames.filter(({ type }) => type === 'error')).toHaveLength(1);
    expect(database.session(sessionId).context).toMatchObject({ confirmed: 1 });
  });

  it('lets go of a client that does not read, tells it from where to catch up, and slows nobody', async () => {
    // Its patience is over when the test says so: on a busy machine the one that reads may be slow too.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stuckMs = 1_000;
    const strict = await startServer({
      ...database.rooms(),
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
    for (let sent = 0; sent < all; sent++) database.notify('ann', data);
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

    const again = new Client(servers[0]);
    await again.hello({ sessionId, lastSeq: from });
    while ((await again.next('notification')).notification.seq < all);
    expect(again.seqs()[0]).toBe(from + 1);
    await strict.stop();
  });

  it('keeps a bound on what waits for one that is stuck, while many others have all', async () => {
    const stuck = new Client(servers[0], 'slow');
    await stuck.hello();
    stuck.socket.pause();
    const others = Array.from({ length: 30 }, (_, index) => new Client(servers[0], `quick-${index}`));
    await Promise.all(others.map((client) => client.hello()));
    // 50 MB, of which the kernel and the server take a few.
    const data = { text: 'x'.repeat(50_000) };
    let asked = 0;
    database.onPending = () => {
      asked += 1;
    };
    for (let sent = 1; sent <= 1_000; sent++) {
      database.notify('slow', data);
      if (sent % 100 !== 0) continue;
      for (const { owner } of others) database.notify(owner);
      await Promise.all(others.map((client) => client.next('notification')));
    }
    for (const client of others) expect(client.seqs()).toHaveLength(10);
    // A few for the others' ten, and for the stuck one until its buffers were full: it does not ask on.
    expect(asked).toBeLessThan(60);
    const held = database.handed.get('slow') ?? 0;
    expect(held).toBeLessThan(500);
    stuck.socket.terminate();
  });

  it('1001: the server stops, and the session is away when it has', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    database.notify('ann');
    await client.next('notification');
    client.send({ type: 'confirm', seq: 1 });
    await client.settled();
    await servers[0].door.stop();
    expect((await client.closed).code).toBe(1001);
    expect(database.session(sessionId)).toMatchObject({
      value: 'away',
      context: { confirmed: 1, connectionId: null },
    });
    expect(servers[0].door.connections()).toEqual([]);
  });
});

it('stops though a client does not answer, and though the database is away', async () => {
  const deaf = new Client(servers[0]);
  const { sessionId } = await deaf.hello();
  deaf.socket.pause();
  const refused = new Client(servers[0], 'wrong', { headers: { origin: 'http://localhost' } });
  await refused.opened();
  refused.socket.pause();
  await servers[0].door.stop();
  expect(servers[0].door.connections()).toEqual([]);
  expect(database.session(sessionId).value).toBe('away');

  await new Client(servers[1]).hello();
  database.away = true;
  await servers[1].door.stop();
  expect(servers[1].door.connections()).toEqual([]);
});

describe('one session, two connections', () => {
  it.each([0, 1] as const)('4409: the newer replaces the older, on server %i', async (other) => {
    const older = new Client(servers[0]);
    const { sessionId } = await older.hello();
    const newer = new Client(servers[other]);
    await newer.hello({ sessionId });
    expect((await older.closed).code).toBe(4409);
    database.notify('ann');
    expect((await newer.next('notification')).notification.seq).toBe(1);
    expect(older.seqs()).toEqual([]);
    await gone(0, other === 0 ? 1 : 0);
    expect(database.session(sessionId)).toMatchObject({ value: 'live' });
  });

  it('leaves exactly one when many come at the same moment', async () => {
    const first = new Client(servers[0]);
    const { sessionId } = await first.hello();
    const many = Array.from({ length: 10 }, (_, index) => new Client(servers[index % 2 === 0 ? 0 : 1]));
    await Promise.all(many.map((client) => client.opened()));
    for (const client of many) client.send({ type: 'hello', sessionId });
    const codes: number[] = [];
    for (const client of [first, ...many]) void client.closed.then(({ code }) => codes.push(code));
    while (codes.length < many.length) await nextTurn();
    expect(codes).toEqual(many.map(() => 4409));
    const [left] = [...servers[0].door.connections(), ...servers[1].door.connections()];
    expect(database.session(sessionId).context.connectionId).toBe(left?.connectionId);
  });

  it('hears of a replacement that came while it was still saying hello', async () => {
    database.onSnapshot = ({ address, context }) => {
      if (context.connections !== 1) return;
      // Committed between the moment this server saw itself in place and the moment it listens for that session.
      const another = '00000000-0000-4000-8000-000000000002';
      const at = new Date().toISOString();
      const event = { type: 'CONNECTED', connectionId: another, serverId: 'server-b', ordinal: 2, at };
      database.apply(address, event);
    };
    const client = new Client(servers[0]);
    await client.hello();
    expect((await client.closed).code).toBe(4409);
  });

  it('ends when the session is closed from elsewhere', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    await database.system().send(`session/${sessionId}`, { type: 'CLOSE' });
    expect((await client.closed).code).toBe(1000);
  });

  it('comes back to life when its lease ran out but its client is there', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    database.expire(sessionId);
    await committed('SEEN');
    expect(database.session(sessionId).value).toBe('live');
    database.notify('ann');
    await client.next('notification');
  });

  it('says bye: the session is over for good', async () => {
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello();
    client.send({ type: 'bye' });
    expect((await client.closed).code).toBe(1000);
    expect(database.session(sessionId)).toMatchObject({ value: 'closed', status: 'done' });
  });
});

describe('topics', () => {
  const analysis = {
    status: 'active',
    value: 'chart',
    context: {
      type: 'full_analysis',
      symbol: 'AAPL',
      progress: { done: 1, total: 4, step: 'Reading the chart' },
    },
  } as const;

  it('shows what is there, then each change, to those of its owner who watch', async () => {
    database.put('analysis/r1', 'ann', analysis);
    const [all, one, none] = [new Client(servers[0]), new Client(servers[1]), new Client(servers[1])];
    const eve = new Client(servers[0], 'eve');
    await all.hello({ subscribe: ['runs'] });
    await one.hello();
    one.send({ type: 'subscribe', id: 's', topics: ['run:analysis.r1', 'notifications'] });
    expect(await one.next('subscribed')).toEqual({
      type: 'subscribed',
      id: 's',
      topics: ['notifications', 'run:analysis.r1'],
    });
    await none.hello();
    await eve.hello({ subscribe: ['runs', 'alerts'] });
    eve.send({ type: 'subscribe', topics: ['run:analysis.r1'] });
    expect(await eve.next('error')).toMatchObject({ code: 'run_not_found' });

    for (const client of [all, one]) {
      expect((await client.next('run')).run).toMatchObject({
        runId: 'analysis.r1',
        status: 'running',
        step: 'Reading the chart',
        progress: { done: 1, total: 4 },
      });
    }
    database.put('analysis/r1', 'ann', {
      ...analysis,
      status: 'done',
      value: 'done',
      output: { status: 'completed', recommendation: 'select' },
    });
    for (const client of [all, one]) {
      expect((await client.next('run')).run).toMatchObject({
        status: 'completed',
        recommendation: 'select',
        revision: 2,
      });
    }
    await Promise.all([none.settled(), eve.settled()]);
    for (const client of [none, eve]) expect(client.frames.filter(({ type }) => type === 'run')).toEqual([]);
  });

  it('shows screeners among the runs, and by their own topic', async () => {
    const progress = { done: 5, total: 50, step: 'Analysing candidates' };
    const screener = { status: 'active', value: 'pause', context: { name: 'Cheap puts', progress } } as const;
    database.put('screener/s1', 'ann', screener);
    database.put('analysis/r1', 'ann', analysis);
    const [all, one, eve] = [new Client(servers[0]), new Client(servers[1]), new Client(servers[0], 'eve')];
    await all.hello({ subscribe: ['runs'] });
    await one.hello({ subscribe: ['run:screener.s1'] });
    await eve.hello({ subscribe: ['runs'] });
    for (const topic of ['run:screener.s1', 'run:screener.none', 'run:session.s1']) {
      eve.send({ type: 'subscribe', topics: [topic] });
      expect(await eve.next('error')).toMatchObject({ code: 'run_not_found' });
    }
    const shown = [(await all.next('run')).run, (await all.next('run')).run];
    expect(shown.map(({ runId }) => runId).sort()).toEqual(['analysis.r1', 'screener.s1']);
    expect((await one.next('run')).run).toMatchObject({
      runId: 'screener.s1',
      kind: 'screener',
      name: 'Cheap puts',
      symbol: null,
      progress: { done: 5, total: 50 },
    });
    database.put('screener/s1', 'ann', { ...screener, context: { progress: { ...progress, done: 6 } } });
    for (const client of [all, one]) {
      expect((await client.next('run')).run).toMatchObject({ runId: 'screener.s1', progress: { done: 6 } });
    }
    await eve.settled();
    expect(eve.frames.filter(({ type }) => type === 'run')).toEqual([]);
  });

  it('shows all that are at work, and says so when there are more than it sends', async () => {
    for (let run = 0; run < 2_000; run++) database.put(`analysis/r${run}`, 'ann', analysis);
    const all = new Client(servers[0]);
    await all.hello({ subscribe: ['runs'] });
    const shown = new Set<string>();
    while (shown.size < 2_000) shown.add((await all.next('run')).run.runId);
    await all.settled();
    expect(all.frames.filter(({ type }) => type === 'more')).toEqual([]);

    database.put('analysis/newest', 'ann', analysis);
    const most = new Client(servers[0]);
    await most.hello({ subscribe: ['runs'] });
    expect(await most.next('more')).toEqual({ type: 'more', topic: 'runs', shown: 2_000 });
    const runs = most.frames.flatMap((frame) => (frame.type === 'run' ? [frame.run.runId] : []));
    expect(new Set(runs).size).toBe(2_000);
    expect(runs).toContain('analysis.newest');
  });

  it('shows alerts, and no more after unsubscribing', async () => {
    const client = new Client(servers[0]);
    await client.hello({ subscribe: ['alerts'] });
    expect((await client.next('subscribed')).topics).toEqual(['notifications', 'alerts']);
    const context = { symbol: 'AAPL', condition: 'above', threshold: 200, repeat: 'once', triggers: 0 };
    database.put('priceAlert/a1', 'ann', { value: 'armed', context });
    expect(await client.next('alert')).toMatchObject({
      revision: 1,
      alert: { alertId: 'a1', status: 'armed', threshold: 200 },
    });
    client.send({ type: 'unsubscribe', topics: ['alerts'] });
    expect((await client.next('subscribed')).topics).toEqual(['notifications']);
    database.put('priceAlert/a1', 'ann', { value: 'triggered', context });
    await nextTurn();
    await client.settled();
    // The first state may come twice: as an answer to the subscription, and as the change that it was.
    expect(client.frames.filter((frame) => frame.type === 'alert' && frame.revision > 1)).toEqual([]);
  });

  it.each([
    { topic: 'run:analysis.x1', address: 'analysis/x1', code: 'run_not_found' },
    { topic: 'alert:x1', address: 'priceAlert/x1', code: 'alert_not_found' },
    { topic: 'monitor:x1', address: 'portfolioMonitor/x1', code: 'monitor_not_found' },
  ])(
    '$topic of another is refused like one that never was, also in a hello',
    async ({ topic, address, code }) => {
      const eve = new Client(servers[0], 'eve');
      await eve.hello();
      eve.send({ type: 'subscribe', topics: ['runs', topic] });
      const never = await eve.next('error');
      database.put(address, 'ann', {});
      eve.send({ type: 'subscribe', topics: ['runs', topic] });
      expect(await eve.next('error')).toEqual(never);
      expect(never).toMatchObject({ code });
      const again = new Client(servers[1], 'eve');
      await again.hello({ subscribe: [topic] });
      expect(await again.next('error')).toEqual(never);
      database.put(address, 'ann', {});
      await Promise.all([eve.settled(), again.settled()]);
      for (const { frames } of [eve, again]) {
        expect(frames.filter(({ type }) => ['run', 'alert', 'monitor', 'subscribed'].includes(type))).toEqual(
          [],
        );
      }
    },
  );

  it("shows a monitor to its owner, and another's is answered like one that never was", async () => {
    const context = { portfolio: 'default', everySeconds: 60, checks: 1 };
    database.put('portfolioMonitor/m1', 'ann', { value: 'waiting', context });
    const [client, eve] = [new Client(servers[0]), new Client(servers[0], 'eve')];
    await client.hello({ subscribe: ['monitor:m1', 'monitors'] });
    expect(await client.next('monitor')).toMatchObject({
      revision: 1,
      monitor: { monitorId: 'm1', portfolio: 'default', status: 'active', checks: 1 },
    });
    await eve.hello({ subscribe: ['monitors'] });
    eve.send({ type: 'subscribe', topics: ['monitor:m1'] });
    const refused = await eve.next('error');
    eve.send({ type: 'subscribe', topics: ['monitor:m2'] });
    const unknown = await eve.next('error');
    expect(refused).toMatchObject({ code: 'monitor_not_found' });
    expect({ ...unknown, message: '', details: {} }).toEqual({ ...refused, message: '', details: {} });
    database.put('portfolioMonitor/m1', 'ann', { value: 'waiting', context: { ...context, checks: 2 } });
    for (;;) if ((await client.next('monitor')).monitor.checks === 2) break;
    await eve.settled();
    expect(eve.frames.filter(({ type }) => type === 'monitor')).toEqual([]);
  });

  it('keeps them across connections, and shows them again', async () => {
    database.put('analysis/r1', 'ann', analysis);
    const client = new Client(servers[0]);
    const { sessionId } = await client.hello({ subscribe: ['runs', 'alerts'] });
    await client.next('subscribed');
    await client.leave();
    const again = new Client(servers[1]);
    expect((await again.hello({ sessionId })).topics).toEqual(['notifications', 'runs', 'alerts']);
    expect((await again.next('run')).run.runId).toBe('analysis.r1');
  });

  it('reads all again when commits were missed, those that ended meanwhile too', async () => {
    const client = new Client(servers[0]);
    await client.hello({ subscribe: ['runs'] });
    await client.next('subscribed');
    database.rows.set('analysis/r2', {
      view: { ...database.viewOf('analysis/r2', 'ann'), status: 'stopped' },
      snapshot: null,
    });
    database.committed({ addresses: null });
    expect((await client.next('run')).run).toMatchObject({ runId: 'analysis.r2', status: 'cancelled' });
  });

  it('refuses more than a session may watch', async () => {
    const client = new Client(servers[0]);
    await client.hello();
    for (let index = 0; index < 101; index++) database.put(`priceAlert/${index}`, 'ann', {});
    const topics = Array.from({ length: 101 }, (_, index) => `alert:${index}`);
    client.send({ type: 'subscribe', topics: topics.slice(0, 100) });
    await client.next('subscribed');
    client.send({ type: 'subscribe', topics: topics.slice(100) });
    expect(await client.next('error')).toMatchObject({ code: 'too_many_topics' });
  });
});

function nextTurn(): Promise<void> {
  return new Promise(setImmediate);
}

async function committed(type: string): Promise<void> {
  while (!database.taken.some(({ event }) => event.type === type)) await nextTurn();
}

/** Until the server has that many connections left, and the sessions of the others know. */
async function gone(server: 0 | 1, left = 0): Promise<void> {
  while (servers[server].door.connections().length > left) await nextTurn();
  await nextTurn();
  await nextTurn();
}
