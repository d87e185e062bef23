/** R13: a process that can't join leaves nothing behind: no connection, no timer, no row. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../../../test/database.ts';
import { createActorSystem } from '../index.ts';

/** What is missing when it starts; the statements at which that shows come one after the other. */
test.each(['pgboss.queue', 'public.processes', 'public.effects', 'pgboss.schedule'])(
  'R13: where %s is missing, the start is refused, and the process ends by itself',
  async (table) => {
    await using database = await createTestDatabase();
    const name = table.split('.').at(-1);
    const first = await createActorSystem({ database: database.connectionString, machines: [], effects: [] });
    await first.drain();
    await database.pool.query(`ALTER TABLE ${table} RENAME TO ${name}_gone`);
    const program = fileURLToPath(new URL('../testing/failing-start.ts', import.meta.url));
    const child = fork(program, [database.connectionString], {
      execArgv: [],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [refusal] = await once(child, 'message');
    expect(refusal).toContain(name);
    // As long as it was connected, the channel kept it.
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
    const { rows } = await database.pool.query(
      'SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    expect(rows).toEqual([]);
    if (table === 'pgboss.schedule')
      expect((await database.pool.query('SELECT FROM processes')).rowCount).toBe(0);
  },
);
