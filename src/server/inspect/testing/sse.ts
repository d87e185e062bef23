/** Reads server-sent events in tests, one at a time. */

export interface ServerSentEvent {
  event: string;
  id: string;
  data: unknown;
}

/** Opens the stream; throws when it is refused. Ends when the server ends it or the signal aborts. */
export async function* serverSentEvents(
  url: string,
  init: RequestInit = {},
): AsyncGenerator<ServerSentEvent, void> {
  const response = await fetch(url, init);
  if (!response.ok || !response.body) throw new Error(`${response.status}`);
  let buffered = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffered += chunk;
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => splitOnce(line)));
      if (!fields.has('data')) continue;
      yield {
        event: fields.get('event') ?? 'message',
        id: fields.get('id') ?? '',
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    }
  }
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(':');
  return [line.slice(0, at), line.slice(at + 1).trim()];
}
