/**
 * For unit tests of the doors: the rooms that operations are given, over the fake system. The market knows two symbols,
 * there are two notifications, and hardly any records. Tests of several rooms use the real ones.
 */
import { PeerUnavailableError } from '../../actors/runtime/errors.ts';
import { defaultPreferences } from '../../persistence/records/preferences.ts';
import type { Records } from '../../persistence/records/records.ts';
import type { SavedScreener } from '../../persistence/records/saved-screeners.ts';
import type { OperationRooms } from '../operations/index.ts';
import type { NotificationReader, OperationAnalysis } from '../operations/operation.ts';
import type { NotificationRows } from '../sessions/delivery.ts';
import { FakeSystem } from './fake-system.ts';

const start = Date.parse('2026-03-02T15:00:00Z');

/** Quotes of AAPL and MSFT; nobody else is known. */
export const fakeAnalysis: OperationAnalysis = {
  async positions() {
    throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');
  },
  async brokerPositions() {
    throw new PeerUnavailableError('analysis_unavailable', 'the analysis service can not be reached');
  },
  async quotes(symbols) {
    const asOf = '2026-03-02T15:00:00Z';
    const known = { AAPL: 231.2, MSFT: 512.5 };
    return Object.fromEntries(
      Object.entries(known)
        .filter(([symbol]) => symbols.includes(symbol))
        .map(([symbol, price]) => [symbol, { price, asOf, source: 'simulated', stale: false }]),
    );
  },
};

/** Two notifications of `local`. */
export const fakeNotifications: NotificationReader & NotificationRows = {
  pending: async (places) => places.map(() => []),
  onNotification: () => () => {},
  async since(owner, afterSeq, limit) {
    const rows = [1, 2].map((seq) => ({
      owner,
      seq,
      id: `n${seq}`,
      type: 'price_alert_triggered',
      at: new Date(start + seq * 1_000),
      source: 'priceAlert/1',
      data: { symbol: 'AAPL', source: 'simulated' },
    }));
    return owner === 'local' ? rows.filter(({ seq }) => seq > afterSeq).slice(0, limit) : [];
  },
  latestSeq: async (owner) => (owner === 'local' ? 2 : 0),
  prunedSeq: async () => 0,
};

/** Nobody has any records, and nothing is kept. Tests that keep some have a database. */
export const fakeRecords: Records = {
  addPosition: async () => null,
  addPositions: async () => [],
  knownExternalIds: async () => new Map(),
  syncedPositions: async () => [],
  applySync: async () => new Map(),
  position: async () => null,
  positions: async () => [],
  openPositions: async () => [],
  closePosition: async () => null,
  deletePosition: async () => null,
  preferences: async () => defaultPreferences,
  changePreferences: async (_owner, changes) => ({ ...defaultPreferences, ...changes }),
  saveScreener: async ({ criteria = {}, maxSymbols = 50, autoRun = false, ...screener }) => ({
    ...{ ...screener, criteria, maxSymbols, autoRun, isNew: true },
  }),
  savedScreeners: async () => [],
  savedScreener: async (owner, idOrName) =>
    [savedScreener, outdatedScreener].find(
      ({ id, name, ...one }) => one.owner === owner && (id === idOrName || name === idOrName),
    ) ?? null,
  deleteScreener: async () => null,
  addWebhook: async () => 'full' as const,
  webhooks: async () => [],
  webhook: async () => null,
  deleteWebhook: async () => null,
  toldByType: async () => [],
  toldBy: async () => ({ count: 0, newest: [] }),
  seqBefore: async () => 0,
  alertsNear: async () => [],
};

/** One saved screener of `local`, and one whose criteria an older release took. */
export const savedScreener: SavedScreener = {
  id: '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b11',
  owner: 'local',
  name: 'Cheap puts',
  criteria: { minPrice: 20, strategy: 'csp' },
  maxSymbols: 20,
  autoRun: false,
};
export const outdatedScreener: SavedScreener = {
  ...savedScreener,
  id: '5f0c6a52-6f0e-4a3c-9c55-0d7f4a1d2b12',
  criteria: { minDelta: 1 },
};

export function fakeRooms(): OperationRooms & {
  system: FakeSystem;
  notifications: typeof fakeNotifications;
} {
  return {
    system: new FakeSystem(),
    analysis: fakeAnalysis,
    notifications: fakeNotifications,
    webhookAllowedHosts: [],
    records: fakeRecords,
  };
}
