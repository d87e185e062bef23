import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from './testing/client.ts';
import { FakeDatabase } from './testing/fake-database.ts';
import { startServer, type TestServer } from './testing/server.ts';

let database: FakeDatabase;
let server: TestServer;

beforeEach(async () => {
  database = new FakeDatabase();
  server = await startServer({
    ...database.rooms(),
    serverId: 'server-a',
    limits: { badFrames: 3, connectionsPerOwner: 2 },
  });
});
afterEach(() => server.stop());

describe('frames that are none', () => {
  const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  it.each([
    ['not JSON', 'hello', 'invalid_json'],
    ['an empty message', '', 'invalid_json'],
    ['binary', Buffer.from('{"type":"ping"}'), 'invalid_json'],
    ['no object', '[]', 'invalid_input'],
    ['a very deep one', deep, 'invalid_input'],
    ['null', 'null', 'invalid_input'],
    ['no type', '{}', 'invalid_input'],
    ['an unknown type', '{"type":"xstate.done.actor.x"}', 'invalid_input'],
    ['an unknown field', '{"type":"ping","owner":"eve"}', 'invalid_input'],
    ['a number too large', '{"type":"confirm","seq":1e300}', 'invalid_input'],
    ['a negative number', '{"type":"confirm","seq":-1}', 'invalid_input'],
    ['a number as text', '{"type":"confirm","seq":"1"}', 'invalid_input'],
    ['no topics', '{"type":"subscribe","topics":[]}', 'invalid_input'],
    ['an unknown topic', '{"type":"subscribe","topics":["everything"]}', 'invalid_input'],
    [
      'a topic of 1,000 characters',
      `{"type":"subscribe","topics":["run:${'x'.repeat(1_000)}"]}`,
      'invalid_input',
    ],
    ['a confirmation of what was not sent', '{"type":"confirm","seq":7}', 'invalid_input'],
    ['a second hello', '{"type":"hello"}', 'hello_twice'],
    ['a run that never was', '{"type":"subscribe","topics":["run:analysis.nope"]}', 'run_not_found'],
    ['a run of no machine', '{"type":"subscribe","topics":["run:session.x"]}', 'run_not_found'],
    ['an alert that never was', '{"type":"subscribe","topics":["alert:nope"]}', 'alert_not_found'],
  ])('%s: a typed error, and the connection goes on', async (_name, text, code) => {
    const client = new Client(server);
    await client.hello();
    client.socket.send(text);
    expect(await client.next('error')).toMatchObject({ code, retryable: false });
    await client.settled();
  });

  it('names the field that does not fit', async () => {
    const client = new Client(server);
    await client.hello();
    client.send({ type: 'confirm', seq: 'one' });
    const { details } = await client.next('error');
    expect(details).toMatchObject({ issues: [{ field: 'seq' }] });
  });

  it('carries the id of the frame that an error answers', async () => {
    const client = new Client(server);
    await client.hello();
    client.send({ type: 'subscribe', id: 'q1', topics: ['alert:nope'] });
    expect(await client.next('error')).toMatchObject({ id: 'q1', code: 'alert_not_found' });
    client.socket.send('{"type":"subscribe","id":"q2","topics":["everything"]}');
    expect(await client.next('error')).toMatchObject({ id: 'q2', code: 'invalid_input' });
    client.socket.send('{"type":"nonsense","id":["q3"]}');
    expect(await client.next('error')).not.toHaveProperty('id');
  });

  it('4400: too many of them', async () => {
    const client = new Client(server);
    await client.opened();
    for (let sent = 0; sent < 3; sent++) client.send('?');
    expect(await client.closed).toEqual({ code: 4400, reason: 'invalid_json' });
    expect(client.frames).toHaveLength(3);
  });

  it('4413: more than 64 KiB in one frame, with an error first', async () => {
    const client = new Client(server);
    await client.hello();
    client.send({ type: 'ping', id: 'x'.repeat(64 * 1024) });
    expect(await client.next('error')).toMatchObject({ code: 'too_large' });
    expect((await client.closed).code).toBe(4413);
  });

  it('answers 2,000 frames sent in one go, in order', async () => {
    const client = new Client(server);
    await client.hello();
    for (let sent = 0; sent < 2_000; sent++) client.send({ type: 'ping', id: String(sent) });
    for (let sent = 0; sent < 2_000; sent++) expect((await client.next('pong')).id).toBe(String(sent));
  });
});

