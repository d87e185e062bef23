import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server/testing/test-server.ts';
import { notificationLine } from './alert-report.ts';
import { runCli } from './main.ts';

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.stop());

async function monitor(...args: string[]): Promise<{ code: number; out: string; notes: string }> {
  const out: string[] = [];
  const notes: string[] = [];
  const terminal = {
    out: (line: string) => out.push(line),
    note: (line: string) => notes.push(line),
    status: undefined,
    style: (_: string, text: string) => text,
  };
  const code = await runCli(['monitor', ...args], { env: { TTAI_URL: server.url }, terminal });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

async function started(...args: string[]): Promise<string> {
  const { out } = await monitor('start', ...args, '--json');
  return (JSON.parse(out) as { monitor: { monitorId: string } }).monitor.monitorId;
}

describe('monitor', () => {
  it('starts one with rules as they were typed, and says so when there is one', async () => {
    const rules = [
      '--rule',
      'delta_breach=0.4',
      '--rule',
      'price_below=200@aapl',
      '--rule',
      'assignment_risk=high',
    ];
    const { code, out } = await monitor('start', ...rules, '--cool-down', '60', '--every', '120');
    expect(out).toMatch(/^Portfolio main {2}active {2}\(every 120 s while the market is open\)$/m);
    expect(out).toMatch(/delta_breach +0.4 +all +60 min/);
    expect(out).toMatch(/price_below +200 +AAPL +60 min/);
    expect(out).toMatch(/assignment_risk +high +all +60 min/);
    expect(code).toBe(0);
    const again = await monitor('start', '--rule', 'dte_warning=5');
    expect(again.notes).toContain('It is watched already');
    expect(again.out).not.toContain('dte_warning');
  });

  it('lists, shows, updates and stops it', async () => {
    expect((await monitor('list')).out).toContain('No monitors. Start one');
    const id = await started();
    const { address, context } = await server.system.snapshot(`portfolioMonitor/${id}`);
    const at = '2026-03-02T15:00:00Z';
    const problem = { code: 'symbol_not_found', message: 'Nobody knows NOPE.' };
    const market = { asOf: at, source: 'simulated' };
    const alert = { at, type: 'delta_breach', symbol: 'AAPL', positionId: 'p', value: 0.6, threshold: 0.5 };
    server.system.move(address, {
      context: {
        ...context,
        checks: 7,
        lastCheck: { at, open: true, positions: 3, unknown: 1, problem, ...market },
        alertCount: 4,
        waiting: 2,
        alerts: [{ ...alert, message: 'AAPL \u001b[2Jshort put: |delta| 0.6, limit 0.5', ...market }],
        health: { failures: 4, since: at, reason: { code: 'timeout', message: 'too slow' }, told: true },
      },
    });
    const { out } = await monitor('show', id);
    for (const part of [
      'SIMULATED DATA',
      'simulated market, open, 3 positions, 1 without a fresh value',
      'Nobody knows NOPE.',
      'too slow',
      '4, and 2 that come with later checks',
      'AAPL \\x1b[2Jshort put: |delta| 0.6, limit 0.5  SIMULATED ',
    ]) {
      expect(out).toContain(part);
    }
    expect((await monitor('list')).out).toContain(
      '\nPortfolio main: 1 without a fresh value: Nobody knows NOPE.',
    );
    expect((await monitor('list')).out).toMatch(
      /^main +6 .* 3, 1 without a fresh value +simulated +4 +blind +[0-9a-f-]{36}$/m,
    );
    expect((await monitor('update', id, '--rule', 'profit_target=75', '--every', '30')).out).toMatch(
      /every 30 s[\s\S]*profit_target +75/,
    );
    expect((await monitor('update', id, '--check-now')).code).toBe(0);
    expect((await monitor('stop', id)).out).toContain('Portfolio main  stopped');
    expect((await monitor('list')).out).toContain('No monitors.');
    expect(await monitor('update', id, '--check-now')).toMatchObject({
      code: 1,
      notes: expect.stringMatching(/is stopped\. Start a new one for its portfolio\. \(actor_ended\)/),
    });
  });

  it('what it tells is one line of "watch"', () => {
    const line = (type: string, data: object) =>
      notificationLine(
        { type, at: '2026-03-02T15:00:00Z', data: { ...data } },
        { style: (_: string, text: string) => text },
      );
    const message = 'AAPL short put: |delta| 0.6, limit 0.5';
    expect(line('position_alert', { message, symbol: 'AAPL', source: 'simulated' })).toMatch(
      /position_alert {2}SIMULATED\. AAPL short put: \|delta\| 0\.6, limit 0\.5$/,
    );
    expect(line('monitor_health', { message: 'It sees again.' })).toMatch(
      /monitor_health {2}It sees again\.$/,
    );
  });

  it.each([
    [['start', '--rule', 'delta'], '"delta" is not a rule such as delta_breach=0.5'],
    [['start', '--rule', 'gamma=1'], 'rules, item 1, type: '],
    [['start', '--rule', 'delta_breach=40'], 'delta_breach takes more than 0 up to 1'],
    [['start', '--cool-down', '5'], '--cool-down is of rules'],
    [['start', '--every', '5'], '--every: must be at least 10'],
    [['update', 'x', '--check-now'], 'There is no monitor x.'],
    [['update', 'x'], 'give rules or an interval, or ask for a check'],
    [['show'], "missing required argument 'monitorId'"],
  ])('%j says what is wrong', async (args, words) => {
    const { code, notes } = await monitor(...args);
    expect(notes).toContain(words);
    expect(code).toBe(words.includes('no monitor') ? 1 : 2);
    expect(server.system.actors.size).toBe(0);
  });
});
