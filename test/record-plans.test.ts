/**
 * Each statement of the records' stores at a million rows a table: what it looks at goes by an index, and is bounded.
 * The statements are those that the stores send, overheard, so none can be forgotten by hand; that every function of
 * every store is called here, a test sees to.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database, NamedStatement } from '../src/persistence/database.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const MILLION = 1_000_000;
/** One of 8,000 who have a hundred of each; a fifth of everything is one owner's, `big`. */
const owner = 'owner 77';
const OWNER = `CASE WHEN n % 5 = 0 THEN 'big' ELSE 'owner ' || (n % 10000) END`;
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const UUID = `('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid`;
const at = new Date('2026-06-10T15:00:00Z');
/** A hundred days before: in the middle of the rows. */
const someTime = new Date(at.getTime() - 100 * 86_400_000);
const ago = `timestamptz '2026-06-10T15:00:00Z' - n * interval '60 seconds'`;

const day = { from: someTime, to: new Date(someTime.getTime() + 86_400_000) };
/** Of all owners 720 notifications: the index on time alone may do as well. */
const hours = { from: someTime, to: new Date(someTime.getTime() + 12 * 3_600_000) };

/** A million rows each. */
const fillings: Record<string, string> = {
  positions: `(id, owner, portfolio, symbol, legs, status, opened_at, closed_at, source, external_id)
    SELECT ${UUID}, ${OWNER}, 'main', 'S' || n % 500, '[]', CASE WHEN n % 3 = 0 THEN 'open' ELSE 'closed' END, ${ago},
      CASE WHEN n % 3 = 0 THEN NULL ELSE ${ago} END, 'csv', n::text`,
  preferences: `(owner, morning_alert) SELECT 'owner ' || n, n % 100 = 0`,
  saved_screeners: `(id, owner, name, criteria, auto_run) SELECT ${UUID}, ${OWNER}, n::text, '{}', n % 50 = 0`,
  screener_results: `(run_id, owner, status, result, created_at) SELECT n::text, ${OWNER}, 'completed', '{}', ${ago}`,
  analyses: `(run_id, owner, symbol, type, status, result, created_at)
    SELECT n::text, ${OWNER}, 'S', 'full_analysis', 'completed', '{}', ${ago}`,
  webhooks: `(id, owner, slot, url, format, secret) SELECT ${UUID}, 'owner ' || n, 1, 'https://example.com', 'json', 's'`,
  position_marks: `(owner, date, position_id, market_value, pnl)
    SELECT ${OWNER}, date '2026-06-10' - n / 100000, ${UUID}, 1, 1`,
  notifications: `(owner, seq, id, type, source, at, data)
    SELECT ${OWNER}, CASE WHEN n % 5 = 0 THEN n / 5 ELSE n / 10000 END + 1, n::text, 'price_alert_triggered', 'priceAlert/1', ${ago}, '{}'`,
  notification_counters: `(owner, last_seq) SELECT 'owner ' || n, 100`,
  armed_alerts: `(address, owner, symbol, upper, lower, wants_quote, blind)
    SELECT 'priceAlert/' || n, ${OWNER}, 'S' || n % 500, CASE WHEN n % 2 = 0 THEN 200 END,
      CASE WHEN n % 2 = 1 THEN 50 END, n % 10000 = 0, n % 10000 <> 1`,
};

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  await Promise.all(
    Object.entries(fillings).map(async ([table, rows]) => {
      const { rows: indexes } = await pool.query<{ name: string; definition: string }>(
        `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
         WHERE i.indrelid = $1::regclass AND NOT i.indisprimary
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)`,
        [table],
      );
      await pool.query(`ALTER TABLE ${table} SET UNLOGGED`);
      // Made again at the end, which is several times as quick.
      for (const { name } of indexes) await pool.query(`DROP INDEX ${name}`);
      await pool.query(`INSERT INTO ${table} ${rows} FROM generate_series(0, ${MILLION - 1}) AS n`);
      for (const { definition } of indexes) await pool.query(definition);
      await pool.query(`ANALYZE ${table}`);
    }),
  );
}, 120_000);

afterAll(() => database?.[Symbol.asyncDispose]());

/** Keeps what it is asked, and runs it in a transaction that is undone. */
class Overheard implements Database {
  readonly statements: { text: string; values: unknown[] }[] = [];

  async query(statement: string | NamedStatement, values: unknown[] = []) {
    const { text, values: own } = typeof statement === 'string' ? { text: statement, values } : statement;
    this.statements.push({ text, values: own });
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      return await client.query(text, own);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: Plan[];
}

/** All nodes of a plan that was carried out, and undone. */
async function planOf({ text, values }: { text: string; values: unknown[] }): Promise<Plan[]> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];
    return nodes((rows[0] as { 'QUERY PLAN': { Plan: Plan }[] })['QUERY PLAN'][0]?.Plan as Plan);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

