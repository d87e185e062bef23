/** `data fetch` and `calibrate`: what is shown of what Python does, with the real Python. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from './main.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ttai local '));
});
afterEach(() => rm(home, { recursive: true }));

async function ttai(args: string[], { tty = false } = {}) {
  const out: string[] = [];
  const notes: string[] = [];
  const drawn: string[] = [];
  const code = await runCli(args, {
    env: { ...process.env, TTAI_HOME: home, MARKET_DATA_AS_OF: '2026-03-18T21:00:00Z' },
    terminal: {
      out: (line) => out.push(line),
      note: (line) => notes.push(line),
      status: tty ? (text) => drawn.push(text) : undefined,
      style: (_, text) => text,
    },
  });
  return { code, out: out.join('\n'), notes: notes.join('\n'), drawn };
}

const fetchCall = ['data', 'fetch', '--provider', 'simulated', '--from', '2026-01-02'];

describe('data fetch', () => {
  it('stores, says that it is simulated, and how to use it', async () => {
    const { code, out, notes } = await ttai([...fetchCall, 'msft', 'AAPL', '--chains']);
    expect(notes).toMatch(/1 of 2 {2}MSFT: \d+ bars, 2026-01-02 to 2026-03-18; \d+ contracts/);
    expect(notes).toContain('2 of 2  AAPL');
    expect(out).toContain('2 stored.');
    expect(out).toContain('SIMULATED DATA');
    const folder = join(home, 'market-data', 'simulated');
    expect(out).toContain(`MARKET_DATA_DIR='${folder}'`);
    expect(await readFile(join(folder, 'bars', 'MSFT.csv'), 'utf8')).toMatch(
      /^date,.*\n2026-01-02,.*,simulated\n/,
    );
    expect(code).toBe(0);
    const again = await ttai([...fetchCall, 'MSFT']);
    expect(again.notes).toContain('nothing new');
    expect(again.out).toContain('Nothing new: 1 was there already.');
    expect(again.out).not.toContain('1 stored');
    expect((await ttai([...fetchCall, 'MSFT', 'NVDA'])).out).toContain('1 stored, 1 there already.');
  });

  it('draws a bar on a terminal', async () => {
    const { drawn } = await ttai([...fetchCall, 'MSFT', 'AAPL'], { tty: true });
    expect(drawn[0]).toBe(`[${'.'.repeat(24)}] 0 of 2`);
    expect(drawn).toContain(`[${'#'.repeat(12)}${'.'.repeat(12)}] 1 of 2`);
    expect(drawn.at(-1)).toBe('');
  });

  it('is a failure when a symbol fails, which holds up no other', async () => {
    const { code, out, notes } = await ttai([...fetchCall, 'NOSUCH', 'MSFT']);
    expect(notes).toMatch(/1 of 2 {2}NOSUCH: .+/);
    expect(out).toContain('1 stored, 1 failed');
    expect(code).toBe(1);
  });

  it('is a wrong call without a provider, or with a date that is none', async () => {
    expect((await ttai(['data', 'fetch', 'MSFT'])).code).toBe(2);
    const late = await ttai([...fetchCall.slice(0, -1), '2030-01-01', 'MSFT']);
    expect(late).toMatchObject({ code: 2, notes: expect.stringContaining('2030-01-01 is not over') });
    const { code, notes } = await ttai([...fetchCall.slice(0, -1), 'soon', 'MSFT']);
    expect(notes).toContain("'soon' is not a date");
    expect(notes).not.toContain('usage:');
    expect(code).toBe(2);
    expect(await ttai([...fetchCall, 'MSFT', '--out', ''])).toMatchObject({
      code: 2,
      notes: '--out wants a name.',
    });
  });

  it('says where Python is missing', async () => {
    const terminal = { out: () => {}, note: (line: string) => notes.push(line), status: undefined };
    const notes: string[] = [];
    const code = await runCli([...fetchCall, 'MSFT'], {
      env: { TTAI_HOME: home, TTAI_PYTHON: join(home, 'none') },
      terminal: { ...terminal, style: (_, text) => text },
    });
    expect(notes.join('\n')).toContain('npm start');
    expect(code).toBe(2);
  });
});

describe('calibrate', () => {
  it('takes what data fetch stored, and says how to when there is nothing or more than one', async () => {
    const out = join(home, 'page.html');
    const nothing = await ttai(['calibrate', '--out', out]);
    expect(nothing).toMatchObject({ code: 2, notes: expect.stringContaining('data fetch SPY') });
    await ttai(['data', 'fetch', '--provider', 'simulated', 'MSFT', '--from', '2024-01-02']);
    const { code, notes } = await ttai(['calibrate', '--out', out]);
    expect([code, notes]).toEqual([0, expect.stringContaining('charts of MSFT')]);
    await mkdir(join(home, 'market-data', 'yahoo'));
    const two = await ttai(['calibrate', '--out', out]);
    expect(two).toMatchObject({ code: 2, notes: expect.stringMatching(/simulated.*yahoo.*--data/) });
  });

  it('says that a folder is absent, and writes nothing', async () => {
    const out = join(home, 'page.html');
    const { code, notes } = await ttai(['calibrate', '--data', join(home, 'none'), '--out', out]);
    expect(notes).toContain('There is no folder');
    expect(code).toBe(1);
    await expect(readFile(out)).rejects.toThrow();
  });

  it('says that the folder of the page is absent before it computes', async () => {
    await ttai(['data', 'fetch', '--provider', 'simulated', 'MSFT', '--from', '2024-01-02']);
    const data = join(home, 'market-data', 'simulated');
    const out = join(home, 'none', 'page.html');
    const { code, notes } = await ttai(['calibrate', '--data', data, '--out', out]);
    expect(notes).toBe(`calibrate: there is no folder ${join(home, 'none')} for the page.`);
    expect(code).toBe(1);
  });

  it('writes the page from fetched bars, and says what it lacks', async () => {
    await ttai(['data', 'fetch', '--provider', 'simulated', 'MSFT', '--from', '2024-01-02']);
    const out = join(home, 'page.html');
    const data = join(home, 'market-data', 'simulated');
    const { code, out: told, notes } = await ttai(['calibrate', '--data', data, '--out', out]);
    expect(notes).toMatch(/charts of MSFT: (\d+) of \1/);
    expect(told).toContain('No index with its VIX');
    expect(told).toContain('SIMULATED bars');
    expect(await readFile(out, 'utf8')).toContain('<table');
    expect(code).toBe(0);
  });
});

// Ctrl-C under npm comes twice, and Python hears it of the terminal, too.
it.each(['SIGINT', 'SIGTERM'] as const)('%s, twice, ends Python before it ends itself', async (signal) => {
  const symbols = ['AAPL', 'MSFT', 'NVDA', 'GOOG', 'AMZN', 'META', 'TSLA', 'AMD', 'NFLX', 'INTC'];
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const args = ['data', 'fetch', ...symbols, '--provider', 'simulated', '--chains', '--json'];
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, TTAI_HOME: home, MARKET_DATA_AS_OF: '2026-03-18T21:00:00Z' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a terminal gives it.
    detached: true,
  });
  let notes = '';
  child.stderr.on('data', (chunk: Buffer) => {
    notes += chunk.toString();
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (lines.length > 1) return;
    process.kill(-(child.pid ?? 0), signal);
    child.kill(signal);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, notes }).toEqual({ code: 130, notes: '' });
  expect(lines.length).toBeLessThan(symbols.length);
  // Nobody of its group is left.
  expect(() => process.kill(-(child.pid ?? 0), 0)).toThrow('ESRCH');
  const files = await readdir(join(home, 'market-data', 'simulated'), { recursive: true });
  expect(files.filter((file) => file.endsWith('.part'))).toEqual([]);
});
