import { expect, test } from 'vitest';
import type { Log } from '../log.ts';
import { watchOutages } from './outage.ts';

function keepingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message}${'err' in fields ? ' with its stack' : ''}`);
  };
  return {
    log: { debug() {}, info: keep('info'), warn: keep('warn'), error: keep('error') },
    lines,
  };
}

const away = Object.assign(new Error('connect ENOENT /run/.s.PGSQL.5432'), { code: 'ENOENT' });

test('an outage is told once in ten seconds without a stack, and then that it is over', async () => {
  const { log, lines } = keepingLog();
  let now = 0;
  let isAway = true;
  const ask = async (): Promise<void> => {
    if (!isAway) return;
    isAway = false;
    throw away;
  };
  const back = Promise.withResolvers<void>();
  const info = (fields: object, message: string): void => {
    log.info(fields, message);
    back.resolve();
  };
  const outages = watchOutages({ log: { ...log, info }, ask, now: () => now });
  outages.log.warn({ err: away }, 'the lease could not be renewed');
  outages.log.error({ err: new Error('not stored', { cause: away }) }, 'a step could not be committed');
  now = 9_999;
  outages.log.warn({ err: new Error('Connection terminated unexpectedly') }, 'a connection was lost');
  expect(lines).toEqual(['warn A connection to the database failed']);
  now = 10_000;
  outages.log.warn({ err: away }, 'the lease could not be renewed');
  await back.promise;
  expect(lines).toEqual([
    'warn A connection to the database failed',
    'warn A connection to the database failed',
    'info The database is back',
  ]);
  await outages.stop();
});

test('other errors are passed on as they are, and a single lost connection is no outage', async () => {
  const { log, lines } = keepingLog();
  const outages = watchOutages({ log, ask: async () => {} });
  outages.log.error({ err: new Error('a defect') }, 'a step threw');
  outages.log.warn({ err: away }, 'a connection was lost');
  await outages.stop();
  expect(lines).toEqual(['error a step threw with its stack', 'warn A connection to the database failed']);
});
