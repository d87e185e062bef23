import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashToken } from '../server/auth.ts';
import { tools as known } from '../server/mcp/tools.ts';
import { finishedAnalysis, finishedScreener, savedScreener } from '../server/testing/fake-system.ts';
import { startTestServer, type TestServer } from '../server/testing/test-server.ts';
import { runCli } from './main.ts';
import type { Environment } from './server-address.ts';

let home: string;
let server: TestServer;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai cli '));
  server = await startTestServer();
});
afterEach(async () => {
  await server.stop();
  await rm(home, { recursive: true });
});

interface Ran {
  code: number;
  out: string;
  notes: string;
}

async function ttai(args: string[], env: Environment = {}, onNote?: (line: string) => void): Promise<Ran> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCli(args, {
    env: { TTAI_URL: server.url, TTAI_HOME: home, ...env },
    terminal: {
      out: (line) => out.push(line),
      note: (line) => {
        notes.push(line);
        onNote?.(line);
      },
      status: undefined,
      style: (_, text) => text,
    },
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

describe('analyze', () => {
  it('shows the steps, then the result, and says that it is simulated', async () => {
    let ended = false;
    const { code, out, notes } = await ttai(['analyze', 'aapl', '--type', 'full_analysis'], {}, (line) => {
      const [address] = server.system.actors.keys();
      if (!address || ended) return;
      ended = line.includes('reading the chart');
      const progress = { done: 1, total: 5, step: 'reading the chart' };
      const { context } = server.system.actors.get(address) ?? { context: {} };
      queueMicrotask(() =>
        ended
          ? server.system.move(address, { status: 'done', output: finishedAnalysis })
          : server.system.move(address, { context: { ...context, progress } }),
      );
    });
    expect(notes).toContain('fetching market data');
    expect(notes).toContain('1/5  reading the chart');
    expect(out).toContain('STRONG_SELECT');
    expect(out).toContain('SIMULATED DATA');
    expect(out).toMatch(/Contract +220.00 expiring 2026-04-17 \(46 days\)/);
    expect(code).toBe(0);
  });

  it('shows what speaks against the pick beside it, and what is wrong with the data', async () => {
    const [caution, quality] = ['the news say no: guidance cut', { source: 'simulated' }];
    const output = {
      ...finishedAnalysis,
      recommendation: 'select',
      cautions: [caution],
      options: {
        ...finishedAnalysis.options,
        quality: { ...quality, warnings: ['one_sided_quotes:242', 'earnings_unknown'] },
      },
    };
    const { out, notes } = await ttai(['analyze', 'AAPL'], {}, () => {
      for (const address of server.system.actors.keys()) {
        const context = { progress: { done: 5, total: 5, step: 'Done' } };
        queueMicrotask(() => server.system.move(address, { status: 'done', context, output }));
      }
    });
    expect(out).toContain(`SELECT, but ${caution}`);
    expect(out).toContain('one sided quotes: 242, earnings unknown');
    expect(notes).toContain('5/5  Done');
  });

  it('says why a step does not go on', async () => {
    server.system.lastError = {
      ...{ name: 'E', code: 'provider_unavailable', retryable: true },
      message: 'Nobody is there.',
    };
    const effects = [{ id: 'fetchMarketData', src: 'fetchMarketData', effectId: 'e' }];
    const { notes, code } = await ttai(['analyze', 'AAPL'], {}, (line) => {
      for (const address of server.system.actors.keys()) {
        queueMicrotask(() =>
          line.includes('Nobody is there. (provider_unavailable)')
            ? server.system.move(address, { status: 'done', output: finishedAnalysis })
            : server.system.move(address, { effects }),
        );
      }
    });
    expect(notes).toContain('Waiting, and trying again: Nobody is there. (provider_unavailable)');
    expect(code).toBe(0);
    const run = (await ttai(['runs', '--json'])).out;
    const [{ runId }] = (JSON.parse(run) as { runs: [{ runId: string }] }).runs;
    server.system.move(`analysis/${runId.split('.')[1]}`, { status: 'active' });
    const report = (await ttai(['run', runId])).out;
    expect(report).toContain('Nobody is there. (provider_unavailable)');
    expect(report).toContain('Next attempt');
  });

  it('is a failure when the analysis fails', async () => {
    const error = { name: 'E', code: 'symbol_not_found', message: 'Nobody knows NOPE.', retryable: false };
    const { code, out } = await ttai(['analyze', 'NOPE'], {}, () => {
      for (const address of server.system.actors.keys()) {
        queueMicrotask(() =>
          server.system.move(address, { status: 'done', output: { status: 'failed', error } }),
        );
      }
    });
    expect(out).toContain('Nobody knows NOPE. (symbol_not_found)');
    expect(code).toBe(1);
  });
});

describe('screen', () => {
  /** Ends the screener when its first line is shown. */
  const ending = (output: object) => (line: string) => {
    for (const address of server.system.actors.keys()) {
      if (line.includes('looking for candidates'))
        queueMicrotask(() => server.system.move(address, { status: 'done', output }));
    }
  };

  it('sends the criteria, shows how far it is, and prints a table', async () => {
    const args = [
      '--symbols',
      'aapl',
      'F',
      '--min-price',
      '20',
      '--any-trend',
      '--rsi-max',
      '65',
      '--sort-by',
      'score',
    ];
    let moved = false;
    const end = ending(finishedScreener);
    const { code, out, notes } = await ttai(['screen', ...args, '--max-symbols', '30'], {}, (line) => {
      const [address] = server.system.actors.keys();
      if (!address || moved) {
        if (line.startsWith('3/24')) end('looking for candidates');
        return;
      }
      moved = line.includes('looking for candidates');
      const context = {
        ...server.system.actors.get(address)?.context,
        progress: { done: 3, total: 24, step: 'analysing' },
      };
      if (moved) queueMicrotask(() => server.system.move(address, { context }));
    });
    const [actor] = server.system.actors.values();
    expect(actor).toMatchObject({ machine: 'screener' });
    expect(notes).toContain('3/24  analysing');
    expect(out).toContain('SIMULATED DATA');
    expect(out).toMatch(/^SYMBOL +VERDICT +SCORE +PRICE +STRIKE/m);
    expect(out).toMatch(/^S0 +select +90.0 +40.25 +38.00 +2026-04-17 +-0.24 +0.42 +0.61$/m);
    expect(out).toContain('F0  Too few bars. (insufficient_data)');
    expect(out).toContain('and 2 more');
    expect(code).toBe(0);
  });

  it('takes a saved one, and answers as JSON', async () => {
    const { out } = await ttai(
      ['screen', '--saved', savedScreener.id, '--json'],
      {},
      ending(finishedScreener),
    );
    expect(JSON.parse(out)).toMatchObject({
      kind: 'screener',
      name: 'Cheap puts',
      full: { failed: { length: 12 } },
    });
    expect([...server.system.actors.values()]).toMatchObject([{ context: { maxSymbols: 20 } }]);
    const listed = await ttai(['runs', '--kind', 'screener']);
    expect(listed.out).toMatch(/^Cheap puts +screener +completed/m);
    expect((await ttai(['runs', '--kind', 'analysis'])).out).toContain('No runs.');
  });

  it('says in the words of the server what is wrong with the criteria', async () => {
    const both = await ttai(['screen', '--saved', savedScreener.id, '--min-price', '20']);
    expect([both.code, both.notes]).toEqual([2, expect.stringContaining('give either criteria')]);
    const wrong = await ttai(['screen', '--min-price', '200']);
    expect(wrong.notes).toContain('criteria.minPrice: must not exceed maxPrice, which is 100 unless given');
    expect((await ttai(['screen', '--universe', 'bonds'])).code).toBe(2);
    expect(server.system.actors.size).toBe(0);
  });

  it('without candidates says so, and is no failure', async () => {
    const none = {
      ...finishedScreener,
      candidates: 0,
      results: [],
      failed: [],
      reasons: ['None of 503 symbols fulfils the criteria.'],
    };
    const { code, out } = await ttai(['screen'], {}, ending(none));
    expect(out).toContain('None of 503 symbols fulfils the criteria.');
    expect(out).not.toContain('VERDICT');
    expect(code).toBe(0);
  });
});

it('quotes, in columns and as JSON', async () => {
  const { code, out } = await ttai(['quote', 'aapl', 'MSFT', 'NOPE']);
  expect(out).toMatch(/^AAPL +231.20 .* simulated$/m);
  expect(out).toContain('SIMULATED DATA');
  expect(out).toContain('Unknown: NOPE');
  expect(code).toBe(0);
  expect(JSON.parse((await ttai(['quote', 'AAPL', '--json'])).out)).toMatchObject({
    quotes: [{ symbol: 'AAPL' }],
  });
});

it('adds, lists and deletes alerts', async () => {
  const args = [
    'alert',
    'add',
    'AAPL',
    'above',
    '200',
    '--repeat',
    '--note',
    'sell calls',
    '--expires',
    new Date(Date.now() + 86_400_000).toISOString(),
  ];
  const added = await ttai([...args, '--json']);
  const { alertId } = JSON.parse(added.out) as { alertId: string };
  expect(JSON.parse(added.out)).toMatchObject({
    symbol: 'AAPL',
    threshold: 200,
    repeat: 'every_cross',
    note: 'sell calls',
  });
  expect((await ttai(['alert', 'list'])).out).toContain(alertId);
  expect((await ttai(['alert', 'delete', alertId])).code).toBe(0);
  expect((await ttai(['alert', 'list'])).out).toContain('No alerts.');
  expect((await ttai(['alert', 'list', '--all'])).out).toContain('cancelled');
});

it('lists alerts in pages, and says what they wait for and where the next page is', async () => {
  for (const price of ['201', '202', '203']) await ttai(['alert', 'add', 'AAPL', 'above', price]);
  const first = await ttai(['alert', 'list', '--limit', '2']);
  expect(first.out).toContain('above 203');
  expect(first.out).toContain('a quote');
  const cursor = first.out.match(/--cursor (\S+),/)?.[1] ?? '';
  const second = await ttai(['alert', 'list', '--limit', '2', '--cursor', cursor]);
  expect(second.out).toContain('above 201');
  expect(second.out).not.toMatch(/above 203|--cursor/);
  const [actor] = server.system.actors.values();
  if (!actor) throw new Error('no alert');
  const blind = { ...actor.context, blindBecause: 'there is no fresh quote' };
  server.system.move(actor.address, { context: blind });
  expect((await ttai(['alert', 'list'])).out).toContain('a quote: there is no fresh quote');
});

it('lists, shows and cancels runs', async () => {
  await fetch(`${server.url}/api/runs/analysis`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"symbol":"AAPL"}',
  });
  const { runs } = JSON.parse((await ttai(['runs', '--json'])).out) as { runs: { runId: string }[] };
  const runId = runs[0]?.runId ?? '';
  const listed = (await ttai(['runs'])).out.split('\n');
  expect(listed[1]).toContain(runId);
  expect(listed[1]?.indexOf('fetching market data')).toBe(listed[0]?.indexOf('STEP'));
  expect((await ttai(['run', runId])).out).toContain('fetching market data');
  expect((await ttai(['cancel', runId])).out).toContain('CANCELLED');
  expect((await ttai(['runs', '--status', 'running'])).out).toContain('No runs.');
});

