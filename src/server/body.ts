/** Bodies of requests: read within a limit, and as JSON. Not for what stands in them; schemas check that. */
import { TtaiError } from '../actors/runtime/errors.ts';

/** 1 MiB: a hundred times what any operation takes. */
export const maxBodyBytes = 1024 * 1024;

/**
 * The body as JSON, or undefined when there is none. Throws `too_large`, `unsupported_media_type` (so that another
 * site's form can't post here) or `invalid_json`.
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text === '') return undefined;
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? '')) {
    throw new TtaiError('unsupported_media_type', 'Send JSON, with Content-Type: application/json.');
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TtaiError('invalid_json', 'The body is not JSON.', { cause });
  }
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes) throw tooLarge();
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): TtaiError {
  return new TtaiError('too_large', `A request may have at most ${maxBodyBytes} bytes.`, {
    details: { maxBytes: maxBodyBytes },
  });
}
