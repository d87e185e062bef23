/** Waiting for at most so long. Not for timers of machines, which are rows. */

/**
 * Resolves when the work has ended, or the time is over: then the work goes on, and what it still throws is told to
 * `onLate`. Rejects when the work does in time.
 */
export async function atMost(
  work: Promise<unknown>,
  timeoutMs: number,
  onLate: (error: unknown) => void,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    over.resolve();
  }, timeoutMs);
  const ended = work.catch((error: unknown) => {
    if (!isLate) throw error;
    onLate(error);
  });
  try {
    await Promise.race([ended, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
