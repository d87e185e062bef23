/** The program of `fork.ts`: the machines of `subjects.ts` and `family.ts`, served until the process is killed. */
import { openPool } from '../../../persistence/pool.ts';
import { createActorSystem } from '../index.ts';
import { child, parent } from './family.ts';
import type { Question } from './fork.ts';
import { HeldWork } from './held-work.ts';
import { counter, waiter, worker } from './subjects.ts';

const [, , connectionString = ''] = process.argv;
const work = new HeldWork();
/** The ends of jobs whose name begins with `held`, which wait for them. */
const ends = new Map<string, PromiseWithResolvers<{ done: string }>>();
const endOf = (job: string): PromiseWithResolvers<{ done: string }> => {
  const known = ends.get(job) ?? Promise.withResolvers<{ done: string }>();
  ends.set(job, known);
  return known;
};
const system = await createActorSystem({
  pool: openPool(connectionString, () => {}),
  connectionString,
  machines: [counter, waiter, worker, parent, child],
  effects: [work.effect()],
});

async function answer(question: Question): Promise<unknown> {
  switch (question.kind) {
    case 'spawn': {
      const { machine, key, options } = question;
      const { job } = options.input as { job?: string };
      if (job !== undefined) work.answer(job, () => endOf(job).promise);
      return system.spawn(machine, key, options);
    }
    case 'send': {
      const { address, events, idempotencyKeys } = question;
      return Promise.all(
        events.map((event, index) => {
          const idempotencyKey = idempotencyKeys?.[index];
          return system.send(address, event, idempotencyKey === undefined ? {} : { idempotencyKey });
        }),
      );
    }
    case 'began':
      await work.began(question.job);
      return null;
    case 'finish':
      endOf(question.job).resolve({ done: question.done });
      return null;
  }
}

process.on('message', ({ id, question }: { id: number; question: Question }) => {
  answer(question).then(
    (answered) => process.send?.({ id, answer: answered }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.once('disconnect', () => process.exit());
process.send?.({ id: 0 });
