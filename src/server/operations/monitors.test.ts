import { beforeEach, describe, expect, it } from 'vitest';
import { TtaiError } from '../../actors/runtime/errors.ts';
import { DEFAULT_RULES } from '../../machines/portfolio-rules.ts';
import { fakeRooms } from '../testing/fake-rooms.ts';
import type { FakeSystem } from '../testing/fake-system.ts';
import { type OperationContext, operations } from './index.ts';
import { monitorOf, monitorView } from './monitor-view.ts';

let system: FakeSystem;
let context: OperationContext;

beforeEach(() => {
  const rooms = fakeRooms();
  system = rooms.system;
  context = { ...rooms, owner: 'local', operator: false, source: 'test' };
});

interface Answer {
  monitor: { monitorId: string; [field: string]: unknown };
  monitors: Record<string, unknown>[];
  alreadyRunning: boolean;
}

async function ask(name: string, input: unknown, owner = 'local'): Promise<{ output: Answer; text: string }> {
  const operation = operations.find((candidate) => candidate.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  const { output, text } = await operation.call({ ...context, owner }, input);
  return { output: output as unknown as Answer, text };
}
const call = async (...asked: Parameters<typeof ask>): Promise<Answer> => (await ask(...asked)).output;

async function errorOf(promise: Promise<unknown>): Promise<TtaiError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof TtaiError) return error;
  throw new Error(`not a TtaiError: ${String(error)}`);
}

const delta = { type: 'delta_breach', threshold: 0.4 };
const alert = {
  at: '2026-03-02T15:00:00Z',
  type: 'delta_breach',
  symbol: 'AAPL',
  positionId: 'p1',
  value: 0.6,
  threshold: 0.5,
  message: 'AAPL short put: |delta| 0.6, limit 0.5',
  asOf: '2026-03-02T14:59:59Z',
  source: 'simulated',
};
const lastCheck = {
  at: '2026-03-02T15:00:00Z',
  open: true,
  positions: 3,
  unknown: 1,
  problem: null,
  asOf: '2026-03-02T15:00:00Z',
  source: 'simulated',
};

describe('monitors', () => {
  it('start with the usual rules, once for each portfolio; a running one stays as it is', async () => {
    const first = await call('start_monitor', {});
    expect(first).toMatchObject({
      alreadyRunning: false,
      monitor: { portfolio: 'main', status: 'active', everySeconds: 60, rules: DEFAULT_RULES },
    });
    const again = await ask('start_monitor', { rules: [delta], everySeconds: 10 });
    expect(again.output).toMatchObject({
      alreadyRunning: true,
      monitor: { monitorId: first.monitor.monitorId, everySeconds: 60, rules: DEFAULT_RULES },
    });
    expect(again.text).toMatch(/^Already running: monitor .*, portfolio main, active, every 60 s, 6 rules/);
    expect(await call('start_monitor', { portfolio: ' main ' })).toMatchObject({ alreadyRunning: true });
    await expect(call('start_monitor', { portfolio: ' ' })).rejects.toThrow(/portfolio/);
    const other = await call('start_monitor', { portfolio: 'ira', rules: [{ ...delta, symbol: ' aapl ' }] });
    expect(other).toMatchObject({
      alreadyRunning: false,
      monitor: { rules: [{ ...delta, symbol: 'AAPL', coolDownMinutes: 1_440 }] },
    });
  });

  it('are at most 20 of one owner, whoever else has some', async () => {
    for (let number = 0; number < 20; number++) await call('start_monitor', { portfolio: `p${number}` });
    const error = await errorOf(call('start_monitor', {}));
    expect(error).toMatchObject({ code: 'too_many_monitors', details: { limit: 20 } });
    expect(await call('start_monitor', { portfolio: 'p3' })).toMatchObject({ alreadyRunning: true });
    expect(await call('start_monitor', {}, 'ann')).toMatchObject({ alreadyRunning: false });
    expect((await call('get_monitor', {})).monitors).toHaveLength(20);
  });

  it('are read with what they have seen, and listed without their alerts', async () => {
    const { monitor } = await call('start_monitor', {});
    const address = `portfolioMonitor/${monitor.monitorId}`;
    const { context: fields } = await system.snapshot(address);
    const reason = { code: 'analysis_unavailable', message: 'the analysis service can not be reached' };
    system.move(address, {
      context: {
        ...fields,
        checks: 9,
        lastCheck,
        alertCount: 60,
        alerts: Array(50).fill(alert),
        waiting: 2,
        health: { failures: 3, since: lastCheck.at, reason, told: true },
      },
    });
    const { output, text } = await ask('get_monitor', { monitorId: monitor.monitorId });
    expect(output.monitors[0]).toMatchObject({
      checks: 9,
      lastCheck,
      alertCount: 60,
      waiting: 2,
      health: { status: 'blind', since: lastCheck.at, reason },
    });
    expect(output.monitors[0]?.alerts).toHaveLength(10);
    for (const part of ['simulated', 'as of', '|delta| 0.6', 'blind: the analysis service']) {
      expect(text).toContain(part);
    }
    const all = await call('get_monitor', { monitorId: monitor.monitorId, alerts: 50 });
    expect(all.monitors[0]?.alerts).toHaveLength(50);
    expect((await call('get_monitor', {})).monitors).toMatchObject([{ alertCount: 60, alerts: [] }]);
    expect((await call('get_monitor', {}, 'ann')).monitors).toEqual([]);
  });

  it('are updated, checked and stopped; a stopped one is not updated, and gives way to a new one', async () => {
    const { monitor } = await call('start_monitor', {});
    const { monitorId } = monitor;
    expect(await call('update_monitor', { monitorId, rules: [delta] })).toMatchObject({
      monitor: { rules: [delta], everySeconds: 60 },
    });
    expect(await call('update_monitor', { monitorId, everySeconds: 300 })).toMatchObject({
      monitor: { rules: [delta], everySeconds: 300 },
    });
    await call('update_monitor', { monitorId, checkNow: true });
    expect(await call('stop_monitor', { monitorId })).toMatchObject({ monitor: { status: 'stopped' } });
    expect(await call('stop_monitor', { monitorId })).toMatchObject({ monitor: { status: 'stopped' } });
    const error = await errorOf(call('update_monitor', { monitorId, checkNow: true }));
    expect(error).toMatchObject({
      code: 'actor_ended',
      details: { hint: expect.stringContaining('Start a new') },
    });
    expect((await call('get_monitor', {})).monitors).toEqual([]);
    expect((await call('get_monitor', { monitorId })).monitors).toMatchObject([{ status: 'stopped' }]);
    expect((await call('start_monitor', {})).monitor.monitorId).not.toBe(monitorId);
  });

  it('of another owner are answered like missing ones, and stay as they are', async () => {
    const { monitor } = await call('start_monitor', {}, 'ann');
    const before = await system.snapshot(`portfolioMonitor/${monitor.monitorId}`);
    const inputs: [string, object][] = [
      ['get_monitor', {}],
      ['update_monitor', { checkNow: true }],
      ['update_monitor', { rules: [delta] }],
      ['stop_monitor', {}],
    ];
    for (const [name, more] of inputs) {
      const messages: string[] = [];
      for (const monitorId of [monitor.monitorId, crypto.randomUUID(), '../priceAlert/x', 'main']) {
        const error = await errorOf(call(name, { monitorId, ...more }));
        expect(error.code).toBe('monitor_not_found');
        messages.push(error.message.replace(monitorId, 'ID'));
      }
      expect(new Set(messages).size).toBe(1);
    }
    expect(await system.snapshot(before.address)).toEqual(before);
  });

  it('of an older machine show less, and break nothing', async () => {
    const address = await system.spawn('portfolioMonitor', 'x', { input: { rules: 7 }, owner: 'local' });
    const shown = monitorOf(await system.snapshot(address));
    expect(monitorView.safeParse(shown).success).toBe(true);
    expect(shown).toMatchObject({ portfolio: '', rules: [], lastCheck: null });
  });
});

