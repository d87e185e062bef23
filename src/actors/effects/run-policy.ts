/** How the effects of runs (analyses, screeners) are tried: alike, since they ask the same service. */

export const runPolicy = {
  timeout: '30 s',
  deadline: '1 h',
  // The ceiling is met only while the service is away: it is what a run waits for when it is back.
  retries: { limit: 3, delay: '1 s', backoff: 'exponential', maxDelay: '8 s' },
  concurrency: 16,
} as const;
