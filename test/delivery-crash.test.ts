/**
 * Webhooks with real processes: a server that is killed while it sends, at some moment of each of several rounds, sends
 * every notification, in order; one that was under way may come once more.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../src/cli/main.ts';
import { insertNotifications } from '../src/persistence/records/notifications.ts';
import { endServer, type ServerProcess, spawnServer } from './server-process.ts';
import { status, WebhookReceiver } from './webhook-receiver.ts';

const ROUNDS = 6;
const EACH = 5;

let home: string;
let receiver: WebhookReceiver;
let server: ServerProcess;

const start = (): ServerProcess =>
  spawnServer(home, {
    // No analysis is asked for here: none is started.
    env: { ANALYSIS_URL: receiver.url('/analysis'), WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', LOG_LEVEL: 'error' },
  });

async function ttai(...args: string[]): Promise<string> {
  const lines: string[] = [];
  await runCli(args, {
    env: { TTAI_HOME: home },
    terminal: {
      out: (text: string) => lines.push(text),
      note: () => {},
      style: (_style: string, text: string) => text,
    } as never,
  });
  return lines.join('\n');
}

async function notify(count: number, round: number): Promise<void> {
  const { connectionString } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as {
    connectionString: string;
  };
  const client = new pg.Client({ connectionString });
  await client.connect();
  const rows = Array.from({ length: count }, (_, index) => ({
    owner: 'local',
    id: `told ${round}.${index}`,
    type: 'price_alert_triggered',
    source: 'priceAlert/1',
    at: new Date(),
    data: {},
  }));
  await insertNotifications(client, rows);
  await client.end();
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai-delivery-'));
  receiver = await new WebhookReceiver().open();
  server = start();
  await server.ready;
});
afterAll(async () => {
  await endServer(server);
  await receiver[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

test('every notification arrives in order over kill -9, again where its answer was not noted', async () => {
  const added = JSON.parse(await ttai('webhook', 'add', receiver.url('/hook'), '--json')) as {
    webhookId: string;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const before = receiver.at('/hook').length;
    const { promise: isUnderWay, resolve: underWay } = Promise.withResolvers<void>();
    // One of the round's is being sent, or has just been answered, when the server dies.
    receiver.answers.set('/hook', (response) => {
      const isThat = receiver.at('/hook').length === before + 1 + (round % EACH);
      if (!isThat || round % 2 === 0) status(204)(response);
      if (isThat) underWay();
    });
    await notify(EACH, round);
    await isUnderWay;
    await endServer(server, 'SIGKILL');
    receiver.answers.delete('/hook');
    server = start();
    await server.ready;
    const last = (round + 1) * EACH;
    await receiver.until(() => receiver.seqs('/hook').includes(last));
  }
  const seqs = receiver.seqs('/hook') as number[];
  expect([...new Set(seqs)]).toEqual(Array.from({ length: ROUNDS * EACH }, (_, index) => index + 1));
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  // Those that the receiver had left without an answer came again, of the others at most one a round.
  const again = seqs.length - ROUNDS * EACH;
  expect(again).toBeGreaterThanOrEqual(ROUNDS / 2);
  expect(again).toBeLessThanOrEqual(ROUNDS);
  const ids = new Map(
    receiver.at('/hook').map(({ headers, body }) => [body.seq, headers['ttai-notification-id']]),
  );
  for (const { headers, body } of receiver.at('/hook'))
    expect(headers['ttai-notification-id']).toBe(ids.get(body.seq));
  expect(await ttai('webhook', 'test', added.webhookId)).toBe('It works: it answered 204.');
  expect(await ttai('webhook', 'list')).toMatch(/http:\/\/127\.0\.0\.1:\d+\/… +json +all +active +0 +0 /);
  expect(await ttai('webhook', 'delete', added.webhookId)).toContain('is deleted.');
  expect(await ttai('webhook', 'list')).toContain('No webhooks.');
}, 180_000);
