/** A pool that keeps what it was asked, and whose statements can be made to fail. */
import type { Pool, PoolClient } from 'pg';
import { openPool } from '../../../persistence/pool.ts';

/** What a statement does instead of, or around, asking the server. */
export type Fault = (ask: () => Promise<unknown>) => Promise<unknown>;

export interface Statement {
  /** Of one that its connections prepare; empty for the others. */
  name: string;
  text: string;
  values: unknown[];
  /** Counts the connection's transactions; null outside of one. */
  transaction: string | null;
  /** How many rows it gave. */
  rows: number;
}

export interface WatchedPool {
  pool: Pool;
  /** All until now, in the order in which they were asked. */
  statements: Statement[];
  /** The next statement that matches goes through this. */
  fail(text: RegExp, fault: Fault): void;
  /** From here on, until it is called with false, the server can't be reached. */
  setAway(away: boolean): void;
}

/** Opens the runtime's own pool on a database, watched. Its caller ends it. */
export function openWatchedPool(connectionString: string): WatchedPool {
  const pool = openPool(connectionString, () => {});
  const statements: Statement[] = [];
  const faults: { text: RegExp; fault: Fault }[] = [];
  let [clients, transactions] = [0, 0];
  let isAway = false;

  const watch = (client: PoolClient): void => {
    const name = ++clients;
    let transaction: string | null = null;
    const query = client.query.bind(client) as unknown as (...args: unknown[]) => Promise<unknown>;
    const watched = async (args: unknown[]): Promise<unknown> => {
      const [statement, values] = args as [
        string | { name?: string; text: string; values?: unknown[] },
        unknown[]?,
      ];
      const named = typeof statement === 'string' ? { name: '', text: statement, values } : statement;
      if (named.text === 'BEGIN') transaction = `${name}.${++transactions}`;
      const asked = {
        name: named.name ?? '',
        text: named.text,
        values: named.values ?? [],
        transaction,
        rows: 0,
      };
      if (['COMMIT', 'ROLLBACK'].includes(named.text)) transaction = null;
      statements.push(asked);
      if (isAway) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      const index = faults.findIndex(({ text }) => text.test(named.text));
      const [found] = index < 0 ? [] : faults.splice(index, 1);
      const ask = () => query(...args);
      const result = await (found ? found.fault(ask) : ask());
      asked.rows = (result as { rowCount?: number | null } | undefined)?.rowCount ?? 0;
      return result;
    };
    client.query = ((...args: unknown[]) => {
      const callback = args.at(-1);
      if (typeof callback !== 'function') return watched(args);
      watched(args.slice(0, -1)).then(
        (result) => callback(undefined, result),
        (error: unknown) => callback(error),
      );
      return undefined;
    }) as typeof client.query;
  };
  pool.on('connect', watch);
  return {
    pool,
    statements,
    fail: (text, fault) => faults.push({ text, fault }),
    setAway: (away) => {
      isAway = away;
    },
  };
}

/** The one statement that commits steps. */
export const COMMIT = /^WITH me AS/;

/** The server does it, and its answer is lost with the connection. */
export const loseAnswer: Fault = async (ask) => {
  await ask();
  throw new Error('Connection terminated unexpectedly');
};

/** The server refuses with a code of its own. */
export const refuseWith =
  (code: string): Fault =>
  () =>
    Promise.reject(Object.assign(new Error(`the server says ${code}`), { code }));
