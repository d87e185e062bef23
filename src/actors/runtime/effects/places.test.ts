import { describe, expect, it } from 'vitest';
import { Places } from './places.ts';

interface World {
  /** Who runs, in the order of beginning. */
  begun: string[];
  enter(owner: string, what?: string): (() => void) | undefined;
  /** Ends the attempt, and waits until whoever is next has begun. */
  end(what: string): Promise<void>;
}

function world(most: number): World {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  let onLeft = () => {};
  const places = new Places(() => onLeft());
  return {
    begun,
    enter: (owner, what = owner) =>
      places.enter('work', owner, most, () => {
        begun.push(what);
        return new Promise((resolve) => ends.set(what, resolve));
      }),
    end: (what) =>
      new Promise((resolve) => {
        onLeft = resolve;
        ends.get(what)?.();
      }),
  };
}

const times = (count: number, of: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => of(index));

describe('places', () => {
  it('are as many as are declared, over all owners', () => {
    const { begun, enter } = world(16);
    for (const owner of times(20, (index) => `owner ${index}`)) enter(owner);
    expect(begun).toEqual(times(16, (index) => `owner ${index}`));
  });

  it('leave the last quarter to owners of whom none runs, however much of one hangs', () => {
    const { begun, enter } = world(16);
    for (const what of times(100, (index) => `ann ${index}`)) enter('ann', what);
    expect(begun).toHaveLength(12);
    for (const owner of ['bob', 'cid', 'dan', 'eve']) enter(owner);
    expect(begun.slice(12)).toEqual(['bob', 'cid', 'dan', 'eve']);
  });

  it.each([1, 2, 3])('are all for everyone where there are only %i', (most) => {
    const { begun, enter } = world(most);
    for (const what of times(most + 1, (index) => `ann ${index}`)) enter('ann', what);
    expect(begun).toHaveLength(most);
  });

  it('go by turns among owners who wait, and by coming among the attempts of one', async () => {
    const { begun, enter, end } = world(1);
    enter('ann', 'ann 0');
    for (const what of ['ann 1', 'ann 2', 'ann 3']) enter('ann', what);
    for (const what of ['bob 1', 'bob 2']) enter('bob', what);
    for (let index = 0; index < 5; index++) await end(begun.at(-1) ?? '');
    expect(begun).toEqual(['ann 0', 'bob 1', 'ann 1', 'bob 2', 'ann 2', 'ann 3']);
  });

  it('that are free again go to whom they are for', async () => {
    const { begun, enter, end } = world(4);
    for (const what of times(5, (index) => `ann ${index}`)) enter('ann', what);
    enter('bob', 'bob 0');
    enter('bob', 'bob 1');
    expect(begun).toEqual(['ann 0', 'ann 1', 'ann 2', 'bob 0']);
    // Of both someone runs, and what is free is the last quarter.
    await end('bob 0');
    expect(begun.at(-1)).toBe('bob 1');
    await end('ann 0');
    expect(begun.at(-1)).toBe('bob 1');
    await end('bob 1');
    expect(begun.at(-1)).toBe('ann 3');
    await end('ann 1');
    expect(begun.at(-1)).toBe('ann 4');
  });

  it('are not waited for by who gave up', async () => {
    const { begun, enter, end } = world(1);
    enter('ann');
    const giveUp = enter('bob');
    enter('cid');
    giveUp?.();
    giveUp?.();
    await end('ann');
    expect(begun).toEqual(['ann', 'cid']);
  });

  it('are not waited for by who gave up after another of the same owner began', async () => {
    const { begun, enter, end } = world(1);
    enter('ann');
    enter('bob', 'bob 0');
    const giveUp = enter('bob', 'bob 1');
    enter('bob', 'bob 2');
    await end('ann');
    giveUp?.();
    await end('bob 0');
    expect(begun).toEqual(['ann', 'bob 0', 'bob 2']);
  });
});
