/**
 * Who is asking: the owner behind a bearer token, or `local` on a laptop that has no tokens, and whether it is an
 * operator. One check for HTTP and for WebSocket upgrades. Not for what an owner may see: operations and sessions check
 * that on each row.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { TtaiError } from '../actors/runtime/errors.ts';
import type { RuntimeLog } from '../actors/runtime/types.ts';
import { ConfigError, isLoopback } from '../config.ts';
import { type ErrorBody, httpStatus, toErrorBody } from './errors.ts';

/** The owner of everything on a laptop without tokens. */
export const localOwner = 'local';
/** What a browser offers beside its token, and what the server accepts. */
export const webSocketProtocol = 'ttai.v1';
const tokenProtocolPrefix = 'ttai.bearer.';
/**
 * `operator` stands before the hash: no name of an older file can mean it, and a server that does not know it takes the
 * line for a wrong one and lets nobody in by it.
 */
const tokenLine = /^(operator\s+)?([0-9a-f]{64})\s+(\S+)(?:\s+(.*))?$/i;

/** Who asks. */
export interface Caller {
  owner: string;
  /** It runs this TTAI: it may see and touch the actors of all. */
  operator: boolean;
}

/** The headers that say who asks, as strings. */
export interface Credentials {
  method: string;
  authorization: string | undefined;
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-WebSocket-Protocol`, of an upgrade. */
  protocols: string | undefined;
}

export interface Auth {
  /** True when each request needs a token. */
  readonly tokensRequired: boolean;
  /** Throws `unauthorized`, `forbidden_host` or `forbidden_origin`. */
  authenticate(credentials: Credentials): Caller;
  /** The same for a WebSocket upgrade, as an answer: an upgrade has no error handler above it. */
  authenticateUpgrade(request: IncomingMessage): Caller | { status: number; error: ErrorBody['error'] };
}

export interface AuthOptions {
  /** One line a token: `[operator] <sha256 of the token, hex> <owner> [name]`. Read again when it changes. */
  tokensFile?: string | undefined;
  /** The address that the server listens on. Anything but loopback needs `tokensFile`. */
  host: string;
  /** The port that it listens on, known once it does. */
  port: () => number;
  log?: RuntimeLog;
}

/** Throws `tokens_required` when the host is not loopback and there is no token file. */
export function createAuth(options: AuthOptions): Auth {
  if (options.tokensFile === undefined && !isLoopback(options.host)) {
    throw new TtaiError(
      'tokens_required',
      `HOST=${options.host} is reachable from other machines, and then every door demands a token: set AUTH_TOKENS_FILE (make a token with: npm run ttai -- token add NAME), or use HOST=127.0.0.1.`,
    );
  }
  const tokens =
    options.tokensFile === undefined ? undefined : new TokenFile(options.tokensFile, options.log);
  const authenticate = (credentials: Credentials): Caller => {
    if (tokens) return callerOfToken(tokens, credentials);
    checkHostAndOrigin(credentials, options.port());
    return { owner: localOwner, operator: true };
  };
  return {
    tokensRequired: tokens !== undefined,
    authenticate,
    authenticateUpgrade(request) {
      try {
        return authenticate(credentialsOfUpgrade(request));
      } catch (error) {
        const body = toErrorBody(error, options.log);
        return { status: httpStatus(body), error: body.error };
      }
    },
  };
}

/**
 * For the start: throws ConfigError when the file can't be read or lets nobody in. Afterwards it may change as it
 * likes: then it fails closed.
 */
export function requireTokens(path: string): void {
  const mend =
    'Name a file of tokens ("npm run -s ttai -- token add NAME" makes one, or adds to it), or set AUTH_TOKENS_FILE=none to do without tokens.';
  let entries: readonly TokenEntry[];
  try {
    entries = parseTokens(readFileSync(path, 'utf8')).entries;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      `AUTH_TOKENS_FILE is ${JSON.stringify(path)}: it can't be read (${why}). ${mend}`,
    ]);
  }
  if (entries.length === 0) {
    throw new ConfigError([
      `AUTH_TOKENS_FILE is ${JSON.stringify(path)}: no line of it is a token, so nobody could enter. ${mend}`,
    ]);
  }
}

