/** Where the server is that commands talk to, and with which token. Not for starting one. */
import { TtaiError } from '../actors/runtime/errors.ts';
import { readConfig } from '../config.ts';
import { findRunning } from '../launch/home.ts';
import { UsageError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServerAddress {
  /** Without a slash at the end. */
  url: string;
  token: string | undefined;
}

/** The settings that a client needs. Those of the server alone may be wrong or missing here. */
export function clientSettings(env: Environment): { home: string; port: number; authTokensFile?: string } {
  return readConfig({ TTAI_HOME: env.TTAI_HOME, PORT: env.PORT, AUTH_TOKENS_FILE: env.AUTH_TOKENS_FILE });
}

/**
 * TTAI_URL; else HOST and PORT where one is set; else where the home says that its server runs. Throws
 * `server_unreachable` when it runs nowhere: what listens at the usual port may be of another home, and is told nothing.
 */
export function serverAddress(env: Environment): ServerAddress {
  const token = tokenOf(env.TTAI_TOKEN);
  const stated = env.TTAI_URL?.trim();
  if (stated) {
    if (!/^https?:\/\//.test(stated) || !URL.canParse(stated)) {
      throw new UsageError(
        `TTAI_URL is ${JSON.stringify(stated)}; it must be an address such as http://127.0.0.1:4747.`,
      );
    }
    return { url: stated.replace(/\/+$/, ''), token };
  }
  const { home, port } = clientSettings(env);
  const isStated = Boolean(env.HOST || env.PORT);
  const url = isStated ? `http://${reachable(env.HOST?.trim())}:${port}` : findRunning(home)?.url;
  if (url === undefined) {
    throw new TtaiError(
      'server_unreachable',
      `No TTAI runs on the home ${home}. Start it with "npm start", or set TTAI_URL to where it runs.`,
    );
  }
  return { url, token };
}

/** Only what a header can carry: with anything else no request is sent, which would look like a server that is away. */
function tokenOf(text: string | undefined): string | undefined {
  const token = text?.trim() || undefined;
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    // What it holds is a secret, and stays out of the message.
    throw new UsageError(
      'TTAI_TOKEN is malformed: it must be one token, without spaces, line breaks or other than plain letters and signs. ' +
        '"npm run ttai -- token add NAME" makes one.',
    );
  }
  return token;
}

/** The address under which this machine reaches a server that listens on `host`. */
function reachable(host: string | undefined): string {
  if (!host || host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
