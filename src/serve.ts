/**
 * The life of a server process: start, banner, signals, an orderly end. Shared by `npm start` and `ttai serve`.
 * Not for what is started (src/app.ts).
 */
import { TtaiError } from './actors/runtime/errors.ts';
import { startApp } from './app.ts';
import { type Config, ConfigError } from './config.ts';
import { banner } from './launch/banner.ts';
import { LaunchError } from './launch/errors.ts';
import { createLog, type Log } from './log.ts';

/** A terminal and npm both pass Ctrl-C on: two signals this close are one press. */
const ONE_PRESS_MS = 500;

/** Runs a server until it is told to stop. `joinHome`: another process brought up the home. Answers the exit code. */
export async function serve(options: { config: Config; joinHome?: boolean }): Promise<number> {
  const { config, joinHome = false } = options;
  const log = createLog(config.logLevel);
  // A reader of our output that went away must not take the server along.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const asked = untilAsked(log);
  try {
    const app = await startApp({ config, log, joinHome });
    const source = await app.marketSource();
    const { url, analysisUrl } = app;
    process.stdout.write(banner({ url, analysisUrl, config, joined: joinHome, source }));
    const exitCode = await asked;
    await app.stop();
    if (exitCode === 0) process.stdout.write('TTAI has stopped.\n');
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

/** Says on stderr why a process can't go on, and answers its exit code: 2 for a wrong setting, else 1. */
export function explain(error: unknown): number {
  if (error instanceof ConfigError || error instanceof LaunchError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof TtaiError) {
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  console.error(error);
  return 1;
}

/** Resolves with the exit code when a signal or a defect asks the process to end. A second signal ends it at once. */
function untilAsked(log: Log): Promise<number> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const ask = (exitCode: number): void => {
      const now = performance.now();
      if (askedAt === undefined) {
        askedAt = now;
        resolve(exitCode);
      } else if (now - askedAt > ONE_PRESS_MS) process.exit(1);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (askedAt === undefined) log.info({ signal }, 'Stopping; once more to stop at once');
        ask(0);
      });
    }
    for (const defect of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(defect, (error: unknown) => {
        log.error({ err: error }, `A defect of TTAI (${defect}); stopping`);
        if (askedAt === undefined) ask(1);
      });
    }
  });
}
