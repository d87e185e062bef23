/**
 * Stands between one worker and Postgres on a socket of its own, and can cut that worker off alone: by dropping its
 * connections, or by letting nothing through for a while.
 */
import { mkdir, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

interface Pair {
  client: Socket;
  server: Socket;
}

export class PostgresProxy {
  readonly #target: string;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #stalled = false;
  readonly connectionString: string;

  private constructor(target: string, connectionString: string) {
    this.#target = target;
    this.connectionString = connectionString;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#connect(client));
  }

  /** `folder` is made; `connectionString` names a folder of sockets as its host. */
  static async open(folder: string, connectionString: string): Promise<PostgresProxy> {
    await mkdir(folder, { recursive: true });
    const url = new URL(connectionString.replace('@/', '@socket/'));
    const file = `.s.PGSQL.${url.searchParams.get('port') ?? 5432}`;
    const target = join(url.searchParams.get('host') ?? '', file);
    url.searchParams.set('host', folder);
    const proxy = new PostgresProxy(target, url.href.replace('@socket/', '@/'));
    const own = join(folder, file);
    await rm(own, { force: true });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(own, resolve);
    });
    return proxy;
  }

  /** Breaks all connections. New ones are taken at once. */
  drop(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Nothing gets through in either direction, and nobody is told. */
  stall(): void {
    this.#stalled = true;
    for (const { client, server } of this.#pairs) {
      client.unpipe(server).pause();
      server.unpipe(client).pause();
    }
  }

  resume(): void {
    // What flows already would flow twice.
    if (!this.#stalled) return;
    this.#stalled = false;
    for (const pair of this.#pairs) flow(pair);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.drop();
    await closed;
  }

  #connect(client: Socket): void {
    const server = createConnection(this.#target);
    const pair = { client, server };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    if (!this.#stalled) flow(pair);
  }
}

function flow({ client, server }: Pair): void {
  client.pipe(server);
  server.pipe(client);
}