/** How a token is kept: never itself, always this. Hex, 64 characters. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function callerOfToken(tokens: TokenFile, credentials: Credentials): Caller {
  const token = bearerToken(credentials) ?? protocolToken(credentials) ?? browserPassword(credentials);
  if (token === undefined) {
    throw new TtaiError('unauthorized', 'A token is needed. Send it as Authorization: Bearer <token>.');
  }
  const caller = tokens.callerOf(token);
  if (!caller) throw new TtaiError('unauthorized', 'The token is not known here.');
  return caller;
}

function bearerToken({ authorization }: Credentials): string | undefined {
  return authorization?.match(/^Bearer +(\S+) *$/i)?.[1];
}

function protocolToken({ protocols }: Credentials): string | undefined {
  const offered = protocols?.split(',').map((protocol) => protocol.trim());
  const carrier = offered?.find((protocol) => protocol.startsWith(tokenProtocolPrefix));
  return carrier && Buffer.from(carrier.slice(tokenProtocolPrefix.length), 'base64url').toString('utf8');
}

/**
 * A browser can't send a bearer token when a person opens a page, but it asks for a password: the token, under any
 * name. It also sends that by itself from other sites' pages, so it counts only for reading, and from the same origin.
 */
function browserPassword({ authorization, method, host, origin }: Credentials): string | undefined {
  const encoded = authorization?.match(/^Basic +(\S+) *$/i)?.[1];
  if (encoded === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined;
  if (origin !== undefined && parseUrl(origin)?.host !== host) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  return decoded.slice(decoded.indexOf(':') + 1);
}

/** Against DNS rebinding and other sites' pages: the names a browser used must be this machine's own. */
function checkHostAndOrigin({ host, origin }: Credentials, port: number): void {
  const asked = host === undefined ? undefined : parseUrl(`http://${host}`);
  if (!asked || !isLoopback(asked.hostname) || Number(asked.port || 80) !== port) {
    throw new TtaiError(
      'forbidden_host',
      `This server answers as localhost:${port} or 127.0.0.1:${port} only.`,
    );
  }
  if (origin === undefined) return;
  const page = parseUrl(origin);
  if (!page || !isLoopback(page.hostname)) {
    throw new TtaiError('forbidden_origin', 'This server answers pages of this machine only.');
  }
}

function credentialsOfUpgrade({ method, headers }: IncomingMessage): Credentials {
  return {
    method: method ?? 'GET',
    authorization: headers.authorization,
    host: headers.host,
    origin: headers.origin,
    protocols: headers['sec-websocket-protocol'],
  };
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** The token file, read again when it changes. While it can't be read, no token is known: it fails closed. */
class TokenFile {
  readonly #path: string;
  readonly #log: RuntimeLog | undefined;
  #stamp = '';
  #entries: readonly TokenEntry[] = [];

  constructor(path: string, log: RuntimeLog | undefined) {
    this.#path = path;
    this.#log = log;
    this.#refresh();
  }

  callerOf(token: string): Caller | undefined {
    this.#refresh();
    const hash = Buffer.from(hashToken(token), 'hex');
    let caller: Caller | undefined;
    // Looks at every entry, so that the time taken tells nothing about which one is near.
    for (const entry of this.#entries) if (timingSafeEqual(entry.hash, hash)) caller = entry.caller;
    return caller;
  }

  #refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const stamp = `${mtimeMs}/${size}/${ino}`;
      if (stamp === this.#stamp) return;
      this.#entries = this.#read();
      this.#stamp = stamp;
    } catch (error) {
      if (this.#stamp !== 'unreadable') this.#log?.error({ err: error }, 'the token file cannot be read');
      this.#entries = [];
      this.#stamp = 'unreadable';
    }
  }

  #read(): readonly TokenEntry[] {
    const { entries, wrongLines } = parseTokens(readFileSync(this.#path, 'utf8'));
    if (wrongLines.length > 0) {
      this.#log?.warn(
        { file: this.#path, lines: wrongLines },
        'lines of the token file are not "[operator] <sha256 hex> <owner> [name]" and let nobody in',
      );
    }
    return entries;
  }
}

interface TokenEntry {
  readonly hash: Buffer;
  readonly caller: Caller;
}

/** `wrongLines`: the numbers, from 1, of those that are neither a token, nor empty, nor a comment. */
export function parseTokens(text: string): { entries: readonly TokenEntry[]; wrongLines: readonly number[] } {
  const entries: TokenEntry[] = [];
  const wrongLines: number[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, mark, hash, owner] = line.match(tokenLine) ?? [];
    if (hash === undefined || owner === undefined) wrongLines.push(index + 1);
    else entries.push({ hash: Buffer.from(hash, 'hex'), caller: { owner, operator: mark !== undefined } });
  }
  return { entries, wrongLines };
}
