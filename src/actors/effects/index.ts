/** All effects of TTAI's machines. */
import type { Effect } from '../runtime/index.ts';
import { analysisEffects } from './analysis.ts';
import { marketWatchEffects } from './market-watch.ts';
import { portfolioMonitorEffects } from './portfolio-monitor.ts';
import type { EffectRooms } from './rooms.ts';

export { AnalysisClient, type CallObserver } from './analysis-client.ts';
export { writeEmitted } from './emitted.ts';
export { QuoteCache } from './quote-cache.ts';
export { type EffectRooms, effectRooms, type MarketService } from './rooms.ts';

export function allEffects(rooms: EffectRooms): Effect[] {
  return [...analysisEffects(rooms), ...marketWatchEffects(rooms), ...portfolioMonitorEffects(rooms)];
}
