/** Running many pieces of work, so many at once, and what that came to. */

export interface Measured {
  /** Pieces a second. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  pieces: number;
}

/** Runs `pieces` pieces of work, `atOnce` at a time, and measures each. */
export async function measure(
  pieces: number,
  atOnce: number,
  work: (piece: number) => Promise<void>,
): Promise<Measured> {
  const tookMs: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < pieces) {
      const piece = next++;
      const began = performance.now();
      await work(piece);
      tookMs.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: Math.min(atOnce, pieces) }, lane));
  const seconds = (performance.now() - began) / 1_000;
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: round(pieces / seconds),
    p50Ms: round(quantile(tookMs, 0.5)),
    p99Ms: round(quantile(tookMs, 0.99)),
    pieces,
  };
}

/** The run with the median rate. */
export function medianOf(runs: readonly Measured[]): Measured {
  const sorted = [...runs].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor(sorted.length / 2)] as Measured;
}

export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : Math.round((a / b) * 1_000) / 1_000;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
