/** All effects of TTAI's machines. */
import type { Effect } from '../runtime/index.ts';
import { analysisEffects } from './analysis.ts';
import { dailyPieceEffects } from './daily-pieces.ts';
import { deliveryEffects } from './delivery.ts';
import { housekeepingEffects } from './housekeeping.ts';
import { marketWatchEffects } from './market-watch.ts';
import { portfolioMonitorEffects } from './portfolio-monitor.ts';
import { positionSyncEffects } from './position-sync.ts';
import type { EffectRooms } from './rooms.ts';
import { screenerEffects } from './screener.ts';
import { tradingDayEffects } from './trading-day.ts';

export type { CallObserver } from './analysis-calls.ts';
export { AnalysisClient } from './analysis-client.ts';
export { type SyncChange, type SyncReport, syncPositions } from './broker-positions.ts';
export { writeEmitted } from './emitted.ts';
export { evaluatePositions, isRefused } from './evaluated-positions.ts';
export { startMarketWatch } from './market-watch.ts';
export { QuoteCache } from './quote-cache.ts';
export { type EffectRooms, effectRooms, type MarketService } from './rooms.ts';
export { contractOf, type ListedLeg, tradesOf } from './trades.ts';
export { startTradingDay, tradingDaySchedule } from './trading-days.ts';
export { checkDestination, MAX_URL_LENGTH } from './webhooks/destination.ts';
export { type SenderOptions, WebhookSender } from './webhooks/send.ts';
export { newWebhookSecret } from './webhooks/signature.ts';

export function allEffects(rooms: EffectRooms): Effect[] {
  return [
    ...analysisEffects(rooms),
    ...marketWatchEffects(rooms),
    ...portfolioMonitorEffects(rooms),
    ...positionSyncEffects(rooms),
    ...screenerEffects(rooms),
    ...deliveryEffects(rooms),
    ...tradingDayEffects(rooms),
    ...dailyPieceEffects(rooms),
    ...housekeepingEffects(rooms),
  ];
}
