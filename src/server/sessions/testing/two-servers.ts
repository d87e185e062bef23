/** Two servers on one made-up database, which each test gets anew. */
import { afterEach, beforeEach, vi } from 'vitest';
import { FakeDatabase } from './fake-database.ts';
import { startServer, type TestServer } from './server.ts';

export class TwoServers {
  database!: FakeDatabase;
  servers!: [TestServer, TestServer];

  /** To be called once in a file. */
  static use(): TwoServers {
    const two = new TwoServers();
    beforeEach(async () => {
      two.database = new FakeDatabase();
      two.servers = [
        await startServer({ ...two.database.rooms(), serverId: 'server-a' }),
        await startServer({ ...two.database.rooms(), serverId: 'server-b' }),
      ];
    });
    afterEach(async () => {
      vi.useRealTimers();
      two.database.away = false;
      await Promise.all(two.servers.map((server) => server.stop()));
    });
    return two;
  }

  /** Until an event of this type has reached a session's actor. */
  async committed(type: string): Promise<void> {
    while (!this.database.taken.some(({ event }) => event.type === type)) await nextTurn();
  }

  /** Until the server has that many connections left, and the sessions of the others know. */
  async gone(server: 0 | 1, left = 0): Promise<void> {
    while (this.servers[server].door.connections().length > left) await nextTurn();
    await nextTurn();
    await nextTurn();
  }
}

export function nextTurn(): Promise<void> {
  return new Promise(setImmediate);
}
