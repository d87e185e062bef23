/** A way to Postgres for a connection of a test: it can go dead, so that nothing comes through and nobody is told. */
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export class WayToPostgres {
  readonly connectionString: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(connectionString: string, server: Server, sockets: Set<Socket>) {
    this.connectionString = connectionString;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async open(connectionString: string): Promise<WayToPostgres> {
    const url = new URL(connectionString.replace('@/', '@socket/'));
    const folder = url.searchParams.get('host');
    const port = Number(url.searchParams.get('port') ?? (url.port || 5432));
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const postgres = folder
        ? createConnection(join(folder, `.s.PGSQL.${port}`))
        : createConnection(port, url.hostname);
      const end = () => {
        client.destroy();
        postgres.destroy();
      };
      for (const socket of [client, postgres]) {
        sockets.add(socket.on('error', end).on('close', end));
        socket.on('close', () => sockets.delete(socket));
      }
      client.pipe(postgres);
      postgres.pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url.searchParams.delete('host');
    url.searchParams.delete('port');
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new WayToPostgres(url.href, server, sockets);
  }

  /** The connections that there are are dead from here on; new ones are not. */
  goDead(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
