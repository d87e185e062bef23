/** The sender against servers that misbehave. Each test waits for the server's or the sender's own doing. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Message } from './formats.ts';
import { retryAfterOf, WebhookSender } from './send.ts';

interface Request {
  headers: IncomingMessage['headers'];
  url: string | undefined;
  body: string;
}

const now = new Date('2026-01-05T15:00:00.500Z');
const message: Message = {
  seq: 7,
  id: 'priceAlert/1#2.0',
  type: 'price_alert_triggered',
  at: new Date('2026-01-05T14:59:59Z'),
  source: 'priceAlert/1',
  data: { symbol: 'AAPL', price: 201, condition: 'above', threshold: 200, note: null, source: 'simulated' },
};
const requests: Request[] = [];
let answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.end();
const sockets = new Set<Socket>();
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    requests.push({ headers: request.headers, url: request.url, body });
    answer(response, request);
  });
});
server.on('connection', (socket) => sockets.add(socket));
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  requests.length = 0;
  answer = (response) => response.end();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const to = (host = '127.0.0.1', format: 'json' | 'slack' | 'discord' = 'json') => ({
  url: `http://${host}:${port}/hook/s3cret?k=v`,
  format,
  timeZone: 'UTC',
  secret: 'whsec_test',
});
const send = (
  sender = new WebhookSender({ allowedHosts: ['127.0.0.1'] }),
  destination = to(),
  signal = new AbortController().signal,
) => sender.send(destination, message, { now, signal });

test('what arrives is signed, as the documentation verifies it, and carries the id', async () => {
  expect(await send()).toEqual({ ok: true, status: 200 });
  const [{ headers, body, url }] = requests as [Request];
  expect(url).toBe('/hook/s3cret?k=v');
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'ttai-webhook/1',
    'ttai-notification-id': message.id,
  });
  const { t, v1 } = Object.fromEntries(
    String(headers['ttai-signature'])
      .split(',')
      .map((part) => part.split('=')),
  ) as { t: string; v1: string };
  expect(Number(t)).toBe(Math.floor(now.getTime() / 1_000));
  const expected = createHmac('sha256', 'whsec_test').update(`${t}.${body}`).digest();
  expect(timingSafeEqual(Buffer.from(v1, 'hex'), expected)).toBe(true);
  expect(JSON.parse(body)).toEqual({
    id: message.id,
    seq: 7,
    type: 'price_alert_triggered',
    at: '2026-01-05T14:59:59.000Z',
    source: 'priceAlert/1',
    text: 'SIMULATED. AAPL is at 201.00: above 200.00',
    data: message.data,
  });
});

test("the documentation's example takes what is sent now, and nothing that was changed or is old", async () => {
  const page = readFileSync(new URL('../../../../docs/webhooks.md', import.meta.url), 'utf8');
  const code = `${/```js\n([\s\S]*?)```/.exec(page)?.[1]}\nexport { isFromTtai };`;
  const { isFromTtai } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isFromTtai: (secret: string, signature: string, body: string) => boolean;
  };
  const signal = new AbortController().signal;
  const sender = new WebhookSender({ allowedHosts: ['127.0.0.1'] });
  await sender.send(to(), message, { now: new Date(), signal });
  await sender.send(to(), message, { now, signal });
  const [{ headers, body }, old] = requests as [Request, Request];
  const signature = String(headers['ttai-signature']);
  expect(isFromTtai('whsec_test', signature, body)).toBe(true);
  expect(isFromTtai('whsec_other', signature, body)).toBe(false);
  expect(isFromTtai('whsec_test', signature, `${body} `)).toBe(false);
  expect(isFromTtai('whsec_test', signature.replace(/v1=.*/, 'v1=00'), body)).toBe(false);
  expect(isFromTtai('whsec_test', String(old.headers['ttai-signature']), old.body)).toBe(false);
});

test.each([400, 404, 410, 413, 500, 503])('%i is a failure that names the status', async (status) => {
  answer = (response) => response.writeHead(status).end();
  expect(await send()).toEqual({ ok: false, status, reason: `it answered ${status}`, retryAfterMs: null });
});

