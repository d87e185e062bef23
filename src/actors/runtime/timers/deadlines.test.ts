/** R5: the nearest deadlines, kept in bounded memory, never miss one that the database has. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines, MAX_DEADLINES, MAX_READ } from './deadlines.ts';

const BASE = Date.parse('2026-01-05T14:00:00Z');
const jobs = (dues: number[]) =>
  dues.map((due, index) => ({ job: `job${index}`, due: new Date(BASE + due) }));

test('R5: whatever is set, heard, fired and read, the next look is never after the nearest that waits', () => {
  const due = fc.integer({ min: 0, max: 3_000 });
  const operation = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      // Often more than it holds.
      dues: fc
        .tuple(fc.integer({ min: 1, max: 2 * MAX_DEADLINES }), fc.integer({ min: 1, max: 2_999 }))
        .map(([count, stride]) => Array.from({ length: count }, (_, index) => (index * stride) % 3_000)),
    }),
    fc.record({
      kind: fc.constant('elsewhere' as const),
      dues: fc.array(due, { minLength: 1, maxLength: 5 }),
    }),
    fc.record({ kind: fc.constant('fire' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('read' as const) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
      const deadlines = new Deadlines();
      const waiting = new Map<string, number>();
      let made = 0;
      const make = (dues: number[]) =>
        dues.map((one) => {
          const job = `job${made++}`;
          waiting.set(job, one);
          return { job, due: one };
        });
      for (const one of operations) {
        if (one.kind === 'set') for (const { job, due: at } of make(one.dues)) deadlines.add(job, at);
        if (one.kind === 'elsewhere') {
          make(one.dues);
          deadlines.hear(Math.min(...one.dues));
        }
        if (one.kind === 'fire') {
          for (const job of [...waiting.keys()].slice(0, Math.floor(waiting.size * one.share))) {
            waiting.delete(job);
            deadlines.remove(job);
          }
        }
        if (one.kind === 'read') {
          const nearest = [...waiting].sort(([, a], [, b]) => a - b).slice(0, MAX_READ);
          deadlines.clear();
          deadlines.fill(
            nearest.map(([job, at]) => ({ job, due: new Date(at) })),
            nearest.length === MAX_READ,
          );
        }
        expect(deadlines.next).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...waiting.values()));
      }
    }),
    { numRuns: 200 },
  );
});

test('R5: what it knows alone decides: no look before the nearest deadline', () => {
  const deadlines = new Deadlines();
  deadlines.fill(jobs([50, 20, 20, 30]), false);
  expect(deadlines.next).toBe(BASE + 20);
  deadlines.remove('job1');
  expect(deadlines.next).toBe(BASE + 20);
  deadlines.remove('job2');
  expect(deadlines.next).toBe(BASE + 30);
  deadlines.hear(BASE + 25);
  expect(deadlines.next).toBe(BASE + 25);
  deadlines.clear();
  expect(deadlines.next).toBe(Number.POSITIVE_INFINITY);
});

test('R5: it holds so many and no more, however many are set', () => {
  const deadlines = new Deadlines();
  for (const { job, due } of jobs(Array.from({ length: 5 * MAX_DEADLINES }, (_, index) => 10_000 - index)))
    deadlines.add(job, due.getTime());
  let known = 0;
  for (let index = 0; index < 5 * MAX_DEADLINES; index++) {
    const before = deadlines.next;
    deadlines.remove(`job${5 * MAX_DEADLINES - 1 - index}`);
    if (deadlines.next === before) break;
    known++;
  }
  expect(known).toBe(MAX_DEADLINES);
});

test('R5: what it heard of is not forgotten when what it holds is too much', () => {
  const deadlines = new Deadlines();
  for (let index = 0; index < MAX_DEADLINES; index++) deadlines.add(`far${index}`, BASE + 1_000 + index);
  deadlines.hear(BASE + 500);
  deadlines.add('near', BASE + 100);
  deadlines.remove('near');
  expect(deadlines.next).toBe(BASE + 500);
});
