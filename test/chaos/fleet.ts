/**
 * The worker processes of the chaos run, each behind a proxy of its own: started, killed, frozen, started again. Notes
 * those that fell by themselves. Not for when what is done; that is `nemesis.ts`.
 */
import { join } from 'node:path';
import type { ActorsSettings } from './actors-worker.ts';
import { PostgresProxy } from './postgres-proxy.ts';
import type { Random } from './random.ts';
import { Worker } from './workers.ts';

export class Fleet {
  readonly #settings: ActorsSettings;
  readonly #workers: Worker[] = [];
  readonly #killed = new Set<Worker>();
  readonly #proxies: PostgresProxy[];
  /** Processes that ended without being killed. */
  readonly crashes: string[] = [];
  #ending = false;

  private constructor(settings: ActorsSettings, proxies: PostgresProxy[]) {
    this.#settings = settings;
    this.#proxies = proxies;
  }

  static async start(size: number, home: string, settings: ActorsSettings): Promise<Fleet> {
    const proxies = await Promise.all(
      Array.from({ length: size }, (_, index) =>
        PostgresProxy.open(join(home, `proxy${index}`), settings.connectionString),
      ),
    );
    const fleet = new Fleet(settings, proxies);
    await Promise.all(proxies.map((_, index) => fleet.restart(index)));
    return fleet;
  }

  get size(): number {
    return this.#proxies.length;
  }

  /** Where clients turn: to any that has not ended, be it frozen. Undefined when there is none. */
  pick(random: Random): Worker | undefined {
    const alive = this.#workers.filter((worker) => worker.isAlive);
    return alive.length > 0 ? random.pick(alive) : undefined;
  }

  /** Starts a worker where none lives, and waits until it serves. */
  async restart(index: number): Promise<void> {
    const proxy = this.#proxies[index];
    if (!proxy || this.#workers[index]?.isAlive) return;
    const worker = new Worker('actors-worker.ts', {
      ...this.#settings,
      connectionString: proxy.connectionString,
    } satisfies ActorsSettings);
    this.#workers[index] = worker;
    void worker.ended.then(({ code, signal }) => {
      const wasAsked = this.#killed.has(worker) || (this.#ending && code === 0);
      if (!wasAsked) this.crashes.push(`the process ${index} ended by itself (${code ?? signal})`);
    });
    await worker.ready;
  }

  async kill(index: number): Promise<void> {
    const worker = this.#workers[index];
    if (!worker) return;
    this.#killed.add(worker);
    worker.signal('SIGKILL');
    await worker.ended;
  }

  freeze(index: number): void {
    this.#workers[index]?.signal('SIGSTOP');
  }

  thaw(index: number): void {
    this.#workers[index]?.signal('SIGCONT');
  }

  proxy(index: number): PostgresProxy {
    const proxy = this.#proxies[index];
    if (!proxy) throw new RangeError(`there is no process ${index}`);
    return proxy;
  }

  /** Everything runs and nothing is cut off. A worker that could not start meanwhile is started again. */
  async heal(): Promise<void> {
    for (let index = 0; index < this.size; index++) {
      this.thaw(index);
      this.proxy(index).resume();
    }
    await Promise.all(this.#proxies.map((_, index) => this.restart(index)));
  }

  /** Shuts all down as at the end of a server's life. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  /** When nobody asks any more. */
  async close(): Promise<void> {
    this.#ending = true;
    for (const [index, worker] of this.#workers.entries()) if (worker.isAlive) await this.kill(index);
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}
