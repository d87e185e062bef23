/**
 * One request to a webhook: signed, bounded in time and bytes, to the addresses that were checked and to no other, with
 * no redirects and no proxy. Not for when to send what; that is the machine `delivery`.
 */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import {
  addressesOf,
  checkDestination,
  ForbiddenDestinationError,
  type Resolve,
  resolveName,
} from './destination.ts';
import { bodyOf, type Message, type Reader } from './formats.ts';
import { signatureOf } from './signature.ts';

/** From the lookup of the name to the head of the answer. */
const TIMEOUT_MS = 10_000;
/** Nobody reads what a webhook answers; so much is taken, so that a polite peer can finish. */
const MAX_ANSWER_BYTES = 16_384;
const MAX_HEAD_BYTES = 8_192;

export interface SendTo extends Reader {
  url: string;
  secret: string;
}

/** What became of a request. `reason` is for the owner, in words that hold no part of the URL but its host. */
export type Sent =
  | { ok: true; status: number }
  | { ok: false; status: number | null; reason: string; retryAfterMs: number | null };

export interface SenderOptions {
  /** `host` or `host:port`: these may be http and private. */
  allowedHosts?: readonly string[];
  resolve?: Resolve;
  timeoutMs?: number;
}

export class WebhookSender {
  readonly allowedHosts: readonly string[];
  readonly #resolve: Resolve;
  readonly #timeoutMs: number;
  // Own ones: the global agents may have been told of a proxy by the environment, which would look up names itself.
  readonly #agents = {
    'http:': new HttpAgent({ keepAlive: false }),
    'https:': new HttpsAgent({ keepAlive: false, maxCachedSessions: 0 }),
  };

  constructor({ allowedHosts = [], resolve = resolveName, timeoutMs = TIMEOUT_MS }: SenderOptions = {}) {
    this.allowedHosts = allowedHosts;
    this.#resolve = resolve;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends a message once. Whatever the other side does is answered and not thrown; throws only the signal's reason when
   * it aborts.
   */
  async send(
    to: SendTo,
    message: Message,
    { now, signal }: { now: Date; signal: AbortSignal },
  ): Promise<Sent> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#request(to, message, now, AbortSignal.any([signal, timeout]));
    } catch (error) {
      signal.throwIfAborted();
      const failed = { ok: false, status: null, retryAfterMs: null } as const;
      if (timeout.aborted) {
        return { ...failed, reason: `it did not answer within ${this.#timeoutMs / 1_000} s` };
      }
      if (error instanceof ForbiddenDestinationError) return { ...failed, reason: error.message };
      return { ...failed, reason: `it could not be reached (${codeOf(error)})` };
    }
  }

  async #request(to: SendTo, message: Message, now: Date, signal: AbortSignal): Promise<Sent> {
    const url = checkDestination(to.url, this.allowedHosts);
    const addresses = await abortable(addressesOf(url, this.allowedHosts, this.#resolve), signal);
    const body = bodyOf(to, message);
    const protocol = url.protocol as 'http:' | 'https:';
    const request = protocol === 'https:' ? requestHttps : requestHttp;
    return await new Promise<Sent>((resolve, reject) => {
      const sent = request(url, {
        method: 'POST',
        agent: this.#agents[protocol],
        lookup: only(addresses),
        signal,
        maxHeaderSize: MAX_HEAD_BYTES,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'ttai-webhook/1',
          'ttai-notification-id': message.id,
          'ttai-signature': signatureOf(to.secret, now, body),
        },
      });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        resolve(whatCameOf(answer, now));
        letGo(answer);
      });
      sent.end(body);
    });
  }
}

function whatCameOf({ statusCode: status = 0, headers }: IncomingMessage, now: Date): Sent {
  if (status >= 200 && status < 300) return { ok: true, status };
  const isRedirect = status >= 300 && status < 400;
  const reason = `it answered ${status}${isRedirect ? ', a redirect, which is not followed' : ''}`;
  return { ok: false, status, reason, retryAfterMs: retryAfterOf(headers['retry-after'], now) };
}

/** In milliseconds; null where there is none, or none that can be read. RFC 9110, 10.2.3. */
export function retryAfterOf(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  // Discord sends fractions.
  if (/^\d{1,9}(\.\d{1,9})?$/.test(header.trim())) return Math.ceil(Number(header) * 1_000);
  const until = Date.parse(header);
  return Number.isFinite(until) ? Math.max(0, until - now.getTime()) : null;
}

/** Reads a little of the answer for the sake of the peer; the request's own time limit ends that too. */
function letGo(answer: IncomingMessage): void {
  let bytes = 0;
  answer.on('error', () => {});
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
}

/** A lookup that knows these addresses only, whatever the name is by now. */
function only(addresses: { address: string; family: 4 | 6 }[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** Of an error of the network: `ECONNREFUSED`. Its message would hold addresses, and perhaps the URL. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && /^\w{1,50}$/.test(code)) return code;
  // Of several addresses, each of which has failed.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return 'the connection failed';
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([promise, aborted]);
}
