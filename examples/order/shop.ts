/**
 * The world outside of the orders: a warehouse, a bank and a carrier, kept in one table of a database. Each call carries
 * its idempotency key and is booked under it, so that a call made again (after a crash, or a retry) does nothing twice.
 */
import pg from 'pg';
import { z } from 'zod';
import { DoNotRetryError, type Effect, effect } from '../../src/actors/runtime/index.ts';

const policy = { timeout: '10 s', retries: { limit: 5, delay: '200 ms', maxDelay: '10 s' } } as const;
const stockMove = z.object({ orderId: z.string(), item: z.string(), quantity: z.int().positive() });
const payment = z.object({ orderId: z.string(), cents: z.int().positive() });
const shipment = z.object({ orderId: z.string(), item: z.string() });

export interface Booking {
  key: string;
  what: 'stock' | 'reserve' | 'release' | 'refund' | 'ship' | 'remind';
  orderId: string | null;
  item: string | null;
  /** Pieces that come in, or go. */
  quantity: number;
}

export class Shop {
  readonly #pool: pg.Pool;

  constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
    this.#pool.on('error', (error) => console.error(`the shop lost a connection: ${error.message}`));
  }

  async open(): Promise<void> {
    await this.#pool.query(
      `CREATE TABLE IF NOT EXISTS shop_bookings (
         key text PRIMARY KEY, what text NOT NULL, order_id text, item text, quantity integer NOT NULL DEFAULT 0,
         at timestamptz NOT NULL DEFAULT now())`,
    );
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  /** Books once, however often it is asked to under this key. */
  async book(booking: Booking): Promise<void> {
    const { key, what, orderId, item, quantity } = booking;
    await this.#pool.query(
      `INSERT INTO shop_bookings (key, what, order_id, item, quantity) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING`,
      [key, what, orderId, item, quantity],
    );
  }

  /** Takes pieces from the stock, once under this key. False when there are not enough. */
  async reserve(booking: Booking & { item: string }): Promise<boolean> {
    const { key, orderId, item, quantity } = booking;
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      // One at a time, so that two orders do not both take the last piece.
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [item]);
      const { rowCount } = await client.query(
        `INSERT INTO shop_bookings (key, what, order_id, item, quantity)
         SELECT $1, 'reserve', $2, $3, -$4::integer
         WHERE EXISTS (SELECT FROM shop_bookings WHERE key = $1)
            OR (SELECT coalesce(sum(quantity), 0) FROM shop_bookings WHERE item = $3) >= $4
         ON CONFLICT (key) DO UPDATE SET key = excluded.key`,
        [key, orderId, item, quantity],
      );
      await client.query('COMMIT');
      return rowCount === 1;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  async stockOf(item: string): Promise<number> {
    const { rows } = await this.#pool.query<{ left: string }>(
      'SELECT coalesce(sum(quantity), 0) AS left FROM shop_bookings WHERE item = $1',
      [item],
    );
    return Number(rows[0]?.left);
  }

  /** What was booked for an order, in its order. */
  async bookingsOf(orderId: string): Promise<string[]> {
    const { rows } = await this.#pool.query<{ what: string }>(
      'SELECT what FROM shop_bookings WHERE order_id = $1 ORDER BY at',
      [orderId],
    );
    return rows.map(({ what }) => what);
  }
}

/** What orders may ask of the shop, each declared once with its policy. */
export function shopEffects(shop: Shop): Effect[] {
  const none = z.null();
  return [
    effect(
      'reserve',
      { ...policy, input: stockMove, output: none },
      async (input, { idempotencyKey: key }) => {
        if (await shop.reserve({ ...input, key, what: 'reserve' })) return null;
        throw new DoNotRetryError('out_of_stock', `there are not ${input.quantity} of "${input.item}" left`);
      },
    ),
    effect(
      'release',
      { ...policy, input: stockMove, output: none },
      async (input, { idempotencyKey: key }) => {
        await shop.book({ ...input, key, what: 'release' });
        return null;
      },
    ),
    effect('ship', { ...policy, input: shipment, output: none }, async (input, { idempotencyKey: key }) => {
      if (input.item === 'glass') throw new DoNotRetryError('not_carried', 'the carrier takes no glass');
      await shop.book({ ...input, key, what: 'ship', quantity: 0 });
      return null;
    }),
    effect(
      'refund',
      { ...policy, input: payment, output: none },
      async ({ orderId }, { idempotencyKey: key }) => {
        await shop.book({ key, what: 'refund', orderId, item: null, quantity: 0 });
        return null;
      },
    ),
    effect(
      'remind',
      { ...policy, input: payment, output: none },
      async ({ orderId }, { idempotencyKey: key }) => {
        await shop.book({ key, what: 'remind', orderId, item: null, quantity: 0 });
        return null;
      },
    ),
  ];
}
