/** What is said beside recorded positions, where it can't be said. On a real database: `test/records.test.ts`. */
import { expect, it } from 'vitest';
import type { NewPosition } from '../../persistence/records/positions.ts';
import { CalledOperations } from '../testing/called-operations.ts';

const called = CalledOperations.use();

it('a database that fails once a position is recorded does not have it recorded again', async () => {
  const at = new Date('2026-03-02T15:00:00Z');
  const ended = { status: 'open', closedAt: null, realizedPnl: null, updatedAt: at } as const;
  const records = {
    ...called.context.records,
    addPosition: async (position: NewPosition) => ({ ...position, ...ended }),
    openPositions: () => Promise.reject(new Error('the connection is lost')),
  };
  const put = { kind: 'option', right: 'put', strike: 5, expiration: '2030-12-20', quantity: -1 };
  const input = { symbol: 'AAPL', legs: [{ ...put, openPrice: 600 }] };
  expect(await called.call('add_position', input, { records })).toMatchObject({
    position: { symbol: 'AAPL' },
    warnings: [expect.stringContaining('was never worth 600')],
  });
});
