/**
 * The metrics of this process, always on, as GET /metrics shows them to Prometheus. Counters and histograms are told
 * of as things happen; gauges are read when they are asked for.
 *
 * There is no gauge of actors: counting a million rows at each scrape costs more than it tells. Steps of kind `spawn`
 * less those that ended say how the number moves.
 */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ActorSystem, RuntimeMetrics } from '../actors/runtime/index.ts';
import { createRuntimeMetrics } from './runtime-metrics.ts';

/** Seconds. The longest call that waits takes 45. */
const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** The count of dead letters is asked of the database no more often than this. */
const COUNT_EVERY_MS = 10_000;
/** Looks at the event loop this often; each look wakes an idle process. */
const LOOP_PRECISION_MS = 50;

/** What gauges look at. */
export interface Watched {
  pool: { totalCount: number; idleCount: number; waitingCount: number };
  system: Pick<ActorSystem, 'load' | 'countDeadLetters'>;
  /** The names of the effects that may run. */
  effects: readonly string[];
  /** WebSocket sessions that are open here. */
  sessions: () => number;
}

export interface Metrics {
  readonly runtime: RuntimeMetrics;
  /** `route`: the pattern, never the path. */
  request(facts: { method: string; route: string; status: number; durationMs: number }): void;
  /** A call of the analysis service. */
  analysisCall(facts: { path: string; outcome: string; durationMs: number }): void;
  /** Begins to show what is there to be looked at. Once. */
  watch(watched: Watched): void;
  /** All of them, in Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  const requests = new Histogram({
    name: 'ttai_http_request_duration_seconds',
    help: 'HTTP requests, until the answer begins, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const calls = new Histogram({
    name: 'ttai_analysis_call_duration_seconds',
    help: 'Calls of the analysis service, by outcome: ok, refused, failed, timed_out, away, cancelled.',
    labelNames: ['path', 'outcome'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  return {
    runtime: createRuntimeMetrics(register),
    request: ({ method, route, status, durationMs }) =>
      requests.observe({ method, route, status }, durationMs / 1_000),
    analysisCall: ({ path, outcome, durationMs }) => calls.observe({ path, outcome }, durationMs / 1_000),
    watch: (watched) => registerGauges(register, watched),
    text: () => register.metrics(),
    contentType: register.contentType,
  };
}

function registerGauges(register: Registry, { pool, system, effects, sessions }: Watched): void {
  const gauge = (name: string, help: string, read: () => number | undefined | Promise<number | undefined>) =>
    new Gauge({
      name,
      help,
      registers: [register],
      async collect() {
        const value = await read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  gauge('ttai_queued_items', 'Items that wait to be committed, or are being.', () => system.load().queued);
  gauge('ttai_sessions_open', 'WebSocket sessions that are open in this process.', sessions);
  gauge('ttai_pool_waiting', 'Callers that wait for a connection to the database.', () => pool.waitingCount);
  gauge(
    'ttai_dead_letters',
    'Dead letters that nobody has treated yet, of all processes; at most 10,000.',
    remembered(() => system.countDeadLetters()),
  );
  new Gauge({
    name: 'ttai_pool_connections',
    help: 'Connections to the database, by state.',
    labelNames: ['state'],
    registers: [register],
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
    },
  });
  new Gauge({
    name: 'ttai_effects',
    help: 'Effects of this process: attempts that run, and effects that wait for their turn or next attempt.',
    labelNames: ['effect', 'state'],
    registers: [register],
    collect() {
      const load = system.load().effects;
      for (const effect of effects) {
        const { running = 0, waiting = 0 } = load.get(effect) ?? {};
        this.set({ effect, state: 'running' }, running);
        this.set({ effect, state: 'waiting' }, waiting);
      }
    },
  });
}

/** Asks at most once in a while. While it can't be asked, there is no value. */
function remembered(ask: () => Promise<number>): () => Promise<number | undefined> {
  let value: Promise<number | undefined> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (value === undefined || now - askedAt > COUNT_EVERY_MS) {
      askedAt = now;
      value = ask().catch(() => undefined);
    }
    return value;
  };
}
