/**
 * Whether the servers of this database demand tokens, kept beside what they guard: one that is started without them
 * must not open to everybody what the others guard. Not for the tokens themselves; those stand in a file.
 */
import type { Database } from './database.ts';

/** From now on this database's servers demand tokens. */
export async function rememberTokens(database: Database): Promise<void> {
  await database.query('INSERT INTO access DEFAULT VALUES ON CONFLICT DO NOTHING');
}

/** They need not any more. */
export async function forgetTokens(database: Database): Promise<void> {
  await database.query('DELETE FROM access');
}

/** Since when they do; null where none ever did, or that was given up. */
export async function tokensDemandedSince(database: Database): Promise<Date | null> {
  const { rows } = await database.query('SELECT tokens_since AS since FROM access');
  return (rows[0]?.since as Date | undefined) ?? null;
}
