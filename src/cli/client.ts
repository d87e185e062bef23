/** The client of /api: the operations as calls, from the same table that makes the routes. */
import type { z } from 'zod';
import { TtaiError } from '../actors/runtime/errors.ts';
import type { TypedOperation } from '../server/operations/operation.ts';
import type { ServerAddress } from './server-address.ts';

/** Longer than any operation waits. */
const timeoutMs = 60_000;

export class Client {
  readonly #address: ServerAddress;

  constructor(address: ServerAddress) {
    this.#address = address;
  }

  /** Throws the server's error, or `server_unreachable` or `unknown_answer`. */
  async call<Input extends z.ZodObject, Output extends z.ZodObject>(
    operation: TypedOperation<Input, Output>,
    input: z.input<Input>,
  ): Promise<z.output<Output>> {
    const body = await this.#send(operation, input);
    const output = operation.output.safeParse(body);
    if (!output.success) throw unknownAnswer(this.#address.url);
    return output.data;
  }

  async #send({ http }: Pick<TypedOperation<never, never>, 'http'>, input: object): Promise<unknown> {
    const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
    const path = http.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = String(rest.get(name));
      rest.delete(name);
      return encodeURIComponent(value);
    });
    const hasBody = http.method === 'post';
    const query = new URLSearchParams(
      [...rest].map(([name, value]): [string, string] => [name, String(value)]),
    );
    const { url, token } = this.#address;
    let response: Response;
    try {
      response = await fetch(`${url}/api${path}${!hasBody && rest.size > 0 ? `?${query}` : ''}`, {
        method: http.method.toUpperCase(),
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(hasBody && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(hasBody && { body: JSON.stringify(Object.fromEntries(rest)) }),
      });
    } catch (cause) {
      throw unreachable(this.#address, cause);
    }
    const body = await response.json().catch(() => undefined);
    if (!response.ok) throw errorOf(body, url);
    return body;
  }
}

/** No server answers there. */
export function unreachable({ url }: ServerAddress, cause?: unknown): TtaiError {
  const message = `No TTAI server answers at ${url}. Start it with "npm start", or set TTAI_URL to where it runs.`;
  return new TtaiError('server_unreachable', message, { cause });
}

function errorOf(body: unknown, url: string): TtaiError {
  const { error } = (body ?? {}) as {
    error?: { code?: unknown; message?: unknown; retryable?: unknown; details?: unknown };
  };
  if (typeof error?.code !== 'string' || typeof error.message !== 'string') return unknownAnswer(url);
  if (error.code === 'unauthorized') {
    const message = `${error.message} Commands take it from TTAI_TOKEN; "npm run ttai -- token add NAME" makes one.`;
    return new TtaiError('unauthorized', message);
  }
  return new TtaiError(error.code, error.message, {
    retryable: error.retryable === true,
    ...(typeof error.details === 'object' && error.details !== null && { details: { ...error.details } }),
  });
}

function unknownAnswer(url: string): TtaiError {
  return new TtaiError('unknown_answer', `What answers at ${url} is not this version of TTAI.`);
}
