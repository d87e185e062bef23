/**
 * Whether this process can do its work: each part is asked, at once and for a bounded time. Not for mending what is
 * away; who started a part watches it.
 */
import { toPlainError } from '../actors/runtime/errors.ts';

/** One part: what is told besides `ok` is for a person. */
export interface PartHealth {
  ok: boolean;
  [detail: string]: unknown;
}

/** How to ask each part, by its name: `database`, `migrations`, `analysis`, `actors`. */
export type HealthChecks = Readonly<Record<string, () => Promise<PartHealth>>>;

export interface Readiness {
  ready: boolean;
  /** The parts that are not there. */
  missing: string[];
  parts: Record<string, PartHealth>;
}

const answerWithinMs = 2_000;

/** Asks all parts. Never throws: a check that throws, or takes longer than 2 s, is a part that is missing. */
export async function readiness(checks: HealthChecks): Promise<Readiness> {
  const asked = Object.entries(checks).map(async ([name, check]) => [name, await ask(check)] as const);
  const parts = Object.fromEntries(await Promise.all(asked));
  const missing = Object.keys(parts).filter((name) => !parts[name]?.ok);
  return { ready: missing.length === 0, missing, parts };
}

async function ask(check: () => Promise<PartHealth>): Promise<PartHealth> {
  const late = Promise.withResolvers<PartHealth>();
  const timer = setTimeout(
    () => late.resolve({ ok: false, message: `No answer within ${answerWithinMs} ms.` }),
    answerWithinMs,
  );
  try {
    return await Promise.race([check(), late.promise]);
  } catch (error) {
    const { code, message } = toPlainError(error);
    return { ok: false, code, message };
  } finally {
    clearTimeout(timer);
  }
}
