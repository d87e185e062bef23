/**
 * Webhooks from a notification's row to their receiver, on the real runtime and database. Where time matters the test
 * turns it; a receiver in the process says what came.
 */

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Dispatcher } from '../src/actors/dispatcher.ts';
import { deliveryEffects } from '../src/actors/effects/delivery.ts';
import { effectRooms, type MarketService, WebhookSender, writeEmitted } from '../src/actors/effects/index.ts';
import {
  type ActorSystem,
  createActorSystem,
  type TurnedClock,
  turnedClock,
} from '../src/actors/runtime/index.ts';
import type { Clock } from '../src/actors/runtime/types.ts';
import { delivery } from '../src/machines/delivery.ts';
import { PAUSE_MS } from '../src/machines/delivery-rules.ts';
import type { Database } from '../src/persistence/database.ts';
import { insertNotifications, Notifications } from '../src/persistence/records/notifications.ts';
import {
  changePreferences,
  defaultPreferences,
  type Preferences,
} from '../src/persistence/records/preferences.ts';
import { recordsOf } from '../src/persistence/records/records.ts';
import { webhookOf } from '../src/persistence/records/webhooks.ts';
import { type OperationContext, operations } from '../src/server/operations/index.ts';
import { updatePreferences } from '../src/server/operations/preferences.ts';
import { fakeRooms } from '../src/server/testing/fake-rooms.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { status, WebhookReceiver } from './webhook-receiver.ts';

const START = '2026-01-05T15:00:00.000Z';
const quietLog = { warn() {} };

let database: TestDatabase;
let receiver: WebhookReceiver;
let notifications: Notifications;
let clock: TurnedClock;
let owner: string;
let system: ActorSystem;
const systems: ActorSystem[] = [];
const dispatchers: Dispatcher[] = [];