describe('hello', () => {
  it.each([
    ['since with a sessionId', { sessionId: 'x', since: 1 }, 'since'],
    ['lastSeq without one', { lastSeq: 1 }, 'lastSeq'],
  ])('%s: refused by name', async (_name, fields, field) => {
    const client = await new Client(server).opened();
    client.send({ type: 'hello', ...fields });
    expect(await client.next('error')).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ field }] },
    });
  });

  it('is wanted before anything else', async () => {
    const client = await new Client(server).opened();
    client.send({ type: 'subscribe', topics: ['runs'] });
    expect(await client.next('error')).toMatchObject({ code: 'hello_required' });
    await client.hello();
  });

  it('4408: does not come', async () => {
    const strict = await startServer({
      ...database.rooms(),
      serverId: 'server-b',
      limits: { helloTimeoutMs: 20 },
    });
    const client = new Client(strict);
    expect(await client.next('error')).toMatchObject({ code: 'hello_timeout', retryable: true });
    expect((await client.closed).code).toBe(4408);
    expect(database.rows.size).toBe(0);
    await strict.stop();
  });

  it("answers a forged id, nonsense, another owner's and a closed session alike; then a new one can begin", async () => {
    const annes = new Client(server, 'ann');
    const { sessionId } = await annes.hello();
    const before = database.session(sessionId);
    const gone = new Client(server, 'eve');
    const { sessionId: closed } = await gone.hello();
    gone.send({ type: 'bye' });
    await gone.closed;

    const lenient = await startServer({ ...database.rooms(), serverId: 'server-b' });
    const eve = await new Client(lenient, 'eve').opened();
    const tries = [sessionId, closed, '00000000-0000-4000-8000-000000000000', '../session', `${sessionId}/x`];
    const answers = [];
    for (const tried of tries) {
      eve.send({ type: 'hello', sessionId: tried });
      answers.push(await eve.next('error'));
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ code: 'session_not_found', retryable: false });
    expect(database.session(sessionId)).toBe(before);
    expect(await eve.hello({ since: 0 })).toMatchObject({ resumed: false });
    await lenient.stop();
  });

  it('4404: keeps asking for sessions that are not there', async () => {
    const client = await new Client(server).opened();
    for (let sent = 0; sent < 3; sent++) client.send({ type: 'hello', sessionId: `guess-${sent}` });
    expect((await client.closed).code).toBe(4404);
  });

  it('1013: the database is away', async () => {
    database.away = true;
    const client = await new Client(server).opened();
    client.send({ type: 'hello' });
    expect(await client.next('error')).toMatchObject({ code: 'unavailable', retryable: true });
    expect((await client.closed).code).toBe(1013);
  });
});

describe('the upgrade', () => {
  it('is refused with 401 and a body without a token, or with a wrong one', async () => {
    const { status, body } = await upgrade({ authorization: 'Bearer wrong' });
    expect(status).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'unauthorized' } });
  });

  it('4401: a page in a browser gets the same as a close code', async () => {
    const client = new Client(server, 'wrong', { headers: { origin: 'http://localhost' } });
    expect(await client.next('error')).toMatchObject({ code: 'unauthorized' });
    expect((await client.closed).code).toBe(4401);
    expect(server.door.connections()).toEqual([]);
  });

  it('chooses ttai.v1, never the protocol that carries the token', async () => {
    const headers = { authorization: 'Bearer ann' };
    const socket = new WebSocket(server.url, ['ttai.bearer.YW5u', 'ttai.v1'], { headers });
    await once(socket, 'open');
    expect(socket.protocol).toBe('ttai.v1');
    socket.terminate();
  });

  it('is refused for another protocol', async () => {
    const { status, body } = await upgrade({ authorization: 'Bearer ann', 'sec-websocket-protocol': 'mqtt' });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_input' } });
  });

  it('4429: too many connections of one owner, and of that owner only', async () => {
    const [first, second] = [new Client(server), new Client(server)];
    await Promise.all([first.hello(), second.hello()]);
    const third = new Client(server);
    expect(await third.next('error')).toMatchObject({ code: 'too_many_connections', retryable: true });
    expect((await third.closed).code).toBe(4429);
    await new Client(server, 'bob').hello();
    await first.leave();
    await new Client(server).hello();
  });
});

function upgrade(headers: Record<string, string>): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(server.url.replace('ws:', 'http:'), {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...headers,
      },
    });
    asked.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}
