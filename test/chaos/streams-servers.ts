/** Two servers on one database: started, killed, started again. Not for when; that is streams.ts. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from './random.ts';
import type { StreamsQuestion, StreamsSettings } from './streams-worker.ts';
import { Worker } from './workers.ts';

interface Server {
  worker: Worker;
  /** Null until its doors are open. */
  url: string | null;
}

export class StreamServers {
  readonly #home: string;
  readonly #settings: StreamsSettings;
  readonly #servers: Server[] = [];
  readonly #killed = new Set<Worker>();
  /** Of servers that ended without being killed. */
  readonly crashes: string[] = [];
  #ending = false;

  private constructor(home: string, settings: StreamsSettings) {
    this.#home = home;
    this.#settings = settings;
  }

  static async start(size: number, home: string, settings: StreamsSettings): Promise<StreamServers> {
    const servers = new StreamServers(home, settings);
    // One after the other: the first migrates.
    for (let index = 0; index < size; index++) await servers.restart(index);
    return servers;
  }

  /** Where a client turns next: any that was started, be it dead by now. */
  pick(random: Random): string | null {
    return random.pick(this.#servers).url;
  }

  async restart(index: number): Promise<void> {
    if (this.#servers[index]?.worker.isAlive) return;
    const home = await mkdtemp(join(this.#home, 'server-'));
    const { env, plant } = this.#settings;
    const settings: StreamsSettings = { env: { ...env, TTAI_HOME: home, PORT: '0' }, plant };
    const server: Server = { worker: new Worker('streams-worker.ts', settings), url: null };
    const { worker } = server;
    void worker.ended.then(({ code, signal }) => {
      if (this.#killed.has(worker) || this.#ending) return;
      this.crashes.push(`the server ${index} ended by itself (${code ?? signal})`);
    });
    this.#servers[index] = server;
    if (!(await worker.ready)) throw new Error(`the server ${index} did not start`);
    server.url = (await worker.ask<{ url: string }>({ kind: 'url' } satisfies StreamsQuestion)).url;
  }

  async kill(index: number): Promise<void> {
    const worker = this.#servers[index]?.worker;
    if (!worker) return;
    this.#killed.add(worker);
    worker.signal('SIGKILL');
    await worker.ended;
  }

  async end(): Promise<void> {
    this.#ending = true;
    for (const { worker } of this.#servers) worker.signal('SIGKILL');
    await Promise.all(this.#servers.map(({ worker }) => worker.ended));
  }
}
