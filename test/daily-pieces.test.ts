/**
 * A half day of several owners on the durable runtime, with the time turned and a market in the process: who is
 * told when, and that one owner's trouble is that one's. What they are told is tested in `daily-told.test.ts`.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { allEffects, effectRooms } from '../src/actors/effects/index.ts';
import { ownerKey } from '../src/actors/effects/trading-day.ts';
import {
  type Effect,
  type EffectContext,
  PeerUnavailableError,
  RuntimeError,
  TtaiError,
} from '../src/actors/runtime/index.ts';
import { planOf } from '../src/machines/trading-day-plan.ts';
import { saveScreener } from '../src/persistence/records/saved-screeners.ts';
import {
  at,
  begin,
  clock,
  close,
  database,
  ended,
  hold,
  market,
  session,
  system,
  told,
  useDay,
  wantMorning,
} from './day-world.ts';

useDay();

describe('a day', () => {
  test('brings each owner what is theirs, at its time', async () => {
    await wantMorning('anna');
    await wantMorning('carl');
    await hold('anna', 'MSFT');
    const sold = await hold('bert', 'KO');
    await close('bert', sold, '2026-11-03T15:00:00Z', '12.34');
    await begin();
    await clock.advanceTo(at('23:00:00'));
    expect(
      (await told()).map(({ owner, type, at: when, source }) => [owner, type, when.toISOString(), source]),
    ).toEqual([
      ['anna', 'morning_briefing', '2026-11-27T14:30:00.000Z', `briefing/2026-11-27.${ownerKey('anna')}`],
      ['carl', 'morning_briefing', '2026-11-27T14:30:00.000Z', `briefing/2026-11-27.${ownerKey('carl')}`],
      ['anna', 'eod_summary', '2026-11-27T18:00:00.000Z', `summary/2026-11-27.${ownerKey('anna')}`],
      ['anna', 'daily_report', '2026-11-27T19:00:00.000Z', `report/2026-11-27.${ownerKey('anna')}`],
      ['bert', 'daily_report', '2026-11-27T19:00:00.000Z', `report/2026-11-27.${ownerKey('bert')}`],
    ]);
    const { owner } = await system.snapshot(`summary/2026-11-27.${ownerKey('anna')}`);
    expect(owner).toBe('anna');
    await begin();
    await clock.advance('1 h');
    expect(await told()).toHaveLength(5);
  });

  test('scans at each full hour with the screeners that run by themselves; one that is refused keeps none from it', async () => {
    const save = (owner: string, autoRun: boolean, criteria: Record<string, unknown>, maxSymbols = 50) => {
      const id = randomUUID();
      return saveScreener(database.pool, { id, owner, name: 'puts', criteria, maxSymbols, autoRun });
    };
    const mine = await save('anna', true, { strategy: 'csp' }, 200);
    await save('bert', false, { strategy: 'csp' });
    await save('carl', true, { of: 'an older release' });
    const other = await save('dora', true, { strategy: 'covered_call' }, 20);
    await begin();
    await clock.advanceTo(at('23:00:00'));
    const { actors } = await system.list({ machine: 'screener' });
    expect(actors.map(({ key, owner }) => `${key} ${owner}`).sort()).toEqual(
      ['10', '11', '12']
        .flatMap((hour) => [`2026-11-27T${hour}.${mine?.id} anna`, `2026-11-27T${hour}.${other?.id} dora`])
        .sort(),
    );
    const symbols = actors.map(({ owner, context }) => [
      owner,
      (context.input as { maxSymbols: number }).maxSymbols,
    ]);
    expect(Object.fromEntries(symbols)).toEqual({ anna: 50, dora: 20 });
    const { context } = await system.snapshot('tradingDay/2026-11-27');
    const scans = (context.started as { kind: string; started: number; refused: number }[]).filter(
      ({ kind }) => kind === 'scan',
    );
    expect(scans.map(({ started, refused }) => [started, refused])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
  });

  test('goes through more owners than a page holds, each once', async () => {
    await database.pool.query(
      `INSERT INTO preferences (owner, morning_alert) SELECT 'owner ' || n, true FROM generate_series(1, 401) AS n`,
    );
    await begin();
    await clock.advanceTo(at('14:31:00'));
    const briefings = await told('morning_briefing');
    expect(new Set(briefings.map(({ owner }) => owner)).size).toBe(401);
    expect(briefings).toHaveLength(401);
    const { context } = await system.snapshot('tradingDay/2026-11-27');
    expect(context.started).toMatchObject([{ kind: 'briefing', started: 401, refused: 0 }]);
  });

  test('waits for an analysis service that is still starting', async () => {
    let calls = 0;
    market.before = ({ name }) => {
      if (name !== 'calendar') return;
      calls++;
      if (calls <= 8) throw new PeerUnavailableError('analysis_unavailable', 'it is starting');
    };
    await begin();
    await clock.advance('2 min');
    expect(await system.snapshot('tradingDay/2026-11-27')).toMatchObject({ value: 'premarket' });
    expect(calls).toBeGreaterThan(8);
  });

  test('one of an exchange that is closed brings nothing', async () => {
    await wantMorning('anna');
    await hold('anna', 'MSFT');
    await clock.advanceTo(new Date('2026-11-28T06:00:00Z'));
    await begin();
    await clock.advance('20 h');
    expect(await told()).toEqual([]);
    expect(await system.snapshot('tradingDay/2026-11-28')).toMatchObject({ value: 'closed', status: 'done' });
  });
});

describe('one owner', () => {
  test('whose actor could not be started keeps no other from it, and is started by the next attempt, none twice', async () => {
    for (const owner of ['anna', 'bert', 'carl']) await wantMorning(owner);
    const start = allEffects(effectRooms(market, database.pool)).find(
      ({ name }) => name === 'startPieces',
    ) as Effect;
    const opened = planOf({ ...session('2026-11-27'), nextOpensAt: '2026-11-30T14:30:00Z' });
    let busy = true;
    const spawn: EffectContext['spawn'] = async (machine, key, options) => {
      if (busy && options.owner === 'bert') throw new RuntimeError('busy', 'not now', { retryable: true });
      return system.spawn(machine, key, options);
    };
    const attempt = () =>
      start.run(
        {
          date: '2026-11-27',
          session: { ...session('2026-11-27'), nextOpensAt: '2026-11-30T14:30:00Z' },
          piece: opened[0],
          after: null,
        },
        { spawn, now: () => at('14:30:00'), signal: AbortSignal.timeout(10_000) } as EffectContext,
      );
    const started = async () =>
      (await system.list({ machine: 'briefing' })).actors.map(({ owner }) => owner).sort();
    await expect(attempt()).rejects.toMatchObject({ code: 'busy' });
    expect(await started()).toEqual(['anna', 'carl']);
    busy = false;
    expect(await attempt()).toMatchObject({ timing: 'on_time', started: 3, refused: 0, next: null });
    expect(await started()).toEqual(['anna', 'bert', 'carl']);
  });

  test('whose values fail is told so, and delays nobody', async () => {
    await hold('anna', 'MSFT');
    await hold('bert', 'KO');
    market.before = ({ name, owner }) => {
      if (name === 'positions' && owner === 'anna')
        throw new TtaiError('provider_error', 'the provider answers nonsense', { retryable: true });
    };
    await begin();
    await clock.advanceTo(at('18:01:00'));
    expect(await told('eod_summary')).toMatchObject([
      { owner: 'bert', at: at('18:00:00'), data: { status: 'completed' } },
      {
        owner: 'anna',
        at: at('18:00:07'),
        data: { status: 'failed', error: { code: 'provider_error' }, source: null },
      },
    ]);
  });

  test('whose positions are thousands holds up nobody else while they are valued', async () => {
    await hold('anna', 'MSFT');
    await database.pool.query(
      `INSERT INTO positions (id, owner, symbol, legs, opened_at)
       SELECT gen_random_uuid(), 'aa huge', 'KO', '[]', '2026-11-02' FROM generate_series(1, 1201)`,
    );
    const huge = Promise.withResolvers<void>();
    market.before = ({ owner }) => (owner === 'aa huge' ? huge.promise : undefined);
    await begin();
    await clock.advanceTo(at('17:59:00'));
    const turning = clock.advanceTo(at('18:01:00'));
    await ended(`summary/2026-11-27.${ownerKey('anna')}`);
    expect((await told('eod_summary')).map(({ owner }) => owner)).toEqual(['anna']);
    huge.resolve();
    await turning;
    const summary = (await told('eod_summary')).find(({ owner }) => owner === 'aa huge');
    expect(market.asked.toSorted((a, b) => b - a)).toEqual([500, 500, 201, 1]);
    expect(summary).toMatchObject({
      owner: 'aa huge',
      data: {
        positionsOmitted: 1_151,
        totals: {
          open: 1_201,
          unrealizedPnl: { amount: 36_030, unknown: 0 },
          dayPnl: { amount: null, unknown: 1_201 },
        },
      },
    });
  });
});
