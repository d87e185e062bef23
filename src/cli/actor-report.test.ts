/** What the reports say where no server of a test can be brought to: lateness, processes that are gone, long names. */
import { expect, it } from 'vitest';
import { actorList, pendingReport, stateInWords } from './actor-report.ts';

const plain = { style: (_: string, text: string) => text };
const at = '2026-03-02T15:00:00.000Z';
const error = { name: 'E', code: 'provider_unavailable', message: 'Nobody is there.', retryable: true };

const head = (owner: string, state: string) => ({
  ...{ address: 'priceAlert/0198f9a2-7c1e-7bbd-9e6c-2a9d3c1b5f00', machine: 'priceAlert', version: '1' },
  ...{ owner, status: 'active' as const, value: state, revision: 3, error: null, createdAt: at },
  updatedAt: at,
});

it('says how late a timer is, when an effect is tried again, and that nobody runs it', () => {
  const effect = {
    ...{ id: 'chart', src: 'analyzeChart', effectId: 'e', failedAttempts: 2, lastError: error },
    ...{ nextAttemptAt: '2026-03-02T15:00:30.000Z', deadline: at },
  };
  const pending = {
    at,
    timers: [{ id: 'xstate.after.1000.m.s', due: '2026-03-02T14:57:00.000Z', lateMs: 180_000, event: 'x' }],
    effects: [
      { ...effect, process: { id: 'p-1', alive: false } },
      { ...effect, process: null },
    ],
    children: [{ id: 'kid', src: 'child', address: 'child/a:1.0', status: null }],
    unreadMessages: 1,
  };
  const actor = head('local', 'charting');
  const lines = pendingReport({ actor, pending, deadLetters: 2 }, plain).join('\n');
  for (const words of [
    'late by 3 min',
    'tried again in 30 s; failed 2 times',
    'run by process p-1, which is gone',
    'run by nobody',
    'Nobody is there. (provider_unavailable)',
    'kid: not there yet',
    '1 unread message',
    `${actor.address}: active, in charting`,
    'step threw: 2.',
  ]) {
    expect(lines).toContain(words);
  }
  const away = { ...effect, failedAttempts: 0, process: null };
  const waits = pendingReport({ actor, pending: { ...pending, effects: [away] }, deadLetters: 0 }, plain);
  expect(waits.join()).toContain('what it asks is away');
  expect(waits.join()).not.toContain('0 times');
  const ended = { ...actor, status: 'error' as const, error };
  const none = { at, timers: [], effects: [], children: [], unreadMessages: 0 };
  expect(pendingReport({ actor: ended, pending: none, deadLetters: 0 }, plain)).toEqual([
    `${actor.address}: error, in charting`,
    'Nobody is there. (provider_unavailable)',
    'It has ended, and waits for nothing.',
  ]);
});

it('keeps to 80 columns with the longest states, and shows addresses whole', () => {
  const now = Date.parse(at) + 3 * 3_600_000;
  const lines = actorList([head('local', 'a'.repeat(60)), head('system', 'b')], now);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines[1]).toMatch(/^active {2}a+… +3 h +local +priceAlert\/0198f9a2-7c1e-7bbd-9e6c-2a9d3c1b5f00$/);
  const [, quarantined] = actorList([{ ...head('local', 's'), status: 'quarantined', error }], now);
  expect(quarantined).toContain('provide');
});

it.each([
  ['idle', 'idle'],
  [{ a: { b: 'c' } }, 'a.b.c'],
  [{ a: { left: 'one', right: { two: 'three' } } }, 'a.(left.one, right.two.three)'],
  [{ x: 'one', y: {} }, 'x.one, y'],
])('names the state %j as %s', (value, words) => {
  expect(stateInWords(value)).toBe(words);
});
