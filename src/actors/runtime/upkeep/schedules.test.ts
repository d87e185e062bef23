/**
 * Schedules start actors, once for each occurrence. When an occurrence is due is pg-boss's business, on real minutes;
 * its jobs are put here as it would put them, before a system starts, which then finds them at once.
 */
import { expect, test } from 'vitest';
import type { ActorSystem, Schedule } from '../index.ts';
import { turnedClock } from '../index.ts';
import { useWorld } from '../testing/world.ts';
import { queueOf } from './schedules.ts';

const world = useWorld();

const schedule = (name: string, more: Partial<Schedule> = {}): Schedule => ({
  name,
  cron: '5 0 * * *',
  timeZone: 'America/New_York',
  spawn: (now) => ({
    machine: 'counter',
    key: `${name}.${now.toISOString().slice(0, 10)}`,
    input: { start: 1 },
    owner: 'system',
  }),
  ...more,
});

/** As pg-boss's cron does it when an occurrence has come. */
async function occur(one: Schedule): Promise<void> {
  await world.database.pool.query(
    `INSERT INTO pgboss.job (name, data, retry_limit) SELECT name, NULL, 3 FROM pgboss.queue WHERE name = $1`,
    [queueOf(one)],
  );
}

async function until(system: ActorSystem, address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const leave = system.onCommit(() => look());
    const look = (): void => {
      system.snapshot(address).then(
        () => {
          leave();
          resolve();
        },
        () => {},
      );
    };
    look();
  });
}

test('an occurrence starts the actor that the moment names, however often it comes', async () => {
  const daily = schedule('daily');
  const clock = turnedClock('2026-03-08T05:05:00Z');
  const first = await world.start({ schedules: [daily], clock });
  const { rows } = await world.database.pool.query(
    `SELECT cron, timezone, options->>'missed' AS missed FROM pgboss.schedule WHERE name = $1`,
    [queueOf(daily)],
  );
  expect(rows).toEqual([{ cron: '5 0 * * *', timezone: 'America/New_York', missed: 'once' }]);
  await first.drain();

  await occur(daily);
  const second = await world.start({ schedules: [daily], clock });
  await until(second, 'counter/daily.2026-03-08');
  await second.drain();

  await occur(daily);
  await clock.advance('24 h');
  const third = await world.start({ schedules: [daily], clock });
  await until(third, 'counter/daily.2026-03-09');
  const { actors } = await third.list({ machine: 'counter' });
  expect(actors.map(({ key, revision }) => [key, revision])).toEqual([
    ['daily.2026-03-09', 1],
    ['daily.2026-03-08', 1],
  ]);
  await third.drain();
});

test('one whose actor can not be started does not keep another from its own', async () => {
  const broken = schedule('broken', {
    spawn: () => ({ machine: 'nobody', key: 'a', input: {}, owner: 'system' }),
  });
  const sound = schedule('sound');
  const clock = turnedClock('2026-03-08T05:05:00Z');
  const schedules = [broken, sound];
  await (await world.start({ schedules, clock })).drain();
  await occur(broken);
  await occur(sound);
  const warned = Promise.withResolvers<object>();
  const log = { debug() {}, info() {}, warn: (fields: object) => warned.resolve(fields), error() {} };
  const system = await world.start({ schedules, clock, log });
  await until(system, 'counter/sound.2026-03-08');
  expect(await warned.promise).toMatchObject({ schedule: 'broken', err: { code: 'machine_not_found' } });
});

test.each<[string, Schedule[], string]>([
  ['a name with a space', [schedule('a b')], '"a b" needs a name'],
  ['a name twice', [schedule('a'), schedule('a')], '"a" is there twice'],
  ['no time zone', [schedule('a', { timeZone: 'New York' })], 'has no time zone'],
  ['no cron', [schedule('a', { cron: '' })], 'has no cron'],
  ['a cron of nonsense', [schedule('a', { cron: 'every day' })], '"every day" is no cron'],
])('%s is refused', async (_what, schedules, message) => {
  await expect(world.start({ schedules })).rejects.toMatchObject({
    code: 'registration_refused',
    message: expect.stringContaining(message),
  });
});
