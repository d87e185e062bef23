/** Requests as those who measure and trace them hear of them. Not for doing either; that is handed in. */
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';

export interface RequestObserver {
  /** A request begins. `traceparent`: the header, as it came. */
  begins(request: { method: string; traceparent: string | undefined }): {
    /** Runs what answers it. */
    run<T>(work: () => Promise<T>): Promise<T>;
    /** The answer begins. `route`: the pattern that took it, such as `/api/runs/:runId`; `none` where none fits. */
    ended(answer: { route: string; status: number }): void;
  };
  /** All metrics of the process. */
  metrics(): Promise<{ contentType: string; text: string }>;
}

/** Methods are free text; each would be a time series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** To stand before all others. */
export function observeRequests(observer: RequestObserver): MiddlewareHandler {
  return async (c, next) => {
    const { method } = c.req;
    const observed = observer.begins({
      method: METHODS.has(method) ? method : 'other',
      traceparent: c.req.header('traceparent'),
    });
    await observed.run(next);
    // In the order in which they are tried: `/api/runs/analysis` stands before `/api/runs/:runId`, which fits it too.
    const route = matchedRoutes(c).find(({ path }) => path !== '/*' && path !== '*');
    observed.ended({ route: route?.path ?? 'none', status: c.res.status });
  };
}
