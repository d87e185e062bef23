/**
 * What a server stands on: its home, its database and its analysis service; brought up here, or joined when another
 * process did. Not for the actors and doors on top (src/app.ts).
 */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { startAnalysis } from './analysis.ts';
import { checkDatabase, othersUse } from './database.ts';
import { LaunchError } from './errors.ts';
import { findRunning, takeHome } from './home.ts';
import { requireFreePort } from './port.ts';
import { type RunningPostgres, startPostgres } from './postgres.ts';
import { sendSignal } from './processes.ts';

export interface Ground {
  readonly connectionString: string;
  /** Base URL of the analysis service as of now; ask each time. */
  analysisUrl(): string;
  /** Tells others on this home that the database is migrated. */
  databaseIsReady(): void;
  /** Tells others on this home where the doors are. */
  doorsAreOpen(url: string): void;
}

interface GroundOptions {
  readonly config: Config;
  readonly log: Log;
  /** Gets what is to be stopped, in the order in which it was started. */
  readonly parts: AsyncDisposableStack;
}

/** Takes the home and starts what the settings do not name. Throws LaunchError; what was started is in `parts`. */
export async function bringUpGround(options: GroundOptions): Promise<Ground> {
  const { config, log, parts } = options;
  const home = takeHome(config.home);
  home.publish({ shared: sharedSettings(config) });
  let postgres: RunningPostgres | undefined;
  // Also when the process is made to end without draining: Postgres stops by itself when told, and the lock is ours.
  const letGo = (): void => {
    if (postgres) sendSignal(postgres.pid, 'SIGINT');
    home.release();
  };
  process.once('exit', letGo);
  parts.defer(() => {
    process.off('exit', letGo);
    home.release();
  });
  // Before a database is made: that takes a while, and would be for nothing.
  await requireFreePort(config.host, config.port);

  const [database, service] = await Promise.allSettled([
    bringUpDatabase(options, (started) => {
      postgres = started;
    }),
    startAnalysis({ config, log }),
  ]);
  if (service.status === 'fulfilled') parts.defer(() => service.value.stop());
  if (database.status === 'rejected') throw database.reason;
  if (service.status === 'rejected') throw service.reason;
  const [connectionString, analysis] = [database.value, service.value];
  const share = (): void => home.publish({ analysisUrl: analysis.url() });
  share();
  analysis.onState(share);
  return {
    connectionString,
    analysisUrl: () => analysis.url(),
    databaseIsReady: () => home.publish({ connectionString }),
    doorsAreOpen: (url) => home.publish({ url }),
  };
}

/** A webhook, and a token, must be taken alike by whichever server has to do with it. */
function sharedSettings({ webhookAllowedHosts, authTokensFile }: Config): Record<string, string> {
  return {
    ...(webhookAllowedHosts.length > 0 && { WEBHOOK_ALLOWED_HOSTS: webhookAllowedHosts.join(',') }),
    ...(authTokensFile !== undefined && { AUTH_TOKENS_FILE: authTokensFile }),
  };
}

async function bringUpDatabase(
  { config, log, parts }: GroundOptions,
  started: (postgres: RunningPostgres) => void,
): Promise<string> {
  if (config.databaseUrl !== undefined) {
    await checkDatabase(config.databaseUrl);
    return config.databaseUrl;
  }
  const postgres = await startPostgres({ home: config.home, log });
  started(postgres);
  parts.defer(async () => {
    if (await othersUse(postgres.connectionString)) {
      log.warn({}, 'Other servers on this home lose their database until it is started again');
    }
    await postgres.stop();
  });
  return postgres.connectionString;
}

/** Uses what another process brought up, or the settings name. Throws LaunchError when there is nothing to join. */
export async function joinGround({ config, log, parts }: GroundOptions): Promise<Ground> {
  const running = findRunning(config.home);
  const connectionString = config.databaseUrl ?? running?.connectionString;
  if (connectionString === undefined) {
    throw new LaunchError(
      running
        ? `TTAI is just starting on ${config.home} (process ${running.pid}). Try again when it is ready.`
        : `No TTAI runs on ${config.home} that this server could join. Run "npm start" first, or set DATABASE_URL.`,
    );
  }
  if (config.databaseUrl !== undefined) await checkDatabase(config.databaseUrl);
  return {
    connectionString,
    analysisUrl: await joinAnalysis({ config, log, parts }),
    databaseIsReady: () => {},
    doorsAreOpen: () => {},
  };
}

async function joinAnalysis({ config, log, parts }: GroundOptions): Promise<() => string> {
  let url = config.analysisUrl === undefined ? findRunning(config.home)?.analysisUrl : undefined;
  if (url === undefined) {
    const own = await startAnalysis({ config, log });
    parts.defer(() => own.stop());
    return () => own.url();
  }
  return () => {
    // The one who brought it up may have been started again, and the service be elsewhere now.
    url = findRunning(config.home)?.analysisUrl ?? url;
    return url ?? '';
  };
}