/** Rows that a node read from its table, those included that it threw away. */
function readBy(node: Plan): number {
  const loops = node['Actual Loops'] ?? 1;
  const each =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return each * loops;
}

const position = {
  ...{ id: uuid(MILLION + 1), owner, portfolio: 'main', symbol: 'A', legs: [], openedAt: at },
  ...{ source: 'csv' as const, externalId: 'new', note: null },
};
const period = { from: someTime, to: at };
const run = { runId: 'new', owner, status: 'completed', result: {} };
const alert = {
  address: 'priceAlert/7',
  owner,
  symbol: 'S7',
  upper: 1,
  lower: 2,
  wantsQuote: true,
  blind: true,
};

/** How each function is called, by file and name. `rows`: how many its statement may read; 1,000 unless said. */
const calls: Record<string, Record<string, { with: unknown[]; rows?: number }>> = {
  analyses: { saveAnalysis: { with: [{ ...run, symbol: 'S', type: 't', recommendation: null }] } },
  'armed-alerts': {
    armAlerts: { with: [[alert]] },
    disarmAlerts: { with: [['priceAlert/7']] },
    alertsNear: { with: [owner, { symbol: 'S7', price: 100 }, 100] },
    armedSymbols: { with: [], rows: 2_000 },
    alertsMet: { with: [[{ symbol: 'S8', price: 199 }]] },
    alertsWantingQuote: { with: [['S0'], 1_000] },
    alertsToBlind: { with: [['S1'], 1_000] },
    alertsToPutOff: { with: [1_000] },
  },
  'catch-up': {
    toldByType: { with: [owner, 0, 3] },
    toldBy: { with: [owner, { type: 'price_alert_triggered', afterSeq: 0, newest: 5 }] },
    seqBefore: { with: [owner, at] },
  },
  'daily-reading': {
    notificationCounts: { with: [owner, period] },
    toldAlerts: { with: [owner, period, 10] },
    recentAnalyses: { with: [owner, period, 10] },
    armedLevels: { with: [owner, 10] },
  },
  notifications: {
    insertNotifications: { with: [[{ owner, id: 'new', type: 't', source: 's', at, data: {} }]] },
    wakeListeners: { with: [[owner]] },
  },
  'position-marks': {
    saveMarks: { with: [owner, '2026-06-10', [{ positionId: uuid(77), marketValue: 1, pnl: null }]] },
    marksOf: { with: [owner, '2026-06-10'] },
  },
  positions: {
    insertPosition: { with: [position] },
    insertPositions: { with: [[position]] },
    knownExternalIds: { with: [owner, 'csv', ['77', '78']] },
    listPositions: { with: [owner, { status: 'open', after: { openedAt: at, id: uuid(1) }, limit: 21 }] },
    deletePosition: { with: [owner, uuid(77)] },
    positionOf: { with: [owner, uuid(77)] },
    openPositions: { with: [owner, {}] },
    closedPositions: { with: [owner, { from: new Date(0), to: at }] },
    realizedSums: {
      with: [owner, { dayFrom: someTime, date: '2026-03-02', timeZone: 'America/New_York', to: at }],
    },
    closePosition: { with: [owner, uuid(77), { closedAt: at, realizedPnl: null }] },
    ownersWithOpenPositions: { with: ['', 100] },
    ownersWithPositions: { with: ['', 100] },
  },
  preferences: {
    preferencesOf: { with: [owner] },
    changePreferences: { with: [owner, { timeZone: 'UTC' }] },
    ownersWantingMorning: { with: ['', 100] },
  },
  retention: { pruneRecords: { with: [new Date(at.getTime() + 1), 100] } },
  'saved-screeners': {
    saveScreener: {
      with: [{ id: uuid(MILLION + 1), owner, name: 'n', criteria: {}, maxSymbols: 1, autoRun: true }],
    },
    savedScreeners: { with: [owner] },
    savedScreenerOf: { with: [owner, uuid(77)] },
    deleteScreener: { with: [owner, uuid(77)] },
    autoRunScreeners: { with: [uuid(500), 100] },
  },
  'screener-results': { saveScreenerResult: { with: [{ ...run, savedScreenerId: null }] } },
  'synced-positions': {
    syncedPositions: { with: [owner] },
    applySync: {
      with: [
        owner,
        {
          added: [position],
          updated: [{ id: uuid(77), legs: [] }],
          closed: [uuid(10_077)],
          replaced: [uuid(20_077)],
        },
        at,
      ],
    },
  },
  webhooks: {
    insertWebhook: {
      with: [{ id: uuid(MILLION + 1), owner, url: 'u', format: 'json', secret: 's', types: null }],
    },
    webhooksOf: { with: [owner] },
    webhookOf: { with: [owner, uuid(77)] },
    deleteWebhook: { with: [owner, uuid(77)] },
    nextForWebhook: {
      with: [
        { owner, types: null },
        { after: 5, notFrom: 'delivery/7' },
      ],
    },
    markDelivered: { with: [uuid(77), 5] },
    setWebhookDisabled: { with: [owner, uuid(77), at] },
    webhooksBehindOf: { with: [[owner, 'owner 78']] },
    // Here all are behind. Of those that are not, it reads all up to the next ones that are.
    webhooksBehind: { with: [uuid(500), 100] },
  },
};
/** Other ways to call the same, with other plans. */
const further: [file: string, name: string, values: unknown[]][] = [
  ['positions', 'listPositions', [owner, { limit: 21 }]],
  ['positions', 'listPositions', [owner, { status: 'closed', portfolio: 'main', limit: 21 }]],
  ['positions', 'listPositions', ['big', { limit: 21 }]],
  ['positions', 'listPositions', ['big', { status: 'open', limit: 21 }]],
  [
    'positions',
    'listPositions',
    ['big', { status: 'closed', after: { openedAt: someTime, id: uuid(1) }, limit: 21 }],
  ],
  ['positions', 'openPositions', ['big', { limit: 500 }]],
  ['positions', 'openPositions', ['big', { portfolio: 'main', limit: 500 }]],
  ['positions', 'closedPositions', ['big', day]],
  ['positions', 'deletePosition', ['big', uuid(75)]],
  ['daily-reading', 'notificationCounts', ['big', hours]],
  ['daily-reading', 'toldAlerts', ['big', hours, 10]],
  ['daily-reading', 'recentAnalyses', ['big', period, 10]],
  [
    'webhooks',
    'nextForWebhook',
    [
      { owner: 'big', types: ['price_alert_triggered'] },
      { after: 100_000, notFrom: 'x' },
    ],
  ],
  ['catch-up', 'seqBefore', ['big', someTime]],
  ['catch-up', 'seqBefore', ['big', at]],
  ['positions', 'openPositions', [owner, { portfolio: 'main' }]],
  ['positions', 'openPositions', ['big', { symbols: ['AAPL'], limit: 500 }]],
  ['saved-screeners', 'autoRunScreeners', [null, 100]],
  ['synced-positions', 'applySync', [owner, { added: [], updated: [], closed: [], replaced: [] }, at]],
];

