import { describe, expect, it } from 'vitest';
import type { Positions } from '../../machines/market.ts';
import type { Position } from '../../persistence/records/positions.ts';
import { DoNotRetryError, PeerUnavailableError } from '../runtime/index.ts';
import { evaluatePositions } from './evaluated-positions.ts';

const held = (count: number): Position[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ id: String(index), owner: 'ann', portfolio: 'main', symbol: 'A', legs: [], status: 'open' as const },
    ...{ openedAt: new Date(0), closedAt: null, realizedPnl: null, source: 'manual' as const },
    ...{ externalId: null, note: null, updatedAt: new Date(0) },
  }));

/** What comes of positions at a service that refuses a request with one of those that do not fit. */
async function evaluated(positions: readonly Position[], bad: (id: string) => Error | undefined) {
  const asked: string[] = [];
  const service = {
    positions: async (
      { positions: sent }: { positions: readonly Readonly<Record<string, unknown>>[] },
      { idempotencyKey = '' } = {},
    ) => {
      asked.push(idempotencyKey);
      for (const { id } of sent) {
        const error = bad(String(id));
        if (error) throw error;
      }
      return { positions: sent, errors: {} } as unknown as Positions;
    },
  };
  const [known, unknown]: [string[], string[]] = [[], []];
  for await (const part of evaluatePositions(service, positions, { idempotencyKey: 'k' })) {
    const ids = part.positions.map(({ id }) => id);
    if ('answer' in part) known.push(...ids);
    else unknown.push(...ids);
  }
  return { asked, known, unknown };
}

const refused = new DoNotRetryError('validation_error', 'no option expires on a Sunday');

describe('evaluatePositions', () => {
  it('asks in requests of 500, in the order of the positions', async () => {
    const { asked, known } = await evaluated(held(1_200), () => undefined);
    expect(asked).toEqual(['k.0.500', 'k.500.500', 'k.1000.200']);
    expect(known).toEqual(held(1_200).map(({ id }) => id));
  });

  it.each([
    ['one', ['777'], 18],
    ['the first and the last', ['0', '1199'], 34],
    ['neighbours', ['600', '601', '602'], 24],
  ])('knows all but %s that is refused', async (_, bad, most) => {
    const { asked, known, unknown } = await evaluated(held(1_200), (id) =>
      bad.includes(id) ? refused : undefined,
    );
    expect(unknown).toEqual(bad);
    expect(known).toHaveLength(1_200 - bad.length);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length - 3).toBeLessThanOrEqual(most);
  });

  it('asks a bounded number of times where all are refused', async () => {
    const { asked, unknown } = await evaluated(held(10_000), () => refused);
    expect(unknown).toHaveLength(10_000);
    expect(asked.length).toBe(20 + 400);
  });

  it('does not ask again in halves where the service is away', async () => {
    const away = new PeerUnavailableError('analysis_unavailable', 'nobody answers');
    const { asked, unknown } = await evaluated(held(10), (id) => (id === '3' ? away : undefined));
    expect(asked).toEqual(['k.0.10']);
    expect(unknown).toHaveLength(10);
  });
});