test('Retry-After is read as seconds, fractions and a date', async () => {
  answer = (response) => response.writeHead(429, { 'retry-after': '7' }).end();
  expect(await send()).toMatchObject({ status: 429, retryAfterMs: 7_000 });
  expect(retryAfterOf('0.65', now)).toBe(650);
  expect(retryAfterOf('Mon, 05 Jan 2026 15:01:00 GMT', now)).toBe(59_500);
  expect(retryAfterOf('Mon, 05 Jan 2026 14:00:00 GMT', now)).toBe(0);
  for (const odd of ['soon', '-1', '', '1e9', undefined]) expect(retryAfterOf(odd, now) ?? 0).toBe(0);
});

test('a redirect, also to the metadata of a cloud, is not followed', async () => {
  answer = (response, request) =>
    request.url === '/other'
      ? response.end()
      : response.writeHead(307, { location: `http://127.0.0.1:${port}/other` }).end();
  expect(await send()).toMatchObject({ ok: false, status: 307 });
  expect(requests).toHaveLength(1);
  answer = (response) => response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end();
  const sent = await send();
  expect(sent).toEqual({
    ok: false,
    status: 302,
    reason: 'it answered 302, a redirect, which is not followed',
    retryAfterMs: null,
  });
});

test('one that never answers is given up', async () => {
  answer = () => {};
  const sender = new WebhookSender({ allowedHosts: ['127.0.0.1'], timeoutMs: 100 });
  expect(await send(sender)).toMatchObject({
    ok: false,
    status: null,
    reason: 'it did not answer within 0.1 s',
  });
});

test('a name server that never answers is given up', async () => {
  const sender = new WebhookSender({ resolve: () => new Promise(() => {}), timeoutMs: 100 });
  const destination = { ...to(), url: 'https://hook.example.com/' };
  expect(await send(sender, destination)).toMatchObject({ reason: 'it did not answer within 0.1 s' });
});

test('a head that never ends is given up', async () => {
  answer = (response) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}`);
  };
  expect(await send()).toMatchObject({ ok: false, reason: 'it could not be reached (HPE_HEADER_OVERFLOW)' });
});

test('a body without end is not read: what was told by the status is told', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  answer = (response) => {
    response.on('close', resolve);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  };
  expect(await send()).toEqual({ ok: true, status: 200 });
  await closed;
});

test('one that hangs up midway is a failure; its URL is nowhere in it', async () => {
  answer = (response) => response.socket?.destroy();
  const sent = await send();
  expect(sent).toMatchObject({ ok: false, status: null, reason: 'it could not be reached (ECONNRESET)' });
  expect(JSON.stringify(sent)).not.toContain('s3cret');
});

test('a name is asked for at each connection, and one that leads inside is not connected to', async () => {
  const answers = ['10.0.0.1', '127.0.0.1', '169.254.169.254'];
  const asked: string[] = [];
  const sender = new WebhookSender({
    resolve: async () => {
      const address = answers[asked.length] ?? '';
      asked.push(address);
      return [{ address, family: 4 }];
    },
  });
  for (const _ of answers) {
    expect(await send(sender, { ...to(), url: `https://hook.example.com:${port}/` })).toMatchObject({
      reason: 'The name leads only to addresses that are not public.',
    });
  }
  expect(asked).toEqual(answers);
  expect(requests).toEqual([]);
});

test('the address that was checked is the one that is connected to', async () => {
  const allowed = {
    allowedHosts: ['hook.example.com'],
    resolve: async () => [{ address: '127.0.0.1', family: 4 as const }],
  };
  expect(await send(new WebhookSender(allowed), to('hook.example.com'))).toEqual({ ok: true, status: 200 });
  expect(requests[0]?.headers.host).toBe(`hook.example.com:${port}`);
});

test('what the configuration does not allow any more is not sent to', async () => {
  expect(await send(new WebhookSender())).toMatchObject({
    ok: false,
    reason: "The webhook's URL is not https.",
  });
  expect(requests).toEqual([]);
});

test('a proxy of the environment is not asked', async () => {
  process.env.HTTP_PROXY = 'http://127.0.0.1:1';
  process.env.NODE_USE_ENV_PROXY = '1';
  try {
    expect(await send()).toEqual({ ok: true, status: 200 });
  } finally {
    delete process.env.HTTP_PROXY;
    delete process.env.NODE_USE_ENV_PROXY;
  }
});

test("the caller's signal ends it with its own reason", async () => {
  const controller = new AbortController();
  answer = () => controller.abort(new Error('the process drains'));
  await expect(send(undefined, undefined, controller.signal)).rejects.toThrow('the process drains');
});
