/**
 * The parts put together, and taken apart in the opposite order: ground, database, actors, doors.
 * Not for settings, signals or what a person sees (serve.ts).
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { Dispatcher } from './actors/dispatcher.ts';
import {
  AnalysisClient,
  allEffects,
  effectRooms,
  startMarketWatch,
  startTradingDay,
  tradingDaySchedule,
  WebhookSender,
  writeEmitted,
} from './actors/effects/index.ts';
import { type ActorSystem, createActorSystem, type Effect } from './actors/runtime/index.ts';
import { type Config, ConfigError } from './config.ts';
import { drain, watchRunning } from './drain.ts';
import { bringUpGround, type Ground, joinGround } from './launch/ground.ts';
import { marketSource } from './launch/market-source.ts';
import { watchOutages } from './launch/outage.ts';
import type { Log } from './log.ts';
import { HOUSEKEEPING_KEY, housekeeping } from './machines/housekeeping.ts';
import { machines } from './machines/index.ts';
import { forgetTokens, rememberTokens, tokensDemandedSince } from './persistence/access.ts';
import { migrate } from './persistence/migrate.ts';
import { closePool, databaseAnswers, openPool } from './persistence/pool.ts';
import { Notifications } from './persistence/records/notifications.ts';
import { recordsOf } from './persistence/records/records.ts';
import { requireTokens } from './server/auth.ts';
import { type HealthChecks, startServer } from './server/index.ts';
import { createTelemetry, type Telemetry } from './telemetry/index.ts';
import { startTracing } from './telemetry/tracing.ts';

/** A service builds its provider in a second or two after it listens. */
const SOURCE_WITHIN_MS = 5_000;

export interface App {
  /** Base URL of the doors. */
  readonly url: string;
  /** Base URL of the analysis service, as of now. */
  readonly analysisUrl: string;
  /** Where prices come from; a service that is only just starting is waited for, but not for long. */
  marketSource(): Promise<string>;
  /** Doors close, actors drain, the database and what else was started here stop. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly config: Config;
  readonly log: Log;
  /** Use what another process brought up on this home. */
  readonly joinHome: boolean;
}

/** Starts everything. When a part fails, those before it are stopped again and its error is thrown. */
export async function startApp({ config, log: fullLog, joinHome }: AppOptions): Promise<App> {
  await using parts = new AsyncDisposableStack();
  if (config.authTokensFile !== undefined) requireTokens(config.authTokensFile);
  const layGround = joinHome ? joinGround : bringUpGround;
  const ground = await layGround({ config, log: fullLog, parts });
  await migrate(ground.connectionString);
  ground.databaseIsReady();

  const telemetry = await startTelemetry(config, fullLog, parts);
  const service = new AnalysisClient(ground.analysisUrl, telemetry.analysisCalls);
  const { pool, notifications, log } = await openDatabase(ground, fullLog, parts);
  await keepTokensDemanded(pool, config);
  const webhooks = new WebhookSender({ allowedHosts: config.webhookAllowedHosts });
  const rooms = effectRooms(service, pool, webhooks);
  const effects = allEffects(rooms);
  const system = await startActors({ ground, pool, effects, telemetry, log, parts });
  const dispatcher = new Dispatcher({ database: pool, system, notifications, log });
  dispatcher.start();
  parts.defer(() => dispatcher.stop());
  const server = await startServer({
    config,
    system,
    notifications,
    analysis: service,
    records: recordsOf(pool),
    quotes: rooms.quotes,
    health: healthOf(pool, service),
    marketSource: () => marketSource(service, config.marketData),
    serverId: randomUUID(),
    log,
    requests: telemetry.requests,
  });
  parts.defer(() => server.stop());
  const effectNames = effects.map(({ name }) => name);
  telemetry.watch({ pool, system, effects: effectNames, sessions: server.openSessions });
  ground.doorsAreOpen(server.url);

  const running = parts.move();
  return {
    url: server.url,
    analysisUrl: ground.analysisUrl(),
    marketSource: () => marketSource(service, config.marketData, { waitMs: SOURCE_WITHIN_MS }),
    stop: () => running.disposeAsync(),
  };
}

/** Throws ConfigError where this database's servers demand tokens, and this one would not. */
async function keepTokensDemanded(pool: Pool, config: Config): Promise<void> {
  if (config.authTokensFile !== undefined) return rememberTokens(pool);
  if (config.tokensGivenUp) return forgetTokens(pool);
  const since = await tokensDemandedSince(pool);
  if (since === null) return;
  throw new ConfigError([
    `The servers of this database demand tokens since ${since.toISOString()}, and this one would be open to whoever reaches ` +
      'its port: set AUTH_TOKENS_FILE to the same file as theirs, or to "none" to do without tokens from now on.',
  ]);
}

async function startTelemetry(config: Config, log: Log, parts: AsyncDisposableStack): Promise<Telemetry> {
  if (config.otlpEndpoint === undefined) return createTelemetry();
  const to = config.otlpEndpoint;
  const tracing = await startTracing(to, {
    env: process.env,
    onError: ({ message }) =>
      log.warn({ to, why: message }, "Traces can't be sent; nothing more is said of it until they can"),
    onRecovered: () => log.warn({ to }, 'Traces are sent again'),
  });
  parts.defer(() => tracing.stop());
  return createTelemetry(tracing);
}

async function openDatabase(
  { connectionString }: Ground,
  fullLog: Log,
  parts: AsyncDisposableStack,
): Promise<{ pool: Pool; notifications: Notifications; log: Log }> {
  const outages = watchOutages({ log: fullLog, ask: () => pool.query('SELECT 1') });
  const { log } = outages;
  const onError = (error: unknown): void => log.warn({ err: error }, 'A database connection was lost');
  const pool = openPool(connectionString, onError);
  parts.defer(() => closePool(pool));
  parts.defer(() => outages.stop());
  const notifications = new Notifications({ database: pool, connectionString, onError });
  await notifications.start();
  parts.defer(() => notifications.stop());
  return { pool, notifications, log };
}

async function startActors(needs: {
  ground: Ground;
  pool: Pool;
  effects: readonly Effect[];
  telemetry: Telemetry;
  log: Log;
  parts: AsyncDisposableStack;
}): Promise<ActorSystem> {
  const { ground, pool, telemetry, log, parts } = needs;
  const { effects, running } = watchRunning(needs.effects);
  const system = await createActorSystem({
    pool,
    connectionString: ground.connectionString,
    machines,
    effects,
    onEmitted: writeEmitted,
    schedules: [tradingDaySchedule],
    log,
    telemetry: telemetry.runtime,
  });
  parts.defer(() => drain(system, running, log));
  // One for all servers on this database; spawning it again is no work.
  await system.spawn(housekeeping.id, HOUSEKEEPING_KEY, { input: {}, owner: 'system' });
  await startMarketWatch(system);
  await startTradingDay(system, new Date());
  return system;
}

/** What is only just starting is waited for by who asks; what has refused is missing. */
export function healthOf(pool: Pick<Pool, 'query'>, service: AnalysisClient): HealthChecks {
  return {
    database: async () => {
      const answers = await databaseAnswers(pool);
      return answers
        ? { ok: true }
        : { ok: false, code: 'unavailable', message: 'The database does not answer.' };
    },
    analysis: async () => {
      const { status, provider } = await service.readiness({ timeoutMs: 2_000 });
      if (status !== 'unavailable') return { ok: true, marketData: provider.name };
      const message = `The market data of ${provider.name} can not be had now; runs wait until they can.`;
      return { ok: false, message, marketData: provider.name, detail: provider.detail };
    },
  };
}
