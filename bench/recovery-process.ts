/** A process that runs pipelines, so many at once, until it is killed or told to rest. A program of recovery.ts. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createActorSystem, effect } from '../src/actors/runtime/index.ts';
import { openPool } from '../src/persistence/pool.ts';
import { KILOBYTE, pipeline } from './machines.ts';
import { answerQuestions } from './processes.ts';

/** So many effects are running at any moment that a kill meets as many. */
const EFFECT_MS = 250;
const PATIENCE_MS = 30_000;

export interface Loaded {
  running: number;
}

export interface Continued {
  /** In milliseconds since 1970, of the actors that were continued. */
  startedAt: number[];
}

type Question =
  | { kind: 'load' }
  | { kind: 'continue'; addresses: string[]; since: number }
  | { kind: 'rest' };

const settings = JSON.parse(process.argv[2] ?? '{}') as {
  connectionString: string;
  name: string;
  atOnce: number;
};
const { connectionString, name, atOnce } = settings;
const pool = openPool(connectionString, () => {});
/** When each actor's latest effect began here. */
const began = new Map<string, number>();
let onBegun: () => void = () => {};
const work = effect(
  'work',
  { input: z.unknown(), output: z.string(), concurrency: 1_000 },
  async (_, { signal, address }) => {
    began.set(address, Date.now());
    onBegun();
    await delay(EFFECT_MS, undefined, { signal });
    return KILOBYTE;
  },
);
const system = await createActorSystem({ pool, connectionString, machines: [pipeline], effects: [work] });

let resting = false;
const lanes: Promise<void>[] = [];
let spawned = 0;

async function lane(): Promise<void> {
  while (!resting) {
    const key = `${name}.${spawned++}`;
    const address = await system.spawn('pipeline', key, { input: {}, owner: 'bench' });
    await system.waitFor(address, 'done', { timeoutMs: PATIENCE_MS });
  }
}

/** Resolves when the condition holds, looked at whenever an effect begins; or when nobody would wait longer. */
async function until(met: () => boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = setTimeout(resolve, PATIENCE_MS);
    onBegun = () => {
      if (!met()) return;
      clearTimeout(over);
      onBegun = () => {};
      resolve();
    };
    onBegun();
  });
}

answerQuestions<Question>(
  async (question) => {
    switch (question.kind) {
      case 'load':
        for (let index = 0; index < atOnce; index++) lanes.push(lane());
        await until(() => began.size >= atOnce);
        return { running: began.size } satisfies Loaded;
      case 'continue': {
        const { addresses, since } = question;
        const first = new Map<string, number>();
        await until(() => {
          for (const address of addresses) {
            const at = began.get(address);
            if (at !== undefined && at >= since && !first.has(address)) first.set(address, at);
          }
          return first.size === addresses.length;
        });
        return { startedAt: [...first.values()] } satisfies Continued;
      }
      case 'rest': {
        resting = true;
        await Promise.all(lanes);
        // What was taken over from others, too.
        const { actors } = await system.list({ status: 'active', limit: 500 });
        await Promise.allSettled(
          actors.map(({ address }) => system.waitFor(address, 'done', { timeoutMs: PATIENCE_MS })),
        );
        return {};
      }
    }
  },
  async () => {
    resting = true;
    await system.drain();
    await pool.end();
  },
);
