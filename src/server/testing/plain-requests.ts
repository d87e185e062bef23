/** For tests that speak to the doors plainly: the heads of their requests, and the code in an answer. */

export const json = { 'content-type': 'application/json' };
export const mcp = { ...json, accept: 'application/json, text/event-stream' };
export const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The code of an error: of ours where there is one, else JSON-RPC's. From JSON, or from the one event of a stream. */
export function codeIn(text: string): unknown {
  const data = text.match(/^data: (.*)$/m)?.[1] ?? text;
  const { error, result } = JSON.parse(data) as {
    error?: { code: unknown; data?: { error?: { code: unknown } } };
    result?: { isError: boolean; structuredContent: { error: { code: unknown } } };
  };
  return result?.structuredContent.error.code ?? error?.data?.error?.code ?? error?.code;
}
