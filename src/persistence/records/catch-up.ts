/** What an owner was told since a moment, by type. Not for reading all of it, page by page; that is `Notifications`. */
import type { Database } from '../database.ts';

/** What is counted goes so far back. */
const MAX_COUNTED = 5_000;

export interface ToldOfType {
  type: string;
  count: number;
  /** Newest first. */
  newest: { seq: number; at: Date; source: string; data: Record<string, unknown> }[];
}

/** An owner's notifications after a sequence number, the last 5,000 of them: how many of each type, and the newest. */
export async function toldByType(
  database: Database,
  owner: string,
  afterSeq: number,
  newest: number,
): Promise<ToldOfType[]> {
  const { rows } = await database.query(
    `WITH told AS (
       SELECT seq, type FROM notifications WHERE owner = $1 AND seq > $2 ORDER BY seq DESC LIMIT ${MAX_COUNTED}
     ), ranked AS (
       SELECT seq, type, count(*) OVER (PARTITION BY type)::int AS count,
         row_number() OVER (PARTITION BY type ORDER BY seq DESC) AS place FROM told
     )
     SELECT n.type, r.count, n.seq::float8 AS seq, n.at, n.source, n.data
     FROM ranked r JOIN notifications n ON n.owner = $1 AND n.seq = r.seq
     WHERE r.place <= $3 ORDER BY n.type, n.seq DESC`,
    [owner, afterSeq, newest],
  );
  const groups = new Map<string, ToldOfType>();
  for (const { type, count, ...one } of rows) {
    const group = groups.get(type as string) ?? { type: type as string, count: count as number, newest: [] };
    group.newest.push(one as unknown as ToldOfType['newest'][number]);
    groups.set(group.type, group);
  }
  return [...groups.values()];
}

/**
 * Who told an owner this after a sequence number, among the last 5,000 notifications: how many actors, and the
 * addresses of those that told it last, newest first.
 */
export async function toldBy(
  database: Database,
  owner: string,
  { type, afterSeq, newest }: { type: string; afterSeq: number; newest: number },
): Promise<{ count: number; newest: string[] }> {
  const { rows } = await database.query(
    `WITH told AS (
       SELECT seq, type, source FROM notifications
       WHERE owner = $1 AND seq > $2 ORDER BY seq DESC LIMIT ${MAX_COUNTED}
     )
     SELECT source, count(*) OVER ()::int AS count FROM told WHERE type = $3
     GROUP BY source ORDER BY max(seq) DESC LIMIT $4`,
    [owner, afterSeq, type, newest],
  );
  return { count: Number(rows[0]?.count ?? 0), newest: rows.map(({ source }) => source as string) };
}

/** The last sequence number that an owner had before a moment; 0 when none is kept from before. */
export async function seqBefore(database: Database, owner: string, at: Date): Promise<number> {
  const { rows } = await database.query(
    'SELECT seq FROM notifications WHERE owner = $1 AND at < $2 ORDER BY at DESC LIMIT 1',
    [owner, at],
  );
  return Number(rows[0]?.seq ?? 0);
}