describe('wrong input is invalid_input with the field', () => {
  const monitorId = crypto.randomUUID();
  it.each<[name: string, operation: string, input: object, field: string, words: string]>([
    [
      'an unknown type',
      'start_monitor',
      { rules: [{ type: 'gamma', threshold: 1 }] },
      'rules.0.type',
      'delta_breach',
    ],
    ['no rules', 'start_monitor', { rules: [] }, 'rules', 'stop the monitor'],
    ['too many', 'start_monitor', { rules: Array(51).fill(delta) }, 'rules', '50'],
    ['one twice', 'start_monitor', { rules: [delta, delta] }, 'rules.1', 'the same as rule 0'],
    [
      'a delta in percent',
      'start_monitor',
      { rules: [{ ...delta, threshold: 40 }] },
      'rules.0.threshold',
      'up to 1',
    ],
    [
      'a level of delta',
      'start_monitor',
      { rules: [{ ...delta, threshold: 'high' }] },
      'rules.0.threshold',
      'a number',
    ],
    [
      'no threshold',
      'start_monitor',
      { rules: [{ type: 'dte_warning' }] },
      'rules.0.threshold',
      'must be a number',
    ],
    ['a wrong symbol', 'start_monitor', { rules: [{ ...delta, symbol: "A'" }] }, 'rules.0.symbol', 'ticker'],
    [
      'a cool-down of nothing',
      'start_monitor',
      { rules: [{ ...delta, coolDownMinutes: 0 }] },
      'rules.0.coolDownMinutes',
      '1',
    ],
    ['too often', 'start_monitor', { everySeconds: 9 }, 'everySeconds', '10'],
    ['too seldom', 'start_monitor', { everySeconds: 3_601 }, 'everySeconds', '3600'],
    ['a portfolio without a name', 'start_monitor', { portfolio: '' }, 'portfolio', ''],
    ['a portfolio with NUL', 'start_monitor', { portfolio: '\u0000' }, 'portfolio', 'control'],
    [
      'nothing to update',
      'update_monitor',
      { monitorId },
      '(whole input)',
      'rules or an interval, or ask for a check',
    ],
    ['no id', 'stop_monitor', {}, 'monitorId', ''],
    ['too many alerts', 'get_monitor', { monitorId, alerts: 51 }, 'alerts', '50'],
  ])('%s', async (_name, operation, input, field, words) => {
    const error = await errorOf(call(operation, input));
    expect(error.code).toBe('invalid_input');
    const issues = error.details?.issues as { field: string; message: string }[];
    expect(issues.find((issue) => issue.field === field)?.message).toContain(words);
    expect(system.actors.size).toBe(0);
  });
});
