import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestDoor, type TestDoor } from './testing/door.ts';
import { eventually } from './testing/eventually.ts';
import { FakeSystem } from './testing/fake-system.ts';
import { sampleAnalysis, sampleEverything } from './testing/sample-machines.ts';
import { serverSentEvents } from './testing/sse.ts';

let fake: FakeSystem;
let door: TestDoor;
const marketData = { type: 'xstate.done.actor.marketData', output: { bars: 250 } };

beforeEach(async () => {
  fake = new FakeSystem([sampleAnalysis, sampleEverything]);
  door = await startTestDoor(fake.asSystem(), { limits: { total: 4, perOwner: 3 } });
});
afterEach(() => door.stop());

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${door.url}/inspect/api${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const refusal = (status: number, code: string) => ({ status, body: { error: { code } } });

describe('machines', () => {
  test('a version has its graph, definition and layout', async () => {
    const { body } = await get('/machines/analysis/1');
    expect(body).toMatchObject({
      id: 'analysis',
      nodes: expect.any(Array),
      layout: { nodes: expect.any(Array) },
    });
    expect(JSON.parse(String(body.definition))).toMatchObject({ id: 'analysis' });
  });

  test('an unknown one is a typed error', async () => {
    expect(await get('/machines/analysis/9')).toMatchObject(refusal(404, 'machine_not_found'));
  });
});

describe('actors', () => {
  test('are listed newest first, page by page, filtered', async () => {
    for (const key of ['a', 'b', 'c']) fake.start('analysis', key);
    fake.start('everything', 'd', { input: { start: 0 } });
    const keys = async (query: string) => {
      const { body } = await get(`/actors?${query}`);
      return { keys: (body.actors as { key: string }[]).map(({ key }) => key), next: body.next };
    };
    expect(await keys('machine=analysis')).toEqual({ keys: ['c', 'b', 'a'], next: null });
    const first = await keys('limit=3');
    expect(first.keys).toEqual(['d', 'c', 'b']);
    expect(await keys(`limit=3&cursor=${first.next}`)).toEqual({ keys: ['a'], next: null });
    expect(await keys('status=done')).toEqual({ keys: [], next: null });
  });

  test('in full: context, timers with their due time, effects, active states and enabled events', async () => {
    const address = fake.start('analysis', 'a');
    const due = new Date(fake.now + 60_000);
    fake.set(address, {
      timers: [{ id: 'xstate.after.60000.analysis', due, event: { type: 'xstate.after.60000.analysis' } }],
      effects: [{ id: 'marketData', src: 'fetchMarketData', effectId: 'e1' }],
    });
    const { body } = await get(`/actors/${address}`);
    expect(body).toMatchObject({
      ...{ address, status: 'active', value: 'fetchMarketData', subject: 'AAPL', simulated: true },
      timers: [{ due: due.toISOString() }],
      effects: [{ src: 'fetchMarketData' }],
      active: ['analysis', 'analysis.fetchMarketData'],
    });
    expect(body.enabled).toContainEqual({ type: 'CANCEL', label: 'CANCEL', kind: 'event', guards: [] });
  });

  test('the history tells each step; one revision can be read in full', async () => {
    const address = fake.start('analysis', 'a');
    fake.step(address, marketData, { source: 'effect' });
    fake.step(address, { type: 'CANCEL' }, { source: 'mcp' });
    const { body } = await get(`/actors/${address}/history`);
    expect(body.steps).toMatchObject([
      { revision: 1, kind: 'spawn', eventType: 'xstate.init', value: 'fetchMarketData' },
      {
        revision: 2,
        value: 'chart',
        source: 'effect',
        taken: [expect.stringContaining('analysis.fetchMarketData#')],
      },
      {
        revision: 3,
        value: 'cancelled',
        source: 'mcp',
        status: 'done',
        active: ['analysis', 'analysis.cancelled'],
      },
    ]);
    expect((await get(`/actors/${address}/history?from=2&limit=1`)).body.steps).toMatchObject([
      { revision: 2 },
    ]);
    expect((await get(`/actors/${address}/history/2`)).body).toMatchObject({
      event: marketData,
      context: { symbol: 'AAPL' },
    });
    expect(await get(`/actors/${address}/history/9`)).toMatchObject(refusal(404, 'not_found'));
  });

  test('more rows than revisions: the last steps are still the last ones', async () => {
    const address = fake.start('analysis', 'a');
    for (let step = 0; step < 30; step += 1) fake.step(address, { type: 'NOTHING' });
    fake.step(address, { type: 'CANCEL' });
    const { body } = await get(`/actors/${address}/history?limit=5`);
    const steps = body.steps as { value: string; revision: number }[];
    expect(steps).toHaveLength(5);
    expect(steps.at(-1)).toMatchObject({ value: 'cancelled' });
  });
});

describe('who sees what', () => {
  test.each(['somebody', 'system'])(
    'of actors of %s an owner hears not even that they exist',
    async (owner) => {
      const theirs = fake.start('analysis', 'theirs', { owner });
      expect((await get('/actors')).body.actors).toEqual([]);
      const unknown = await get('/actors/analysis/nobody');
      for (const path of ['', '/history', '/history/1']) {
        const refused = await get(`/actors/${theirs}${path}`);
        expect(refused).toMatchObject(refusal(404, 'actor_not_found'));
        expect(JSON.stringify(refused).replace(theirs, 'analysis/nobody')).toBe(JSON.stringify(unknown));
      }
      expect(await get(`/stream?address=${theirs}`)).toMatchObject(refusal(404, 'actor_not_found'));
      expect(unknown.body).toMatchObject({ error: { code: 'actor_not_found' } });
    },
  );

  test('what serves all owners is listed for operators only', async () => {
    const common = fake.start('analysis', 'common', { owner: 'system' });
    expect(await get('/actors?scope=system')).toMatchObject(refusal(403, 'operators_only'));
    expect((await get('/viewer')).body).toEqual({ owner: 'local', operator: false });
    door.caller = { owner: 'opal', operator: true };
    expect((await get('/actors?scope=system')).body.actors).toMatchObject([{ address: common }]);
    expect((await get('/viewer')).body).toEqual({ owner: 'opal', operator: true });
  });

  test('an operator looks into any actor, and lists its own', async () => {
    const theirs = fake.start('analysis', 'theirs', { owner: 'somebody' });
    door.caller = { owner: 'opal', operator: true };
    for (const path of ['', '/history', '/history/1']) {
      expect((await get(`/actors/${theirs}${path}`)).status).toBe(200);
    }
    expect((await get('/actors')).body.actors).toEqual([]);
  });
});

test.each([
  ['a limit of 0', '/actors?limit=0'],
  ['an unknown status', '/actors?status=asleep'],
  ['a machine of 1,000 characters', `/actors?machine=${'x'.repeat(1_000)}`],
  ['a key of 1,000 characters', `/actors/analysis/${'x'.repeat(1_000)}`],
  ['a key with a space', '/actors/analysis/a%20b'],
  ['a revision that is a word', '/actors/analysis/a/history/last'],
  ['a cursor with other characters', '/stream?after=%27;drop'],
  ['a cursor of another kind', '/stream?after=notacursor'],
  ['an address without a key', '/stream?address=nonsense'],
])('%s is refused as invalid_input', async (_what, path) => {
  fake.start('analysis', 'a');
  expect(await get(path)).toMatchObject(refusal(400, 'invalid_input'));
});

describe('the live stream', () => {
  const open = (query = '', init: RequestInit = {}) =>
    serverSentEvents(`${door.url}/inspect/api/stream${query}`, init);

  test('brings own steps as they are committed, never others’ nor those of what serves all', async () => {
    const stream = open('?after=0');
    expect((await stream.next()).value).toMatchObject({ event: 'ready' });
    fake.start('analysis', 'theirs', { owner: 'somebody' });
    fake.start('analysis', 'common', { owner: 'system' });
    for (const key of ['mine', 'mine-too']) {
      const address = fake.start('analysis', key);
      expect((await stream.next()).value).toMatchObject({ event: 'step', data: { address, revision: 1 } });
    }
    await stream.return();
  });

  test('brings an operator also those of what serves all', async () => {
    door.caller = { owner: 'opal', operator: true };
    const stream = open();
    await stream.next();
    fake.start('analysis', 'theirs', { owner: 'somebody' });
    const mine = fake.start('analysis', 'mine', { owner: 'opal' });
    expect((await stream.next()).value).toMatchObject({ data: { address: mine } });
    const common = fake.start('analysis', 'common', { owner: 'system' });
    expect((await stream.next()).value).toMatchObject({ data: { address: common } });
    await stream.return();
  });

  test('of one actor is an operator’s, whoever’s that is', async () => {
    const theirs = fake.start('analysis', 'theirs', { owner: 'somebody' });
    door.caller = { owner: 'opal', operator: true };
    const stream = open(`?address=${theirs}`);
    await stream.next();
    fake.step(theirs, marketData);
    expect((await stream.next()).value).toMatchObject({ data: { address: theirs } });
    await stream.return();
  });

  test('goes on from any event’s id, with nothing missed and nothing twice', async () => {
    const address = fake.start('analysis', 'a');
    const stream = open('?after=0');
    await stream.next();
    const first = (await stream.next()).value;
    expect(first).toMatchObject({ data: { revision: 1 } });
    await stream.return();
    fake.step(address, marketData);
    fake.step(address, { type: 'CANCEL' });
    const again = open('', { headers: { 'last-event-id': first?.id ?? '' } });
    await again.next();
    expect((await again.next()).value).toMatchObject({ data: { revision: 2 } });
    expect((await again.next()).value).toMatchObject({ data: { revision: 3, value: 'cancelled' } });
    await again.return();
  });

  test('can be of one actor', async () => {
    const one = fake.start('analysis', 'one');
    const stream = open(`?address=${one}`);
    await stream.next();
    fake.start('analysis', 'two');
    fake.step(one, marketData);
    expect((await stream.next()).value).toMatchObject({ data: { address: one, revision: 2 } });
    await stream.return();
  });

  test('outlives a database that is away', async () => {
    const stream = open();
    await stream.next();
    fake.failReads = new Error('connection terminated');
    const address = fake.start('analysis', 'a');
    await eventually(() => door.warnings.length).toBeGreaterThan(0);
    fake.failReads = undefined;
    expect((await stream.next()).value).toMatchObject({ data: { address } });
    await stream.return();
  });

  test('there are at most so many; one that ends makes room', async () => {
    const streams = [open(), open(), open()];
    for (const stream of streams) await stream.next();
    expect(await get('/stream')).toMatchObject(refusal(503, 'busy'));
    await streams[0]?.return();
    await eventually(async () => (await fetch(`${door.url}/inspect/api/stream`)).status).toBe(200);
    for (const stream of streams) await stream.return();
  });

  test('ends when the server stops, and leaves no listener behind', async () => {
    const stream = open();
    await stream.next();
    expect(fake.listeners).toBe(1);
    const end = stream.next();
    await door.stop();
    expect(await end).toEqual({ done: true, value: undefined });
    expect(fake.listeners).toBe(0);
  });
});

describe('pages', () => {
  test('are served with a strict policy; only the bridge may frame, and only its target', async () => {
    const policyOf = async (path: string) => {
      const response = await fetch(`${door.url}/inspect${path}`);
      expect(response.status).toBe(200);
      return response.headers.get('content-security-policy');
    };
    for (const path of ['', '/assets/app.js', '/assets/frame.css']) {
      const policy = await policyOf(path);
      expect(policy).toContain("default-src 'none'; script-src 'self'");
      expect(policy).toContain("frame-src 'none'");
      expect(policy).not.toContain('unsafe');
    }
    expect(await policyOf('/stately')).toContain('frame-src https://stately.ai;');
  });

  test('are not sent again when the browser has them', async () => {
    const first = await fetch(`${door.url}/inspect/assets/app.js`);
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
    expect((await fetch(`${door.url}/inspect/assets/app.js`, { headers })).status).toBe(304);
  });

  test.each(['nothing.js', '..%2findex.ts', '%2e%2e%2fapi.ts'])('there is no file %s', async (name) => {
    expect((await fetch(`${door.url}/inspect/assets/${name}`)).status).toBe(404);
  });

  test('hold no address of another host', async () => {
    for (const path of ['', '/stately', '/assets/app.js', '/assets/frame.css', '/assets/stately.js']) {
      const text = await (await fetch(`${door.url}/inspect${path}`)).text();
      expect(text.match(/https?:\/\/(?!www\.w3\.org)[^\s"'`$]+/g)).toBeNull();
    }
  });
});
