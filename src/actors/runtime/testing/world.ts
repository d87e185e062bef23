/** A database for a test file, and the actor systems that a test starts on it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/database.ts';
import {
  type ActorSystem,
  type ActorSystemOptions,
  createActorSystem,
  type DurableMachine,
} from '../index.ts';
import { HeldWork } from './held-work.ts';
import { counter, waiter, worker } from './subjects.ts';

export class World {
  /** What the effect `work` does. */
  readonly work = new HeldWork();
  readonly #systems: ActorSystem[] = [];
  #database: TestDatabase | undefined;

  get database(): TestDatabase {
    if (!this.#database) throw new Error('the world is opened before the first test');
    return this.#database;
  }

  /** Starts a system: with the machines of `subjects.ts` and the effect `work`, unless said. */
  async start(options: Partial<ActorSystemOptions> = {}): Promise<ActorSystem> {
    const { pool, connectionString } = this.database;
    const machines: DurableMachine[] = [counter, waiter, worker];
    const effects = [this.work.effect()];
    const system = await createActorSystem({ pool, connectionString, machines, effects, ...options });
    this.#systems.push(system);
    return system;
  }

  async open(): Promise<void> {
    this.#database = await createTestDatabase();
  }

  /** Drains the systems that a test has started. */
  async rest(): Promise<void> {
    for (const system of this.#systems.splice(0)) await system.drain({ timeoutMs: 1 });
  }

  async close(): Promise<void> {
    await this.rest();
    await this.#database?.[Symbol.asyncDispose]();
  }
}

/** A world from before the first test of a file to after its last. */
export function useWorld(): World {
  const world = new World();
  beforeAll(() => world.open());
  afterAll(() => world.close());
  return world;
}

/** A key that no other actor, event or job has. */
export const key = (): string => randomUUID();
