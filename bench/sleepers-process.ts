/** A process among sleeping actors: says how it started, and wakes some. A program of sleepers.ts. */
import { createActorSystem } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { sleeper } from './machines.ts';
import { round } from './measure.ts';
import { answerQuestions } from './processes.ts';

export interface Started {
  startMs: number;
  rssMb: number;
}

export interface Wakened {
  wakeMs: number[];
  lateMs: number[];
}

type Question = { kind: 'start' } | { kind: 'wake'; addresses: string[]; timers: number };

const { connectionString } = JSON.parse(process.argv[2] ?? '{}') as { connectionString: string };
const pool = openPool(connectionString, () => {});
const began = performance.now();
const system = await createActorSystem({ pool, connectionString, machines: [sleeper], effects: [] });
const startMs = round(performance.now() - began);

answerQuestions<Question>(
  async (question) => {
    if (question.kind === 'wake') {
      const wakeMs = await wake(question.addresses);
      return { wakeMs, lateMs: await late(question.timers) } satisfies Wakened;
    }
    globalThis.gc?.();
    return { startMs, rssMb: round(process.memoryUsage.rss() / 2 ** 20) } satisfies Started;
  },
  async () => {
    await system.drain();
    await pool.end();
  },
);

/** One after the other, from the sending to the answer of the commit, in milliseconds. */
async function wake(addresses: readonly string[]): Promise<number[]> {
  const tookMs: number[] = [];
  for (const address of addresses) {
    const began = performance.now();
    await system.send(address, { type: 'WAKE' });
    tookMs.push(performance.now() - began);
  }
  return tookMs;
}

/** So many timers, 5 ms apart: how late each was committed by the deadline in its journal, in milliseconds. */
async function late(timers: number): Promise<number[]> {
  const prefix = `timer.${process.pid}`;
  const firstDue = Date.now() + 500 + timers;
  const committedAt = new Map<string, number>();
  await new Promise<void>((resolve, reject) => {
    let fired = 0;
    system.onCommit(({ addresses }) => {
      for (const address of addresses ?? []) {
        if (committedAt.has(address)) fired++;
        committedAt.set(address, Date.now());
      }
      if (fired === timers) resolve();
    });
    for (let index = 0; index < timers; index++) {
      const delayMs = firstDue + index * 5 - Date.now();
      system.spawn('sleeper', `${prefix}.${index}`, { input: { delayMs }, owner: 'bench' }).catch(reject);
    }
  });
  const lateMs: number[] = [];
  for (const [address, at] of committedAt) {
    for (const { effects } of await system.journal(address, { limit: 1 })) {
      for (const effect of effects)
        if (effect.type === '@xstate.raise') lateMs.push(at - Date.parse(effect.due));
    }
  }
  return lateMs;
}
