/**
 * A program of `pitfalls-xstate-2.test.ts`: steps of the tests' machines under XState's development build, whose throws
 * and warnings the other one does not have. Prints which build it is, and where the steps have led.
 */
import { child, parent } from './family.ts';
import { LoneActor } from './lone-actor.ts';
import { counter, waiter, worker } from './subjects.ts';

const counting = new LoneActor(counter.machine, { input: { start: 1 } });
counting.send({ type: 'ADD', by: 2 });
counting.send('THROW');
const waiting = new LoneActor(waiter.machine, { input: { delay: 1_000 } });
waiting.send('REMIND');
waiting.fire('reminder');
waiting.fire('xstate.after.patience.waiter.waiting');
const working = new LoneActor(worker.machine, { input: { job: 'x' } });
working.send('PAUSE');
working.send('RESUME');
working.end('work', { output: { done: 'x' } });
const talking = new LoneActor(parent.machine, { others: [child.machine], input: { limit: 3 } });
talking.send({ type: 'TELL', n: 1 });
talking.send('LEAVE');
talking.send('BACK');
const values = [counting, waiting, working, talking].map(({ row }) => row.value);
console.log(JSON.stringify({ build: import.meta.resolve('xstate'), values }));
