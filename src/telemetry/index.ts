/**
 * Metrics and traces of a process, in the shapes in which the runtime, the server and the analysis client ask for them:
 * metrics always, traces where they are on.
 */
import type { CallObserver } from '../actors/effects/index.ts';
import { DoNotRetryError, PeerUnavailableError, TtaiError, toPlainError } from '../actors/runtime/errors.ts';
import type { Telemetry as RuntimeTelemetry } from '../actors/runtime/index.ts';
import type { RequestObserver } from '../server/observed-requests.ts';
import { createMetrics, type Watched } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** As OpenTelemetry numbers them; its packages are loaded only where traces are on. */
const SERVER = 1;
const CLIENT = 2;

export interface Telemetry {
  readonly runtime: RuntimeTelemetry;
  readonly requests: RequestObserver;
  readonly analysisCalls: CallObserver;
  /** Begins to show what is there to be looked at. Once. */
  watch(watched: Watched): void;
}

export function createTelemetry(tracing?: Tracing): Telemetry {
  const metrics = createMetrics();
  const tracer = tracing?.tracer;
  return {
    runtime: { metrics: metrics.runtime, tracer },
    watch: metrics.watch,
    requests: {
      begins({ method, traceparent }) {
        const began = performance.now();
        const span = tracer?.begin(method, SERVER, traceparent, { 'http.request.method': method });
        return {
          run: (work) => (span ? span.run(work) : work()),
          ended({ route, status }) {
            metrics.request({ method, route, status, durationMs: performance.now() - began });
            span?.end({
              name: `${method} ${route}`,
              attributes: { 'http.route': route, 'http.response.status_code': status },
              error: status >= 500 ? String(status) : undefined,
            });
          },
        };
      },
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    },
    async analysisCalls(path, call) {
      const began = performance.now();
      const span = tracer?.begin(`call ${path}`, CLIENT, tracer.active(), { 'url.path': path });
      const ended = (outcome: string, error?: string) => {
        metrics.analysisCall({ path, outcome, durationMs: performance.now() - began });
        span?.end({ attributes: {}, error });
      };
      try {
        const answer = await (span ? span.run(() => call({ traceparent: span.trace })) : call({}));
        ended('ok');
        return answer;
      } catch (error) {
        ended(callOutcome(error), toPlainError(error).code);
        throw error;
      }
    },
  };
}

/** Codes are the service's own and may be many; these are few. */
function callOutcome(error: unknown): string {
  if (error instanceof PeerUnavailableError) return 'away';
  if (error instanceof DoNotRetryError) return 'refused';
  if (error instanceof TtaiError && /(?:^|_)timeout$/.test(error.code)) return 'timed_out';
  return error instanceof TtaiError && error.code === 'cancelled' ? 'cancelled' : 'failed';
}
