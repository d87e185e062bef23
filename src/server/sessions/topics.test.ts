/** What a client subscribes to, and sees of it. */
import { describe, expect, it } from 'vitest';
import { Client } from './testing/client.ts';
import { nextTurn, TwoServers } from './testing/two-servers.ts';

const two = TwoServers.use();

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
    two.database.put('analysis/r1', 'ann', analysis);
    const [all, one, none] = [
      new Client(two.servers[0]),
      new Client(two.servers[1]),
      new Client(two.servers[1]),
    ];
    const eve = new Client(two.servers[0], 'eve');
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
    two.database.put('analysis/r1', 'ann', {
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
    two.database.put('screener/s1', 'ann', screener);
    two.database.put('analysis/r1', 'ann', analysis);
    const [all, one, eve] = [
      new Client(two.servers[0]),
      new Client(two.servers[1]),
      new Client(two.servers[0], 'eve'),
    ];
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
    two.database.put('screener/s1', 'ann', { ...screener, context: { progress: { ...progress, done: 6 } } });
    for (const client of [all, one]) {
      expect((await client.next('run')).run).toMatchObject({ runId: 'screener.s1', progress: { done: 6 } });
    }
    await eve.settled();
    expect(eve.frames.filter(({ type }) => type === 'run')).toEqual([]);
  });

  it('shows all that are at work, and says so when there are more than it sends', async () => {
    for (let run = 0; run < 2_000; run++) two.database.put(`analysis/r${run}`, 'ann', analysis);
    const all = new Client(two.servers[0]);
    await all.hello({ subscribe: ['runs'] });
    const shown = new Set<string>();
    while (shown.size < 2_000) shown.add((await all.next('run')).run.runId);
    await all.settled();
    expect(all.frames.filter(({ type }) => type === 'more')).toEqual([]);

    two.database.put('analysis/newest', 'ann', analysis);
    const most = new Client(two.servers[0]);
    await most.hello({ subscribe: ['runs'] });
    expect(await most.next('more')).toEqual({ type: 'more', topic: 'runs', shown: 2_000 });
    const runs = most.frames.flatMap((frame) => (frame.type === 'run' ? [frame.run.runId] : []));
    expect(new Set(runs).size).toBe(2_000);
    expect(runs).toContain('analysis.newest');
  });

  it('shows alerts, and no more after unsubscribing', async () => {
    const client = new Client(two.servers[0]);
    await client.hello({ subscribe: ['alerts'] });
    expect((await client.next('subscribed')).topics).toEqual(['notifications', 'alerts']);
    const context = { symbol: 'AAPL', condition: 'above', threshold: 200, repeat: 'once', triggers: 0 };
    two.database.put('priceAlert/a1', 'ann', { value: 'armed', context });
    expect(await client.next('alert')).toMatchObject({
      revision: 1,
      alert: { alertId: 'a1', status: 'armed', threshold: 200 },
    });
    client.send({ type: 'unsubscribe', topics: ['alerts'] });
    expect((await client.next('subscribed')).topics).toEqual(['notifications']);
    two.database.put('priceAlert/a1', 'ann', { value: 'triggered', context });
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
      const eve = new Client(two.servers[0], 'eve');
      await eve.hello();
      eve.send({ type: 'subscribe', topics: ['runs', topic] });
      const never = await eve.next('error');
      two.database.put(address, 'ann', {});
      eve.send({ type: 'subscribe', topics: ['runs', topic] });
      expect(await eve.next('error')).toEqual(never);
      expect(never).toMatchObject({ code });
      const again = new Client(two.servers[1], 'eve');
      await again.hello({ subscribe: [topic] });
      expect(await again.next('error')).toEqual(never);
      two.database.put(address, 'ann', {});
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
    two.database.put('portfolioMonitor/m1', 'ann', { value: 'waiting', context });
    const [client, eve] = [new Client(two.servers[0]), new Client(two.servers[0], 'eve')];
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
    two.database.put('portfolioMonitor/m1', 'ann', { value: 'waiting', context: { ...context, checks: 2 } });
    for (;;) if ((await client.next('monitor')).monitor.checks === 2) break;
    await eve.settled();
    expect(eve.frames.filter(({ type }) => type === 'monitor')).toEqual([]);
  });

  it('keeps them across connections, and shows them again', async () => {
    two.database.put('analysis/r1', 'ann', analysis);
    const client = new Client(two.servers[0]);
    const { sessionId } = await client.hello({ subscribe: ['runs', 'alerts'] });
    await client.next('subscribed');
    await client.leave();
    const again = new Client(two.servers[1]);
    expect((await again.hello({ sessionId })).topics).toEqual(['notifications', 'runs', 'alerts']);
    expect((await again.next('run')).run.runId).toBe('analysis.r1');
  });

  it('reads all again when commits were missed, those that ended meanwhile too', async () => {
    const client = new Client(two.servers[0]);
    await client.hello({ subscribe: ['runs'] });
    await client.next('subscribed');
    two.database.rows.set('analysis/r2', {
      view: { ...two.database.viewOf('analysis/r2', 'ann'), status: 'stopped' },
      snapshot: null,
    });
    two.database.committed({ addresses: null });
    expect((await client.next('run')).run).toMatchObject({ runId: 'analysis.r2', status: 'cancelled' });
  });

  it('refuses more than a session may watch', async () => {
    const client = new Client(two.servers[0]);
    await client.hello();
    for (let index = 0; index < 101; index++) two.database.put(`priceAlert/${index}`, 'ann', {});
    const topics = Array.from({ length: 101 }, (_, index) => `alert:${index}`);
    client.send({ type: 'subscribe', topics: topics.slice(0, 100) });
    await client.next('subscribed');
    client.send({ type: 'subscribe', topics: topics.slice(100) });
    expect(await client.next('error')).toMatchObject({ code: 'too_many_topics' });
  });
});
