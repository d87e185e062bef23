/** When those who outlive a process look for what it has left. At the server: `promises/r04-order.test.ts`. */
import { expect, test } from 'vitest';
import { LateCommits } from './late-commits.ts';

const TICK = 700;

/** Ticks at each of which these connections run: when it is looked. The death is seen at the first. */
async function looksOf(ticks: { connection: number; beganAt: number }[][]): Promise<boolean[]> {
  let now = 0;
  let running: { connection: number; beganAt: number }[] = [];
  const late = new LateCommits(
    async (moment) =>
      new Set(running.filter(({ beganAt }) => beganAt < moment).map(({ connection }) => connection)),
  );
  const looks: boolean[] = [];
  for (const [index, tick] of ticks.entries()) {
    running = tick;
    looks.push(await late.mustLook(now, index === 0));
    now += TICK;
  }
  expect(late.mayCome).toBe(false);
  return looks;
}

const [dead, backup] = [
  { connection: 1, beganAt: -1 },
  { connection: 2, beganAt: -1_000 },
];

test('at a death, and once more when all that the dead had sent has begun', async () => {
  expect(await looksOf([[], [], []])).toEqual([true, true, false]);
});

test('when a statement has ended, and not while it runs', async () => {
  expect(await looksOf([[dead], [dead], [dead], [dead], [], []])).toEqual([
    ...[true, true, false, false, true, false],
  ]);
});

test('what the server began with only after the death was seen counts', async () => {
  const begunLate = { connection: 1, beganAt: 100 };
  expect(await looksOf([[], [begunLate], [begunLate], [], []])).toEqual([true, true, false, true, false]);
});

test('a backup that goes on hides nothing and costs no looks', async () => {
  expect(await looksOf([[dead, backup], [dead, backup], [backup], [backup], [backup], []])).toEqual([
    ...[true, true, true, false, false, true],
  ]);
});

test('what began later is not of the dead', async () => {
  const other = { connection: 3, beganAt: 600 };
  expect(await looksOf([[], [other], [other]])).toEqual([true, true, false]);
});

test('where the question fails, the next one covers it', async () => {
  let asked = 0;
  const late = new LateCommits(async () => {
    asked += 1;
    if (asked === 1) throw new Error('the database is busy');
    return new Set();
  });
  await expect(late.mustLook(0, true)).rejects.toThrow('busy');
  expect(late.mayCome).toBe(true);
  expect(await late.mustLook(TICK, false)).toBe(true);
  expect(late.mayCome).toBe(false);
});

test('a second death is looked after, though the question failed when it was seen', async () => {
  const answers = [[2], [2], 'down', [2], [2]];
  const late = new LateCommits(async () => {
    const answer = answers.shift();
    if (!Array.isArray(answer)) throw new Error(answer);
    return new Set(answer);
  });
  expect(await late.mustLook(0, true)).toBe(true);
  expect(await late.mustLook(TICK, false)).toBe(true);
  await expect(late.mustLook(2 * TICK, true)).rejects.toThrow('down');
  expect(await late.mustLook(3 * TICK, false)).toBe(true);
  expect(await late.mustLook(4 * TICK, false)).toBe(false);
});
