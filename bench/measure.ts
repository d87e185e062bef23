/** Running many pieces of work, so many at once, and what that came to. Not for printing it. */

export interface Measured {
  /** Pieces a second. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  pieces: number;
}

export interface Quantiles {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Runs `pieces` pieces of work in `atOnce` lanes, each lane one after the other, and measures each piece. */
export async function measure(
  pieces: number,
  atOnce: number,
  work: (lane: number) => Promise<void>,
): Promise<Measured> {
  const tookMs: number[] = [];
  let begun = 0;
  const runLane = async (_: unknown, lane: number): Promise<void> => {
    while (begun < pieces) {
      begun++;
      const began = performance.now();
      await work(lane);
      tookMs.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: Math.min(atOnce, pieces) }, runLane));
  const seconds = (performance.now() - began) / 1_000;
  const { p50Ms, p99Ms } = quantiles(tookMs);
  return { perSecond: round(pieces / seconds), p50Ms, p99Ms, pieces };
}

export function quantiles(ms: readonly number[]): Quantiles {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** The run with the median of a figure: the rate unless said. */
export function medianOf<T extends object>(
  runs: readonly T[],
  figure: (run: T) => number = (run) => (run as Partial<Measured>).perSecond ?? 0,
): T {
  const sorted = [...runs].sort((a, b) => figure(a) - figure(b));
  return sorted[Math.floor(sorted.length / 2)] as T;
}

export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : Math.round((a / b) * 1_000) / 1_000;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
