/** The end of the actors of this process, bounded, and told while a person waits for it. Not for when they end. */
import type { ActorSystem, Effect } from './actors/runtime/index.ts';
import type { Log } from './log.ts';

/** What runs longer is aborted; this or another server runs it again. */
const DRAIN_MS = 5_000;
/** Shorter waits need no words. */
const SAY_AFTER_MS = 500;

/** The effects, and the names of those that run in this process, one for each attempt. */
export function watchRunning(effects: readonly Effect[]): {
  effects: Effect[];
  running: () => readonly string[];
} {
  const running = new Set<{ name: string }>();
  const watched = effects.map((effect) => ({
    ...effect,
    run: async (...told: Parameters<Effect['run']>) => {
      const attempt = { name: effect.name };
      running.add(attempt);
      try {
        return await effect.run(...told);
      } finally {
        running.delete(attempt);
      }
    },
  }));
  return { effects: watched, running: () => [...running].map(({ name }) => name) };
}

/** Resolves when the actors of this process have let go of everything. */
export async function drain(
  system: Pick<ActorSystem, 'drain'>,
  running: () => readonly string[],
  log: Log,
): Promise<void> {
  const late = setTimeout(() => {
    log.info({ running: running() }, `Waiting up to ${DRAIN_MS / 1_000} s for what still runs`);
  }, SAY_AFTER_MS);
  try {
    await system.drain({ timeoutMs: DRAIN_MS });
  } finally {
    clearTimeout(late);
  }
}
