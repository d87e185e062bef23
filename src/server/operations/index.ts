/** The table of all operations: first those of assistants, in the order in which they read them, then the operators'. */
import { getActor, getActorHistory, getActorPending, listActors, stopActor } from './actors.ts';
import { deleteAlert, listAlerts, setAlert, updateAlert } from './alerts.ts';
import { catchUp } from './catch-up.ts';
import { discardDeadLetter, getDeadLetter, listDeadLetters, retryDeadLetter } from './dead-letters.ts';
import { importPositions } from './import-positions.ts';
import { migrateActors } from './migrate-actors.ts';
import { getMonitor, startMonitor, stopMonitor, updateMonitor } from './monitors.ts';
import { listNotifications } from './notifications.ts';
import type { Operation } from './operation.ts';
import { addPosition, closePosition, deletePosition, listPositions } from './positions.ts';
import { getPreferences, updatePreferences } from './preferences.ts';
import { getQuote } from './quotes.ts';
import { cancelRun, getRun, listRuns, waitRun } from './runs.ts';
import { deleteScreener, listScreeners, saveScreener } from './saved-screeners.ts';
import { startAnalysis } from './start-analysis.ts';
import { startScreener } from './start-screener.ts';
import { syncPositions } from './sync-positions.ts';
import { addWebhook, deleteWebhook, listWebhooks, testWebhook } from './webhooks.ts';

export type {
  Operation,
  OperationAnswer,
  OperationContext,
  OperationRooms,
  OperationSystem,
} from './operation.ts';

export const operations: readonly Operation[] = [
  getQuote,
  startAnalysis,
  startScreener,
  waitRun,
  getRun,
  listRuns,
  cancelRun,
  saveScreener,
  listScreeners,
  deleteScreener,
  addPosition,
  listPositions,
  // Before those with an id in the same place of their path.
  importPositions,
  syncPositions,
  closePosition,
  deletePosition,
  startMonitor,
  getMonitor,
  updateMonitor,
  stopMonitor,
  setAlert,
  listAlerts,
  updateAlert,
  deleteAlert,
  catchUp,
  listNotifications,
  getPreferences,
  updatePreferences,
  addWebhook,
  listWebhooks,
  testWebhook,
  deleteWebhook,
  listActors,
  getActor,
  getActorHistory,
  getActorPending,
  stopActor,
  migrateActors,
  listDeadLetters,
  getDeadLetter,
  retryDeadLetter,
  discardDeadLetter,
];