describe('what goes wrong', () => {
  it.each([
    ['nothing to do', [], 2, /Usage: ttai/],
    ['an unknown command', ['dance'], 2, /unknown command 'dance'/],
    ['a missing argument', ['analyze'], 2, /missing required argument 'symbol'/],
    ['an unknown option', ['runs', '--fast'], 2, /unknown option '--fast'/],
    ['an unknown type', ['analyze', 'AAPL', '--type', 'all'], 2, /Allowed choices are chart_analysis/],
    ['an unknown condition', ['alert', 'add', 'AAPL', 'over', '200'], 2, /above, below or crosses/],
    ['a threshold that is no number', ['alert', 'add', 'AAPL', 'above', 'high'], 2, /"high" is not a number/],
    ['a threshold in hexadecimal', ['alert', 'add', 'AAPL', 'above', '0x10'], 2, /"0x10" is not a number/],
    ['a threshold with an exponent', ['alert', 'add', 'AAPL', 'above', '1e3'], 2, /"1e3" is not a number/],
    ['a count that is no number', ['runs', '--limit', 'many'], 2, /"many" is not a number/],
    ['too many at once', ['alert', 'list', '--limit', '1000'], 2, /limit: /],
    ['an alert for an unknown symbol', ['alert', 'add', 'NOPE', 'above', '1'], 1, /symbol_not_found/],
    ['a symbol of 1,000 characters', ['quote', 'A'.repeat(1_000)], 2, /symbols, item 1: must be a ticker/],
    ['an unknown run', ['run', 'analysis.none'], 1, /run_not_found/],
    ['an unknown alert', ['alert', 'delete', 'none'], 1, /alert_not_found/],
    ['an unknown symbol', ['quote', 'NOPE'], 1, /symbol_not_found/],
    ['a token for what belongs to TTAI', ['token', 'add', 'me', '--owner', 'system'], 2, /TTAI itself/],
    ['an unspeakable token name', ['token', 'add', 'a b'], 2, /NAME must be one word/],
  ])('%s', async (_, args, code, words) => {
    const ran = await ttai(args);
    expect(ran.notes).toMatch(words);
    expect(ran.code).toBe(code);
    expect(ran.out).toBe('');
    // Said once, and in the command line's own words.
    expect(ran.notes.match(/is not a number/g)?.length ?? 0).toBeLessThan(2);
    expect(ran.notes).not.toMatch(/[a-z]_(?:run|alert)s/);
  });

  it('an unknown command says where the known ones are', async () => {
    expect((await ttai(['dance'])).notes).toContain('--help');
    expect((await ttai(['alert', 'dance'])).notes).toContain('--help');
  });

  it('text that would steer the terminal is shown, not obeyed', async () => {
    const set = await ttai(['alert', 'add', 'AAPL', 'above', '200', '--json']);
    const { alertId } = JSON.parse(set.out) as { alertId: string };
    const { context } = await server.system.snapshot(`priceAlert/${alertId}`);
    server.system.move(`priceAlert/${alertId}`, {
      context: { ...context, symbol: '\u001b]0;x\u0007', note: '\u001b[2J\u202e', blindBecause: '\u009bA' },
    });
    const steers = /[^\P{Cc}\n]|\u202e/u;
    const listed = await ttai(['alert', 'list']);
    expect(listed.out).not.toMatch(steers);
    expect(listed.out).toContain('\\x1b]0;x\\x07');
    const asJson = await ttai(['alert', 'list', '--json']);
    expect(asJson.out).not.toMatch(steers);
    expect(JSON.parse(asJson.out)).toMatchObject({ alerts: [{ note: '\u001b[2J\u202e' }] });
    expect((await ttai(['alert', 'delete', alertId])).out).toContain('"\\x1b[2J\\u202e"');
    expect((await ttai(['alert', 'delete', 'a\u001b[2J'])).notes).not.toMatch(steers);
    expect((await ttai(['dance\u001b[2J'])).notes).not.toMatch(steers);
  });

  it('no server, an address that is none, and something else that answers', async () => {
    const nowhere = await ttai(['runs'], { TTAI_URL: undefined, PORT: '1' });
    expect(nowhere).toMatchObject({
      code: 1,
      notes: expect.stringMatching(/No TTAI server answers at http:\/\/127.0.0.1:1\..*npm start/),
    });
    const atHome = await ttai(['runs'], { TTAI_URL: undefined });
    expect(atHome).toMatchObject({
      code: 1,
      notes: expect.stringContaining(`No TTAI runs on the home ${home}.`),
    });
    expect(await ttai(['runs'], { TTAI_URL: 'ftp://x' })).toMatchObject({ code: 2 });
    expect(await ttai(['runs'], { TTAI_URL: `${server.url}/mcp` })).toMatchObject({ code: 1 });
  });

  it('help is no error', async () => {
    const { code, out } = await ttai(['--help']);
    expect(code).toBe(0);
    for (const command of ['analyze', 'quote', 'alert', 'watch', 'runs', 'actors', 'token', 'serve', 'mcp'])
      expect(out).toContain(command);
    expect((await ttai(['serve', '--help'])).out).toContain('AUTH_TOKENS_FILE');
  });

  it.each([
    [['analyze'], 'analyze --help'],
    [['alert', 'add', 'AAPL'], 'alert add --help'],
    [['actors', 'show', 'nonsense'], 'actors show --help'],
    [['nonsense'], 'npm run ttai -- --help'],
  ])('%j says where its own help is', async (args, where) => {
    expect(await ttai(args)).toMatchObject({ code: 2, notes: expect.stringContaining(where) });
  });

  it('a wrong port is told of like the setting', async () => {
    const { code, notes } = await ttai(['serve', '--port', 'x']);
    expect({ code, notes }).toEqual({ code: 2, notes: 'PORT is "x": must be a port, 0 to 65535.' });
  });
});

