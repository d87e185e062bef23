/** `mcp`: MCP over stdio, as a host that starts a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, it } from 'vitest';
import { tools as known } from '../server/mcp/tools.ts';
import { TypedCommands } from './testing/typed-commands.ts';

const typed = TypedCommands.use();

describe('mcp', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));

  it('passes everything on to the server and back', async () => {
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [main, 'mcp'],
        env: { TTAI_URL: typed.server.url, TTAI_HOME: typed.home },
      }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(known.map(({ name }) => name));
    const answer = await client.callTool({ name: 'get_quote', arguments: { symbols: ['AAPL'] } });
    expect(answer.structuredContent).toMatchObject({ quotes: [{ symbol: 'AAPL' }] });
    await typed.server.stop();
    await expect(client.callTool({ name: 'list_runs', arguments: {} })).rejects.toThrow(
      /No TTAI server answers/,
    );
    await client.close();
  });

  /** Runs it with this on its standard input, which then ends. */
  async function bridged(input: string, url: string): Promise<{ code: number; out: string; notes: string }> {
    const child = spawn(process.execPath, [main, 'mcp'], { env: { TTAI_URL: url, TTAI_HOME: typed.home } });
    const [out, notes] = [text(child.stdout), text(child.stderr)];
    child.stdin.end(input);
    const [code] = (await once(child, 'close')) as [number];
    return { code, out: await out, notes: await notes };
  }
  const nobody = 'http://127.0.0.1:1';
  const initialize = `${JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  })}\n`;

  it('says so when a host speaks and no server runs', async () => {
    expect(await bridged(initialize, nobody)).toEqual({
      code: 1,
      out: '',
      notes: expect.stringContaining('No TTAI server answers'),
    });
  });

  it.each([
    ['a server', () => typed.server.url],
    ['none', () => nobody],
  ])('goes without a word when the host has closed its end, with %s', async (_, url) => {
    expect(await bridged('', url())).toEqual({ code: 0, out: '', notes: '' });
  });

  it('answers what was asked before the host closed its end', async () => {
    const { code, out, notes } = await bridged(initialize, typed.server.url);
    expect({ code, notes }).toEqual({ code: 0, notes: '' });
    expect(JSON.parse(out)).toMatchObject({ id: 1, result: { serverInfo: { name: 'ttai' } } });
  });
});