type Store = Record<string, (database: Database, ...rest: unknown[]) => Promise<unknown>>;
const files = readdirSync(new URL('../src/persistence/records', import.meta.url))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((file) => file !== 'records');
const load = async (file: string) => (await import(`../src/persistence/records/${file}.ts`)) as Store;

test('every function of every store is called', async () => {
  const there = await Promise.all(
    files.map(async (file) => {
      const all = Object.entries(await load(file));
      // Not classes; what they read is called below.
      const functions = all.filter(
        ([, value]) => typeof value === 'function' && !/^class/.test(String(value)),
      );
      return [file, functions.map(([name]) => name).sort()];
    }),
  );
  const called = Object.entries(calls).map(([file, of]) => [file, Object.keys(of).sort()]);
  expect(called.sort()).toEqual(there.sort());
});

async function check(
  statements: readonly { text: string; values: unknown[] }[],
  most: number,
): Promise<void> {
  expect(statements.length).toBeGreaterThan(0);
  for (const statement of statements) {
    if (/pg_notify/.test(statement.text)) continue;
    for (const node of await planOf(statement)) {
      const what = `${node['Node Type']} on ${node['Relation Name']}: ${statement.text}`;
      if (node['Relation Name'] === undefined) continue;
      expect(node['Node Type'], what).not.toBe('Seq Scan');
      expect(readBy(node), what).toBeLessThanOrEqual(most);
    }
  }
}

const cases: [string, string, unknown[], number][] = [
  ...Object.entries(calls).flatMap(([file, of]) =>
    Object.entries(of).map(([name, { with: values, rows = 1_000 }]): [string, string, unknown[], number] => [
      file,
      name,
      values,
      rows,
    ]),
  ),
  ...further.map(([file, name, values]): [string, string, unknown[], number] => [file, name, values, 1_000]),
];

describe('at a million rows, by an index', () => {
  test.each(cases)('%s: %s', async (file, name, values, most) => {
    const overheard = new Overheard();
    await (await load(file))[name]?.(overheard, ...values);
    await check(overheard.statements, most);
  });

  test('notifications: since, latestSeq and prunedSeq', async () => {
    const { Notifications } = await import('../src/persistence/records/notifications.ts');
    const overheard = new Overheard();
    const { connectionString } = database;
    const notifications = new Notifications({ database: overheard, connectionString, onError: () => {} });
    expect(await notifications.since(owner, 50, 20)).toHaveLength(20);
    await notifications.latestSeq(owner);
    await notifications.prunedSeq(owner);
    await check(overheard.statements, 100);
  });
});
