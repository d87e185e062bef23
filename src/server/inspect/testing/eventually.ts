/** `expect.poll` with the patience that a busy machine needs. */
import { expect } from 'vitest';

export function eventually<T>(read: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { timeout: 15_000, interval: 30 });
}
