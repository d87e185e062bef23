/** How an owner wants to be told. An owner who has said nothing has the defaults. */
import type { Database } from '../database.ts';
import { wakeListeners } from './notifications.ts';

export type Channel = 'live' | 'webhook';

export interface Preferences {
  /** An IANA name, such as Europe/Berlin. */
  timeZone: string;
  /** Where notifications are pushed; they are kept either way. */
  channels: Channel[];
  morningAlert: boolean;
  /** Webhooks wait between the two, in the owner's time zone: `HH:MM`; both or neither. */
  quietFrom: string | null;
  quietUntil: string | null;
}

export const defaultPreferences: Preferences = {
  timeZone: 'America/New_York',
  channels: ['live', 'webhook'],
  morningAlert: false,
  quietFrom: null,
  quietUntil: null,
};

const COLUMNS = `time_zone AS "timeZone", channels, morning_alert AS "morningAlert",
  to_char(quiet_from, 'HH24:MI') AS "quietFrom", to_char(quiet_until, 'HH24:MI') AS "quietUntil"`;

export async function preferencesOf(database: Database, owner: string): Promise<Preferences> {
  const { rows } = await database.query(`SELECT ${COLUMNS} FROM preferences WHERE owner = $1`, [owner]);
  return (rows[0] as Preferences | undefined) ?? defaultPreferences;
}

/** Changes what is given, at once; `quietFrom` and `quietUntil` are given both or neither. Answers all as they then are. */
export async function changePreferences(
  database: Database,
  owner: string,
  changes: Partial<Preferences>,
): Promise<Preferences> {
  const { timeZone, channels, morningAlert, quietFrom, quietUntil } = changes;
  const first = { ...defaultPreferences, ...changes };
  const { rows } = await database.query(
    `INSERT INTO preferences AS p (owner, time_zone, channels, morning_alert, quiet_from, quiet_until)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (owner) DO UPDATE SET time_zone = coalesce($7, p.time_zone), channels = coalesce($8, p.channels),
       morning_alert = coalesce($9, p.morning_alert),
       quiet_from = CASE WHEN $10 THEN $5 ELSE p.quiet_from END,
       quiet_until = CASE WHEN $10 THEN $6 ELSE p.quiet_until END, updated_at = now()
     RETURNING ${COLUMNS}`,
    [
      owner,
      first.timeZone,
      first.channels,
      first.morningAlert,
      quietFrom ?? null,
      quietUntil ?? null,
      timeZone ?? null,
      channels ?? null,
      morningAlert ?? null,
      quietFrom !== undefined,
    ],
  );
  // What has waited while `live` was left out is pushed now, and not with the next notification.
  if (channels) await wakeListeners(database, [owner]);
  return rows[0] as unknown as Preferences;
}

/** Owners who want the morning's briefing, after one in the order of their names. */
export async function ownersWantingMorning(
  database: Database,
  after: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await database.query(
    'SELECT owner FROM preferences WHERE morning_alert AND owner > $1 ORDER BY owner LIMIT $2',
    [after, limit],
  );
  return rows.map(({ owner }) => owner as string);
}