describe('tokens', () => {
  it('are shown once, kept as a hash, and let their owner in', async () => {
    const file = join(home, 'deep', 'tokens');
    const { token } = JSON.parse(
      (await ttai(['token', 'add', 'ann', '--json'], { AUTH_TOKENS_FILE: file })).out,
    ) as { token: string };
    const text = await readFile(file, 'utf8');
    expect(text).toContain(`${hashToken(token)} ann ann\n`);
    expect(text).not.toContain(token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const guarded = await startTestServer({ tokensFile: file });
    const without = await ttai(['runs'], { TTAI_URL: guarded.url });
    expect(without).toMatchObject({ code: 1, notes: expect.stringContaining('TTAI_TOKEN') });
    for (const malformed of ['a\nb', 'a b', 'a\u2026']) {
      const refused = await ttai(['runs'], { TTAI_URL: guarded.url, TTAI_TOKEN: malformed });
      expect(refused).toMatchObject({ code: 2, notes: expect.stringContaining('TTAI_TOKEN is malformed') });
      expect(refused.notes).not.toContain(malformed);
    }
    expect(await ttai(['runs'], { TTAI_URL: guarded.url, TTAI_TOKEN: token })).toMatchObject({ code: 0 });
    await guarded.stop();
  });

  it('are counted when there is more than one of an owner', async () => {
    const first = await ttai(['token', 'add', 'bea']);
    expect(first.out).not.toContain('tokens now');
    expect((await ttai(['token', 'add', 'desk', '--owner', 'bea'])).out).toContain('bea has 2 tokens now');
    expect((await ttai(['token', 'add', 'cem'])).out).not.toContain('tokens now');
  });

  it('go to the home where no file is set, and after a line without an end', async () => {
    await writeFile(join(home, 'tokens'), '# mine');
    const { out } = await ttai(['token', 'add', 'laptop', '--owner', 'local'], { HOST: '0.0.0.0' });
    expect(out).toContain(`AUTH_TOKENS_FILE='${join(home, 'tokens')}'`);
    expect(await readFile(join(home, 'tokens'), 'utf8')).toMatch(/^# mine\n[0-9a-f]{64} local laptop\n$/);
  });
});

it("an operator's token is made with --operator, and marked before its hash", async () => {
  const { out } = await ttai(['token', 'add', 'opal', '--operator']);
  expect(out).toContain("everybody's actors");
  const [token = ''] = out.split('\n');
  expect(await readFile(join(home, 'tokens'), 'utf8')).toContain(
    `\noperator ${hashToken(token)} opal opal\n`,
  );
});

describe('mcp', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));

  it('passes everything on to the server and back', async () => {
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [main, 'mcp'],
        env: { TTAI_URL: server.url, TTAI_HOME: home },
      }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(known.map(({ name }) => name));
    const answer = await client.callTool({ name: 'get_quote', arguments: { symbols: ['AAPL'] } });
    expect(answer.structuredContent).toMatchObject({ quotes: [{ symbol: 'AAPL' }] });
    await server.stop();
    await expect(client.callTool({ name: 'list_runs', arguments: {} })).rejects.toThrow(
      /No TTAI server answers/,
    );
    await client.close();
  });

  /** Runs it with this on its standard input, which then ends. */
  async function bridged(input: string, url: string): Promise<{ code: number; out: string; notes: string }> {
    const child = spawn(process.execPath, [main, 'mcp'], { env: { TTAI_URL: url, TTAI_HOME: home } });
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
    ['a server', () => server.url],
    ['none', () => nobody],
  ])('goes without a word when the host has closed its end, with %s', async (_, url) => {
    expect(await bridged('', url())).toEqual({ code: 0, out: '', notes: '' });
  });

  it('answers what was asked before the host closed its end', async () => {
    const { code, out, notes } = await bridged(initialize, server.url);
    expect({ code, notes }).toEqual({ code: 0, notes: '' });
    expect(JSON.parse(out)).toMatchObject({ id: 1, result: { serverInfo: { name: 'ttai' } } });
  });
});
