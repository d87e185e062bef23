/** R13: a start whose database does not let it in says whether trying again can help. */
import { describe, expect, test } from 'vitest';
import { databaseUrl } from '../../../../test/database-url.ts';
import { createActorSystem } from '../index.ts';
import { useWorld } from '../testing/world.ts';

const world = useWorld();

describe('R13: a start says of its database whether trying again can help', () => {
  test.each<[what: string, changed: (url: string) => string, retryable: boolean]>([
    ['that does not exist', (url) => databaseUrl(url, 'nobody_made_this'), false],
    ['that does not know the user', (url) => url.replace(/\/\/[^:@/]*/, '//nobody_made_this'), false],
    ['where no server listens', () => 'postgresql://me:secret@127.0.0.1:9/mine', true],
  ])('a database %s', async (_, changed, retryable) => {
    const database = changed(world.database.connectionString);
    const started = createActorSystem({ database, machines: [], effects: [] });
    await expect(started).rejects.toMatchObject({ code: 'unavailable', retryable });
  });
});
