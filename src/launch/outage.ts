/**
 * Keeps the log readable while the database is away: every part that uses it fails several times a second, and says so.
 * Not for reconnecting; each part does that by itself.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log.ts';

const SAY_EVERY_MS = 10_000;
const ASK_EVERY_MS = 1_000;
/** Of the system, and of Postgres when it ends or only just starts. */
const CODES: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01',
  '57P02',
  '57P03',
]);
/** The driver's and the pool's own errors have no code. */
const MESSAGES = /^(Connection terminated|timeout exceeded when trying to connect)/;

export interface OutageLog {
  /** Passes on what it is given; of lost connections, one line without a stack in ten seconds, and all at `debug`. */
  readonly log: Log;
  /** Looks no more whether the database is back. */
  stop(): Promise<void>;
}

/** `ask`: a question that the database answers when it is there. `now`: milliseconds, of any origin. */
export function watchOutages(options: {
  log: Log;
  ask: () => Promise<unknown>;
  now?: () => number;
}): OutageLog {
  const { log, ask, now = () => performance.now() } = options;
  const stopping = new AbortController();
  let saidAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  /** Says that it is back only when it was away: a single connection may break as well. */
  const untilBack = async (): Promise<void> => {
    for (let wasAway = false; !stopping.signal.aborted; wasAway = true) {
      const isBack = await ask().then(
        () => true,
        () => false,
      );
      if (isBack && wasAway) log.info({}, 'The database is back');
      if (isBack) return;
      await delay(ASK_EVERY_MS, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined);
    }
  };
  const passOn =
    (level: 'warn' | 'error') =>
    (fields: object, message: string): void => {
      const error = 'err' in fields ? fields.err : undefined;
      if (!isLostConnection(error)) {
        log[level](fields, message);
        return;
      }
      log.debug(fields, message);
      if (now() - saidAt >= SAY_EVERY_MS) {
        saidAt = now();
        log.warn(
          { error: error.message || String(causeOf(error)), while: message },
          'A connection to the database failed',
        );
      }
      if (stopping.signal.aborted) return;
      asking ??= untilBack().finally(() => {
        asking = undefined;
      });
    };
  return {
    log: {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      warn: passOn('warn'),
      error: passOn('error'),
    },
    async stop() {
      stopping.abort();
      await asking;
    },
  };
}

/** True for an error, or one that it was caused by, of a connection that broke or could not be made. */
export function isLostConnection(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('code' in error && CODES.has(error.code)) return true;
  return MESSAGES.test(error.message) || isLostConnection(causeOf(error));
}

function causeOf(error: Error): unknown {
  return error instanceof AggregateError ? error.errors[0] : error.cause;
}
