/** The records that clients read and write, over one database: what the doors are given instead of the tables. */
import type { Database } from '../database.ts';
import { alertsNear } from './armed-alerts.ts';
import { seqBefore, toldBy, toldByType } from './catch-up.ts';
import {
  closePosition,
  deletePosition,
  insertPosition,
  insertPositions,
  knownExternalIds,
  listPositions,
  openPositions,
  positionOf,
} from './positions.ts';
import { changePreferences, preferencesOf } from './preferences.ts';
import { deleteScreener, savedScreenerOf, savedScreeners, saveScreener } from './saved-screeners.ts';
import { applySync, syncedPositions } from './synced-positions.ts';
import { deleteWebhook, insertWebhook, webhookOf, webhooksOf } from './webhooks.ts';

/** A store's function without its database. */
type Bound<F> = F extends (database: Database, ...rest: infer Rest) => infer Answer
  ? (...rest: Rest) => Answer
  : never;

/** Each is the function of its store, in whose docstring it stands. */
const stores = {
  addPosition: insertPosition,
  addPositions: insertPositions,
  knownExternalIds,
  position: positionOf,
  positions: listPositions,
  openPositions,
  closePosition,
  deletePosition,
  syncedPositions,
  applySync,
  preferences: preferencesOf,
  changePreferences,
  saveScreener,
  savedScreeners,
  savedScreener: savedScreenerOf,
  deleteScreener,
  addWebhook: insertWebhook,
  webhooks: webhooksOf,
  webhook: webhookOf,
  deleteWebhook,
  toldByType,
  toldBy,
  seqBefore,
  alertsNear,
};

export type Records = { readonly [Name in keyof typeof stores]: Bound<(typeof stores)[Name]> };

export function recordsOf(database: Database): Records {
  return Object.fromEntries(
    Object.entries(stores).map(([name, store]) => [
      name,
      (...rest: unknown[]) => (store as (...all: unknown[]) => unknown)(database, ...rest),
    ]),
  ) as Records;
}
