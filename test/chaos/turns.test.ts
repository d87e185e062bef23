/** One thing at a time, in the same order each time: what the points of the crash matrix rest on. */
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

/** Notes when each was sent, and when it was answered: after so many turns of the event loop. */
function asker(turns: Turns) {
  const log: string[] = [];
  const ask = (who: object, text: string, answerAfter: number, answered: () => void = () => {}) =>
    turns.take(who, text, (end) => {
      log.push(`${text} sent`);
      const answer = (left: number): void => {
        if (left > 0) {
          setImmediate(() => answer(left - 1));
          return;
        }
        log.push(`${text} answered`);
        end();
        answered();
      };
      answer(answerAfter);
    });
  return { log, ask };
}

test('statements are sent one after the other, in the order in which they were asked for', async () => {
  const turns = new Turns();
  const { log, ask } = asker(turns);
  ask({}, 'slow', 9, () => ask({}, 'what follows', 1));
  ask({}, 'quick', 1);
  await turns.still();
  expect(log).toEqual([
    'slow sent',
    'slow answered',
    'quick sent',
    'quick answered',
    'what follows sent',
    'what follows answered',
  ]);
});

test('between BEGIN and COMMIT only its own connection has a turn', async () => {
  const turns = new Turns();
  const { log, ask } = asker(turns);
  const connection = {};
  ask(connection, 'BEGIN', 1, () => setImmediate(() => ask(connection, 'COMMIT', 1)));
  ask({}, 'another', 1);
  await turns.still();
  expect(log.filter((line) => line.endsWith('sent'))).toEqual(['BEGIN sent', 'COMMIT sent', 'another sent']);
});

test('what comes from outside begins one by one, when nothing is under way', async () => {
  const turns = new Turns();
  const { log, ask } = asker(turns);
  turns.whenStill(() => ask({}, 'first', 5, () => ask({}, 'what follows', 5)));
  turns.whenStill(() => ask({}, 'second', 5));
  await turns.still();
  expect(log.filter((line) => line.endsWith('sent'))).toEqual([
    'first sent',
    'what follows sent',
    'second sent',
  ]);
});

test('at the end all that waits is sent at once', async () => {
  const turns = new Turns();
  const { log, ask } = asker(turns);
  ask({}, 'first', 1_000);
  ask({}, 'second', 1_000);
  ask({}, 'third', 1_000);
  turns.sendAll();
  expect(log).toEqual(['first sent', 'second sent', 'third sent']);
});
