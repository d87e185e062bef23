/** The program of `r13-failed-start.test.ts`: starts a system on a URL, says why it could not, and then does nothing more. */
import { createActorSystem } from '../index.ts';
import { HeldWork } from './held-work.ts';
import { counter, waiter, worker } from './subjects.ts';

const [, , database = ''] = process.argv;
const machines = [counter, waiter, worker];
try {
  await createActorSystem({ database, machines, effects: [new HeldWork().effect()] });
  process.send?.('it has started');
} catch (error) {
  process.send?.(String(error));
}
