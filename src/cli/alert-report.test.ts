import { expect, it } from 'vitest';
import { notificationLine } from './alert-report.ts';

const plain = { style: (_: unknown, text: string) => text };
const line = (data: Record<string, unknown>) =>
  notificationLine({ type: 'screener_complete', at: '2026-03-02T15:00:00Z', data }, plain);
const rows = (...symbols: string[]) => symbols.map((symbol) => ({ symbol }));

it('tells of a screener its name, its best three, and that they are invented', () => {
  const data = { name: 'Cheap puts', status: 'completed', results: rows('F', 'T', 'KO', 'PFE', 'BAC') };
  expect(line({ ...data, source: 'simulated' })).toMatch(
    /SIMULATED\. Screener "Cheap puts" completed: F, T, KO and 2 more/,
  );
  expect(line({ ...data, name: null, results: rows('F') })).toContain('Screener completed: F');
});

it('tells why there is nothing', () => {
  const none = {
    name: null,
    status: 'completed',
    results: [],
    reasons: ['None of 503 symbols fulfils the criteria.'],
  };
  expect(line(none)).toContain('Screener completed: None of 503 symbols fulfils the criteria');
  const failed = { name: null, status: 'failed', results: rows('F'), reasons: ['The service stayed away.'] };
  expect(line(failed)).toContain('Screener failed: The service stayed away');
});

it('is the text that webhooks and assistants get, and steers no terminal', () => {
  const data = { text: 'Morning briefing\nNo open positions.\u001b[2J', source: 'simulated' };
  const told = notificationLine({ type: 'morning_briefing\u001b', at: '2026-03-02T15:00:00Z', data }, plain);
  expect(told).toMatch(
    /morning_briefing\\x1b {2}SIMULATED\. Morning briefing\n {2}No open positions\. \[2J$/,
  );
});
