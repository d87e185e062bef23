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

/** So many timers over as many times 5 ms: how late each was, in milliseconds. */
async function late(timers: number): Promise<number[]> {
  const firstDue = Date.now() + 500 + timers;
  const lateMs: number[] = [];
  const due = new Map<string, number>();
  await new Promise<void>((resolve, reject) => {
    system.onCommit(({ addresses }) => {
      for (const address of addresses ?? []) {
        const at = due.get(address);
        if (at === undefined || Date.now() < at) continue;
        lateMs.push(Date.now() - at);
        if (lateMs.length === timers) resolve();
      }
    });
    for (let index = 0; index < timers; index++) {
      const key = `timer.${process.pid}.${index}`;
      due.set(`sleeper/${key}`, firstDue + index * 5);
      const delayMs = firstDue + index * 5 - Date.now();
      system.spawn('sleeper', key, { input: { delayMs }, owner: 'bench' }).catch(reject);
    }
  });
  return lateMs;
}
