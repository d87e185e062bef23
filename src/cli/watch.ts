/**
 * `watch`: prints notifications as they come, each once. It comes back to its session after the server or itself was
 * away, and so misses nothing. The session's id is kept in the home, one for each server.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { TtaiError } from '../actors/runtime/errors.ts';
import { getPreferences } from '../server/operations/preferences.ts';
import { closeCodes, serverFrames } from '../server/sessions/protocol.ts';
import { type Client, unreachable } from './client.ts';
import type { ServerAddress } from './server-address.ts';

type Notification = z.infer<typeof serverFrames.notification>['notification'];

export interface WatchOptions {
  address: ServerAddress;
  /** Where the session's id is kept. */
  home: string;
  /** Begin with everything that is kept, not with what comes from now on. Only for a new session. */
  fromStart?: boolean;
  onNotification: (notification: Notification) => void;
  /** What happens to the connection, in words. */
  onChange: (words: string) => void;
  /** Ends the watching; the session stays for the next time. */
  signal?: AbortSignal;
}

const kept = z.record(z.string(), z.object({ sessionId: z.string(), lastSeq: z.int() }));
type Kept = z.infer<typeof kept>;

const firstWaitMs = 500;
const longestWaitMs = 15_000;
const frame = z.discriminatedUnion('type', [
  serverFrames.welcome,
  serverFrames.notification,
  serverFrames.error,
]);

/** What coming back does not mend. */
const finalCodes: ReadonlySet<number> = new Set([
  closeCodes.finished,
  closeCodes.badFrames,
  closeCodes.unauthorized,
  closeCodes.replaced,
  closeCodes.tooLarge,
]);

/**
 * Resolves when the signal aborts. Throws `server_unreachable` when there is no server at first, `unauthorized`,
 * `session_replaced` when another watcher took over, or `connection_refused`.
 */
export async function watch(options: WatchOptions): Promise<void> {
  const session = new KeptSession(options.home, options.address.url);
  let waitMs = firstWaitMs;
  let wasConnected = false;
  while (!options.signal?.aborted) {
    const ended = await connectOnce(options, session);
    if (options.signal?.aborted) return;
    if (ended.error) throw ended.error;
    if (!ended.welcomed && !wasConnected) throw unreachable(options.address);
    if (ended.welcomed) {
      wasConnected = true;
      waitMs = firstWaitMs;
    }
    options.onChange(`The connection ended (${ended.why}). Coming back.`);
    await pause(waitMs, options.signal);
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }
}

/** Why nothing will be printed, where the owner's preferences are the reason; null where not, or where nobody can say. */
export async function whySilent(client: Client): Promise<string | null> {
  try {
    const { channels } = (await client.call(getPreferences, {})).preferences;
    if (channels.includes('live')) return null;
    const names = ['live', ...channels].join(',');
    return `Your preferences switch notifications to sessions off, so nothing is printed here. Switch them on: npm run ttai -- preferences set --channels ${names}`;
  } catch {
    // What is wrong with the server is said by watching.
    return null;
  }
}

interface Ended {
  welcomed: boolean;
  why: string;
  /** Set when there is no use in coming back. */
  error?: TtaiError;
}

function connectOnce(options: WatchOptions, session: KeptSession): Promise<Ended> {
  const { address, signal } = options;
  const { promise, resolve } = Promise.withResolvers<Ended>();
  let welcomed = false;
  const socket = new WebSocket(`${address.url.replace(/^http/, 'ws')}/ws`, 'ttai.v1', {
    headers: address.token === undefined ? {} : { authorization: `Bearer ${address.token}` },
  });
  const leave = () => socket.close();
  const send = (value: object) => socket.send(JSON.stringify(value));
  signal?.addEventListener('abort', leave);
  socket.on('open', () => send(session.hello(options.fromStart ?? false)));
  socket.on('message', (data) => {
    const parsed = frame.safeParse(parseJson(String(data)));
    // Frames of a later server that this one does not know.
    if (!parsed.success) return;
    const received = parsed.data;
    if (received.type === 'welcome') {
      welcomed = true;
      session.keep(received.sessionId, received.lastSeq);
      if (received.missedUntil !== null) {
        options.onChange(
          `Some notifications up to ${received.missedUntil} are gone: they are kept for 90 days.`,
        );
      }
      options.onChange(
        received.resumed ? `Watching again, from behind notification ${received.lastSeq}.` : 'Watching.',
      );
    } else if (received.type === 'notification') {
      options.onNotification(received.notification);
      session.seen(received.notification.seq);
      send({ type: 'confirm', seq: received.notification.seq });
    } else if (received.code === 'session_not_found') {
      session.forget();
      send(session.hello(options.fromStart ?? false));
    } else {
      options.onChange(`${received.message} (${received.code})`);
    }
  });
  socket.on('unexpected-response', (_, response) => {
    const code = response.statusCode === 401 ? 'unauthorized' : 'connection_refused';
    const message =
      code === 'unauthorized'
        ? 'The server wants a token. Set TTAI_TOKEN; "npm run ttai -- token add NAME" makes one.'
        : `The server refused the connection (HTTP ${response.statusCode}).`;
    const isPassing = (response.statusCode ?? 0) >= 500;
    resolve({ welcomed, why: message, ...(!isPassing && { error: new TtaiError(code, message) }) });
    socket.terminate();
  });
  socket.on('error', (error) => resolve({ welcomed, why: error.message }));
  socket.on('close', (code, reason) => {
    signal?.removeEventListener('abort', leave);
    const why = `${code}${reason.length > 0 ? ` ${reason}` : ''}`;
    resolve({ welcomed, why, ...(finalCodes.has(code) && { error: closedForGood(code, why) }) });
  });
  return promise;
}

function closedForGood(code: number, why: string): TtaiError {
  if (code === closeCodes.replaced) {
    return new TtaiError('session_replaced', 'Another "watch" on this home took the session over.');
  }
  return new TtaiError('connection_closed', `The server ended the session: ${why}.`);
}

/** The session of one server, in a file of the home. What the server says it is a secret, so others can't read it. */
class KeptSession {
  readonly #folder: string;
  readonly #file: string;
  readonly #url: string;
  #lastSeq: number | undefined;
  #sessionId: string | undefined;

  constructor(home: string, url: string) {
    this.#folder = home;
    this.#file = join(home, 'watch.json');
    this.#url = url;
    const mine = this.#read()[url];
    this.#sessionId = mine?.sessionId;
    this.#lastSeq = mine?.lastSeq;
  }

  /** The first frame: back to the session, or a new one that begins where the old one was. */
  hello(fromStart: boolean): object {
    if (this.#sessionId !== undefined) {
      return { type: 'hello', sessionId: this.#sessionId, lastSeq: this.#lastSeq };
    }
    const since = this.#lastSeq ?? (fromStart ? 0 : undefined);
    return { type: 'hello', ...(since !== undefined && { since }) };
  }

  keep(sessionId: string, lastSeq: number): void {
    this.#sessionId = sessionId;
    this.#lastSeq = lastSeq;
    this.#write();
  }

  seen(seq: number): void {
    this.#lastSeq = seq;
    this.#write();
  }

  forget(): void {
    this.#sessionId = undefined;
  }

  #read(): Kept {
    try {
      return kept.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch {
      return {};
    }
  }

  #write(): void {
    if (this.#sessionId === undefined || this.#lastSeq === undefined) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const all = { ...this.#read(), [this.#url]: { sessionId: this.#sessionId, lastSeq: this.#lastSeq } };
    // Replaced whole, so that a crash leaves no half file.
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
