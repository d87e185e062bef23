import { expect, test } from 'vitest';
import { checkStreams, type Seen } from './streams-checker.ts';

const told = new Map([['ann', ['a1', 'a2', 'a3', 'a4']]]);
const welcome = (said: number | null, lastSeq: number, sessionId = 's'): Seen => ({
  kind: 'welcome',
  said,
  lastSeq,
  sessionId,
});
const told1 = (seq: number, id = `a${seq}`): Seen => ({ kind: 'notification', seq, id });

function rulesOf(...seen: Seen[]): string[] {
  return checkStreams([{ name: 'client 0', owner: 'ann', seen }], { told, settled: true }).map(
    ({ rule }) => rule,
  );
}

test('a whole stream over two connections breaks no rule', () => {
  expect(rulesOf(welcome(null, 1), told1(2), told1(3), welcome(3, 3), told1(4))).toEqual([]);
});

test.each([
  { breaks: 'no gap', seen: [welcome(null, 1), told1(2), told1(4)] },
  { breaks: 'no gap', seen: [welcome(null, 1), told1(3), told1(4)] },
  { breaks: 'no repeat', seen: [welcome(null, 1), told1(2), told1(2), told1(3), told1(4)] },
  { breaks: 'no repeat', seen: [welcome(null, 2), told1(3), welcome(3, 3), told1(3), told1(4)] },
  { breaks: 'begins where the client is', seen: [welcome(null, 2), told1(3), told1(4), welcome(4, 3)] },
  { breaks: "the owner's own", seen: [welcome(null, 2), told1(3, 'b3'), told1(4)] },
  { breaks: 'session kept', seen: [welcome(null, 4), welcome(4, 4, 'other')] },
  { breaks: 'session kept', seen: [welcome(null, 4), { kind: 'lost', code: 'session_not_found' } as const] },
  { breaks: 'all arrive', seen: [welcome(null, 1), told1(2), told1(3)] },
  { breaks: 'all arrive', seen: [] },
])('$breaks', ({ breaks, seen }) => {
  expect(rulesOf(...seen)).toEqual([breaks]);
});

test('what has not arrived yet is no violation before everything had its time', () => {
  const seen = [welcome(null, 1), told1(2)];
  expect(checkStreams([{ name: 'c', owner: 'ann', seen }], { told, settled: false })).toEqual([]);
});
