/** Who begins when more want to than may: a bound, an order, and turns between owners. */
import { expect, test } from 'vitest';
import { Places } from './places.ts';

/** Attempts by name; each begins when it is let in, and ends when the test says so. */
function hall(most: number) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  let left = 0;
  const places = new Places(() => left++);
  const enter = (name: string, owner = 'ann') =>
    places.enter('work', most, owner, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string): Promise<void> => {
    expect(begun).toContain(name);
    const before = left;
    ends.get(name)?.();
    while (left === before) await Promise.resolve();
  };
  return { begun, enter, end };
}

test('as many as may begin at once; of one owner the others follow in their order', async () => {
  const { begun, enter, end } = hall(2);
  for (const name of ['a', 'b', 'c', 'd']) enter(name);
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  await end('a');
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('owners take turns, so that one with much to do does not hold up another with little', async () => {
  const { begun, enter, end } = hall(1);
  for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name);
  enter('b1', 'bob');
  enter('c1', 'cid');
  enter('b2', 'bob');
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) await end(name);
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
});

test('who gives up waiting loses its turn, and nobody else does', async () => {
  const { begun, enter, end } = hall(1);
  enter('a1');
  const giveUp = enter('a2');
  enter('a3');
  const giveUpToo = enter('b1', 'bob');
  giveUp?.();
  giveUpToo?.();
  giveUp?.();
  enter('c1', 'cid');
  await end('a1');
  await end('a3');
  await end('c1');
  enter('d1');
  expect(begun).toEqual(['a1', 'a3', 'c1', 'd1']);
});
