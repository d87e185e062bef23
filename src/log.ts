/**
 * The process's log: one line an entry on stderr, so that stdout stays for people and for answers.
 * JSON for machines, short text on a terminal. Not for what a user is told (that is a notification).
 */
import { pino } from 'pino';
import type { LogLevel } from './config.ts';

/** What parts of the process may ask of the log; pino's Logger is one. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log on stderr from this level on. Text where stderr is a terminal, else JSON lines. */
export function createLog(
  level: LogLevel,
  stream: NodeJS.WriteStream & { fd: number } = process.stderr,
): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  };
  if (!stream.isTTY) return pino(options, pino.destination({ fd: stream.fd, sync: true }));
  return pino(options, { write: (line: string) => stream.write(`${forPeople(line)}\n`) });
}

/** What the log keeps of an error. Not its other fields: a driver hangs its whole connection on them. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, code, cause } = error as Error & { code?: unknown };
  return {
    type: name,
    message,
    ...(code === undefined ? {} : { code }),
    stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}

/** A JSON line of pino as `12:00:00 WARN  message  key=value`. A line that is not JSON stays as it is. */
export function forPeople(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line.trimEnd();
  }
  const { level, time, pid: _pid, msg, err, ...fields } = entry;
  const words = Object.entries(fields).map(([key, value]) => `${key}=${asWord(value)}`);
  const head = `${String(time).slice(11, 19)} ${levelName(level)} ${String(msg ?? '')}`;
  const stack = isRecord(err) && typeof err.stack === 'string' ? `\n${err.stack}` : '';
  return `${[head, ...words].join('  ')}${stack}`;
}

function levelName(level: unknown): string {
  return (pino.levels.labels[Number(level)] ?? 'log').toUpperCase().padEnd(5);
}

function asWord(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