/** Tells a dispatcher what the test says. */
class Notices {
  readonly #listeners = new Set<(owner: string | null) => void>();
  onNotification(listener: (owner: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  tell(who: string | null): void {
    for (const listener of this.#listeners) listener(who);
  }
}

async function startSystem(on?: Clock): Promise<ActorSystem> {
  const { pool, connectionString } = database;
  const sender = new WebhookSender({ allowedHosts: ['127.0.0.1'] });
  const started = await createActorSystem({
    pool,
    connectionString,
    machines: [delivery],
    effects: deliveryEffects(effectRooms({} as MarketService, pool, sender)),
    onEmitted: writeEmitted,
    ...(on && { clock: on }),
  });
  systems.push(started);
  return started;
}

function startDispatcher(
  on = system,
  over: Database = database.pool,
): { notices: Notices; dispatcher: Dispatcher } {
  const notices = new Notices();
  const dispatcher = new Dispatcher({ database: over, system: on, notifications: notices, log: quietLog });
  dispatchers.push(dispatcher);
  dispatcher.start();
  return { notices, dispatcher };
}

const contextFor = (who: string): OperationContext => ({
  ...fakeRooms(),
  system,
  records: recordsOf(database.pool),
  notifications,
  webhookAllowedHosts: ['127.0.0.1'],
  owner: who,
  operator: false,
  source: 'test',
});

async function call<Output>(name: string, input: unknown, who = owner): Promise<Output> {
  const operation = operations.find((candidate) => candidate.name === name);
  return (await operation?.call(contextFor(who), input))?.output as Output;
}

interface Webhook {
  webhookId: string;
  url: string;
  status: string;
  behind: number;
  skipped: number;
  lastError: { reason: string } | null;
}
interface Added {
  webhookId: string;
  url: string;
  secret: string | null;
}

const add = (path: string, more: Record<string, unknown> = {}, who = owner) =>
  call<Added>('add_webhook', { url: receiver.url(path), ...more }, who).then(({ webhookId }) => webhookId);
const viewOf = async (id: string, who = owner) =>
  (await call<{ webhooks: Webhook[] }>('list_webhooks', {}, who)).webhooks.find(
    ({ webhookId }) => webhookId === id,
  );

/** Tells an owner something, as many times as there are types. */
const notify = (types: readonly string[], who = owner) =>
  insertNotifications(
    database.pool,
    types.map((type) => ({
      owner: who,
      id: randomUUID(),
      type,
      source: 'priceAlert/1',
      at: new Date(START),
      data: {},
    })),
  );
const alerts = (count: number) => Array.from({ length: count }, () => 'price_alert_triggered');
const toldOfWebhooks = async (who = owner) =>
  (await notifications.since(who, 0, 500))
    .filter(({ type }) => type === 'monitor_health')
    .map(({ data }) => (data as { status: string }).status);

/** All that are behind are woken, and all that is due now is done. */
async function dispatch(): Promise<void> {
  const { dispatcher } = startDispatcher();
  await dispatcher.settled();
  await dispatcher.stop();
  await clock.settle();
}

beforeAll(async () => {
  [database, receiver] = await Promise.all([createTestDatabase(), new WebhookReceiver().open()]);
  const { pool, connectionString } = database;
  notifications = new Notifications({ database: pool, connectionString, onError: () => {} });
  await notifications.start();
});
beforeEach(async () => {
  owner = `owner ${randomUUID()}`;
  clock = turnedClock(START);
  system = await startSystem(clock);
});
afterEach(async () => {
  for (const dispatcher of dispatchers.splice(0)) await dispatcher.stop();
  for (const one of systems.splice(0)) await one.drain({ timeoutMs: 1 });
  receiver.received.length = 0;
  receiver.answers.clear();
  await database.pool.query(
    'TRUNCATE actors, effects, messages, journal, webhooks, notifications, notification_counters',
  );
  await database.pool.query(`DELETE FROM pgboss.job WHERE name = 'actor-timers'`);
});
afterAll(async () => {
  await notifications?.stop();
  await receiver?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

describe('delivering', () => {
  test('what is told after it was added arrives in order, with its id, and then it sleeps', async () => {
    await notify(alerts(2));
    const id = await add('/a');
    await notify(alerts(3));
    await dispatch();
    expect(receiver.seqs('/a')).toEqual([3, 4, 5]);
    const rows = await notifications.since(owner, 2, 10);
    expect(receiver.at('/a').map(({ headers }) => headers['ttai-notification-id'])).toEqual(
      rows.map((row) => row.id),
    );
    expect(await system.snapshot(`delivery/${id}`)).toMatchObject({
      value: { open: { delivering: 'idle' } },
      timers: [],
      effects: [],
    });
    expect(await viewOf(id)).toMatchObject({ status: 'active', behind: 0 });
  });

  test('only wanted types are sent, and nothing where the owner wants no webhooks; the cursor moves on', async () => {
    const some = await add('/some', { types: ['daily_report'] });
    await notify(['price_alert_triggered', 'daily_report', 'price_alert_triggered']);
    await dispatch();
    expect(receiver.seqs('/some')).toEqual([2]);
    expect(await viewOf(some)).toMatchObject({ behind: 0 });
    await changePreferences(database.pool, owner, { ...defaultPreferences, channels: ['live'] });
    await notify(['daily_report']);
    await dispatch();
    expect(receiver.seqs('/some')).toEqual([2]);
    expect(await viewOf(some)).toMatchObject({ behind: 0 });
    await changePreferences(database.pool, owner, defaultPreferences);
    await notify(['daily_report']);
    await dispatch();
    expect(receiver.seqs('/some')).toEqual([2, 5]);
  });

  test('a webhook that fails is paused and tells once, by the others; it misses nothing, and tells once that it works', async () => {
    receiver.answers.set('/bad', status(500));
    const bad = await add('/bad');
    await add('/good');
    await notify(alerts(3));
    await dispatch();
    await clock.advance('10 min');
    expect(await viewOf(bad)).toMatchObject({
      status: 'paused',
      lastError: { reason: 'it answered 500' },
      behind: 4,
    });
    expect(receiver.seqs('/bad')).toEqual(Array.from({ length: 10 }, () => 1));
    await clock.advance('3 h');
    expect(receiver.seqs('/bad')).toHaveLength(13);
    expect(await toldOfWebhooks()).toEqual(['paused']);
    await dispatch();
    expect(receiver.seqs('/good')).toEqual([1, 2, 3, 4]);
    expect(receiver.at('/good').at(-1)?.body).toMatchObject({
      type: 'monitor_health',
      text: expect.stringMatching(
        /^The webhook [0-9a-f-]{36} to 127.0.0.1:\d+ failed 10 times in a row: it answered 500\./,
      ),
    });

    receiver.answers.delete('/bad');
    await clock.advance(PAUSE_MS);
    await dispatch();
    // Not what is about itself: 4 and 5.
    expect(receiver.seqs('/bad').slice(13)).toEqual([1, 2, 3]);
    expect(await toldOfWebhooks()).toEqual(['paused', 'working']);
    expect(receiver.seqs('/good')).toEqual([1, 2, 3, 4, 5]);
    expect(await viewOf(bad)).toMatchObject({ status: 'active', behind: 0 });
  });

  test('Retry-After is kept to', async () => {
    receiver.answers.set('/busy', status(429, { 'retry-after': '40' }));
    await add('/busy');
    await notify(alerts(1));
    await dispatch();
    receiver.answers.delete('/busy');
    await clock.advance('39999 ms');
    expect(receiver.seqs('/busy')).toEqual([1]);
    await clock.advance(1);
    expect(receiver.seqs('/busy')).toEqual([1, 1]);
  });

  test('one notification that is refused for what is in it does not hold up those behind it, and is told', async () => {
    receiver.answers.set('/picky', (response) => {
      const refuses = receiver.at('/picky').at(-1)?.body.type === 'daily_report';
      status(refuses ? 422 : 200)(response);
    });
    const picky = await add('/picky');
    await notify(['price_alert_triggered', 'daily_report', 'price_alert_triggered']);
    await dispatch();
    await clock.advance('1 min');
    expect(receiver.seqs('/picky')).toEqual([1, 2, 2, 2, 3]);
    expect(await viewOf(picky)).toMatchObject({ status: 'active', skipped: 1, behind: 0 });
    expect(await toldOfWebhooks()).toEqual(['skipped']);
  });

  test('one that is gone is disabled, says so, costs nothing more, and goes on where it was when a test succeeds', async () => {
    receiver.answers.set('/gone', status(410));
    const gone = await add('/gone');
    await notify(alerts(2));
    await dispatch();
    expect(await toldOfWebhooks()).toEqual(['disabled']);
    const { revision } = await system.snapshot(`delivery/${gone}`);
    await notify(alerts(1));
    await dispatch();
    expect(await viewOf(gone)).toMatchObject({ status: 'disabled' });
    expect(await system.snapshot(`delivery/${gone}`)).toMatchObject({ revision });
    expect(await call('test_webhook', { webhookId: gone })).toEqual({
      ok: false,
      status: 410,
      reason: 'it answered 410',
      at: START,
    });
    expect(await viewOf(gone)).toMatchObject({ status: 'disabled' });

    receiver.answers.delete('/gone');
    expect(await call('test_webhook', { webhookId: gone })).toMatchObject({ ok: true, status: 204 });
    await clock.settle();
    expect(receiver.seqs('/gone').filter((seq) => seq !== null)).toEqual([1, 1, 2, 4]);
    expect(await toldOfWebhooks()).toEqual(['disabled', 'working']);
    expect(await viewOf(gone)).toMatchObject({ status: 'active' });
  });

  test.each([
    ['in the night that is an hour shorter', '2026-03-08T04:00:00.000Z', '2026-03-08T11:00:00.000Z'],
    ['in the night that is an hour longer', '2026-11-01T03:00:00.000Z', '2026-11-01T12:00:00.000Z'],
  ])('quiet hours defer to their end, %s', async (_night, from, until) => {
    const night: Preferences = { ...defaultPreferences, quietFrom: '22:00', quietUntil: '07:00' };
    await changePreferences(database.pool, owner, night);
    await system.drain({ timeoutMs: 1 });
    clock = turnedClock(from);
    system = await startSystem(clock);
    const id = await add('/night');
    await notify(alerts(2));
    await dispatch();
    expect(await viewOf(id)).toMatchObject({ status: 'quiet', behind: 2 });
    await clock.advanceTo(Date.parse(until) - 1);
    expect(receiver.seqs('/night')).toEqual([]);
    await clock.advance(1);
    expect(receiver.seqs('/night')).toEqual([1, 2]);
  });

  test('quiet hours that are given up end at once', async () => {
    const always: Preferences = { ...defaultPreferences, quietFrom: '00:00', quietUntil: '23:59' };
    await changePreferences(database.pool, owner, always);
    await add('/day');
    await notify(alerts(1));
    await dispatch();
    expect(receiver.seqs('/day')).toEqual([]);
    await updatePreferences.call(contextFor(owner), { quietFrom: null, quietUntil: null });
    await clock.settle();
    expect(receiver.seqs('/day')).toEqual([1]);
  });

  test('what a process was sending when it went is sent again by the next, and all in order', async () => {
    await add('/slow');
    await notify(alerts(3));
    // The second one arrives, and its sender is gone before it hears so.
    receiver.answers.set('/slow', (response) => {
      if (receiver.at('/slow').length === 2) return;
      status(200)(response);
    });
    const { dispatcher } = startDispatcher();
    await dispatcher.settled();
    await receiver.until(() => receiver.at('/slow').length === 2);
    await system.drain({ timeoutMs: 1 });
    system = await startSystem(clock);
    await clock.advance('1 min');
    expect(receiver.seqs('/slow')).toEqual([1, 2, 2, 3]);
    const ids = receiver.at('/slow').map(({ headers }) => headers['ttai-notification-id']);
    expect(ids[1]).toBe(ids[2]);
  });
});

describe('waking', () => {
  test("a row wakes its owner's deliveries; ten webhooks of one owner that hang delay nobody else", async () => {
    await system.drain({ timeoutMs: 1 });
    system = await startSystem();
    const hangs = Array.from({ length: 10 }, (_, index) => `/hangs${index}`);
    for (const path of hangs) {
      receiver.answers.set(path, () => {});
      await add(path);
    }
    const other = `other ${randomUUID()}`;
    await add('/other', {}, other);
    const dispatcher = new Dispatcher({ database: database.pool, system, notifications, log: quietLog });
    dispatchers.push(dispatcher);
    dispatcher.start();
    await notify(alerts(1));
    await receiver.until(() => hangs.every((path) => receiver.at(path).length === 1));
    await notify(alerts(20), other);
    await receiver.until(() => receiver.at('/other').length === 20);
    expect(receiver.seqs('/other')).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    // They hang still: the other owner's did not wait for the end of any of them.
    for (const path of hangs) expect(receiver.at(path)).toHaveLength(1);
  });

  test('what several servers hear of is one step, and a late notice none', async () => {
    const id = await add('/once');
    await notify(alerts(1));
    const [first, second] = [startDispatcher(), startDispatcher()];
    await Promise.all([first.dispatcher.settled(), second.dispatcher.settled()]);
    await clock.settle();
    const { revision } = await system.snapshot(`delivery/${id}`);
    // Begun, woken, sent.
    expect(revision).toBe(3);
    first.notices.tell(owner);
    second.notices.tell(null);
    await Promise.all([first.dispatcher.settled(), second.dispatcher.settled()]);
    await clock.settle();
    expect(await system.snapshot(`delivery/${id}`)).toMatchObject({ revision });
    expect(receiver.seqs('/once')).toEqual([1]);
  });

  test('thousands who are told something at once are two queries, and those without webhooks no more', async () => {
    let queries = 0;
    const counted: Database = {
      query: (statement, values) => {
        queries++;
        return database.pool.query(statement as string, values);
      },
    };
    const { dispatcher, notices } = startDispatcher(system, counted);
    await dispatcher.settled();
    queries = 0;
    for (let index = 0; index < 5_000; index++) notices.tell(`owner ${index}`);
    await dispatcher.settled();
    // One for the first, and one for all who came meanwhile.
    expect(queries).toBe(2);
  });

  test('a look that fails is made up for', async () => {
    const id = await add('/later');
    await notify(alerts(1));
    let fails = true;
    const away: Database = {
      query: (statement, values) => {
        if (fails) return Promise.reject(new Error('away'));
        return database.pool.query(statement as string, values);
      },
    };
    const { dispatcher } = startDispatcher(system, away);
    fails = false;
    await dispatcher.settled();
    await dispatcher.settled();
    await clock.settle();
    expect(receiver.seqs('/later')).toEqual([1]);
    expect(await viewOf(id)).toMatchObject({ behind: 0 });
  });

  test('a webhook whose process died before it had started its delivery is delivered to', async () => {
    const id = await add('/orphan');
    await database.pool.query('TRUNCATE actors, journal');
    await notify(alerts(1));
    await dispatch();
    expect(receiver.seqs('/orphan')).toEqual([1]);
    expect(await webhookOf(database.pool, owner, id)).toMatchObject({ deliveredSeq: 1 });
  });
});

describe('operations', () => {
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'no error',
      (error: { code?: string }) => error.code,
    );

  test("the secret is shown once, and neither it nor the URL's path stands in anything that is shown or kept", async () => {
    const added = await call<Added>('add_webhook', { url: receiver.url('/p4th?k3y=1') });
    const { webhookId, url, secret } = added;
    expect(secret).toMatch(/^whsec_[\w-]{43}$/);
    receiver.answers.set('/p4th?k3y=1', status(302, { location: receiver.url('/p4th/else') }));
    await notify(alerts(1));
    await dispatch();
    await clock.advance('10 min');
    await call('test_webhook', { webhookId });
    const kept = await Promise.all(
      ['actors', 'journal', 'effects', 'messages', 'notifications'].map(
        async (table) => (await database.pool.query(`SELECT ${table}::text AS row FROM ${table}`)).rows,
      ),
    );
    const shown = [url, await call('list_webhooks', {}), await toldOfWebhooks(), kept];
    const text = JSON.stringify(shown);
    expect(text).toContain('it answered 302');
    for (const secretOne of [secret, 'p4th', 'k3y']) expect(text).not.toContain(secretOne);
  });

  test('Slack and Discord need no secret, and are sent their own shape', async () => {
    for (const format of ['slack', 'discord']) {
      const { secret } = await call<Added>('add_webhook', { url: receiver.url(`/${format}`), format });
      expect(secret).toBeNull();
    }
    await notify(alerts(1));
    await dispatch();
    expect(receiver.at('/slack')[0]?.body).toMatchObject({ text: expect.any(String), mrkdwn: false });
    expect(receiver.at('/discord')[0]?.body).toMatchObject({ content: expect.any(String) });
  });

  test('private addresses, plain http, one URL twice and an eleventh webhook are refused', async () => {
    for (const url of ['http://example.com/', 'https://10.0.0.1/', 'https://localhost/', 'nothing']) {
      expect(await codeOf(call('add_webhook', { url }))).toBe('webhook_url_forbidden');
    }
    await add('/twice');
    expect(await codeOf(add('/twice'))).toBe('webhook_exists');
    const added = await Promise.all(Array.from({ length: 15 }, (_, index) => codeOf(add(`/many${index}`))));
    expect(added.filter((code) => code === 'webhook_limit')).toHaveLength(6);
    expect((await call<{ webhooks: Webhook[] }>('list_webhooks', {})).webhooks).toHaveLength(10);
  });

  test('a deleted webhook is sent nothing more, and its delivery ends', async () => {
    const id = await add('/deleted');
    await call('delete_webhook', { webhookId: id });
    await notify(alerts(1));
    await dispatch();
    expect(receiver.received).toEqual([]);
    expect(await system.snapshot(`delivery/${id}`)).toMatchObject({ status: 'done' });
    expect(await codeOf(call('delete_webhook', { webhookId: id }))).toBe('webhook_not_found');
  });

  test.each(['delete_webhook', 'test_webhook'])(
    '%s answers a stranger as if there were none',
    async (name) => {
      const id = await add('/mine');
      for (const webhookId of [id, randomUUID(), 'no id']) {
        expect(await codeOf(call(name, { webhookId }, 'a stranger'))).toBe('webhook_not_found');
      }
      expect(receiver.received).toEqual([]);
      expect(await viewOf(id)).toMatchObject({ status: 'active' });
      expect(await call('list_webhooks', {}, 'a stranger')).toEqual({ webhooks: [] });
    },
  );
});
