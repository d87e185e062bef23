/**
 * Whether the prices of this server are invented, as who reads them is told: the analysis service says what its data
 * are, also where stored files were filled from the simulated market. Not for the source of one answer, which says it
 * itself.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Someone waits for the page. */
const ANSWER_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 100;

/** The analysis service, as far as it is asked here. `source`: services of older releases name none. */
interface Service {
  readiness(options: { timeoutMs: number }): Promise<{
    status: 'ready' | 'starting' | 'unavailable';
    provider: { name: string; source?: string | undefined };
  }>;
}

/** The source that the service names; as it is set (`setting`) where it does not answer. `waitMs`: while it starts. */
export async function marketSource(
  service: Service,
  setting: string,
  { waitMs = 0 }: { waitMs?: number } = {},
): Promise<string> {
  const until = performance.now() + waitMs;
  try {
    for (;;) {
      const { status, provider } = await service.readiness({ timeoutMs: ANSWER_WITHIN_MS });
      if (status !== 'starting' || performance.now() >= until) return provider.source ?? provider.name;
      await delay(LOOK_EVERY_MS);
    }
  } catch {
    return setting;
  }
}
