/** What actors tell each other. Written and deleted by `commit.ts` only; read here. */
import type { Database } from '../database.ts';
import type { MessageRow } from './rows.ts';

/** At most this many of one mailbox are taken at once. */
export const MAX_MESSAGES_TAKEN = 100;

/** The oldest messages to these actors, at most `limit` of each, by address, each in the order in which they were sent. */
export async function loadMessages(
  database: Database,
  addresses: readonly string[],
  limit: number,
): Promise<Map<string, MessageRow[]>> {
  const { rows } = await database.query(
    `SELECT m.id, m.to_address, m.from_address, m.kind, m.body, m.trace
     FROM unnest($1::text[]) AS mailbox(address)
     CROSS JOIN LATERAL (
       SELECT * FROM messages WHERE to_address = mailbox.address ORDER BY id LIMIT $2
     ) AS m ORDER BY m.id`,
    [addresses, limit],
  );
  const mailboxes = new Map<string, MessageRow[]>();
  for (const row of rows) {
    const message: MessageRow = {
      id: row.id as string,
      to: row.to_address as string,
      from: row.from_address as string,
      kind: row.kind as MessageRow['kind'],
      body: row.body as Record<string, unknown>,
      trace: row.trace as string | null,
    };
    const mailbox = mailboxes.get(message.to);
    if (mailbox) mailbox.push(message);
    else mailboxes.set(message.to, [message]);
  }
  return mailboxes;
}

/** The actors to which messages wait: a process that died may have left them. */
export async function waitingMailboxes(database: Database): Promise<string[]> {
  const { rows } = await database.query('SELECT DISTINCT to_address FROM messages');
  return rows.map((row) => row.to_address as string);
}
