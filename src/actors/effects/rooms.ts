/** What effects work with, the same for all of a process. */
import type { Database } from '../../persistence/database.ts';
import type { AnalysisClient } from './analysis-client.ts';
import { MarketHours } from './market-hours.ts';
import { QuoteCache } from './quote-cache.ts';
import { WebhookSender } from './webhooks/send.ts';

/** The analysis service as effects use it. Tests pass a market of their own. */
export type MarketService = { [Name in keyof AnalysisClient]: AnalysisClient[Name] };

export interface EffectRooms {
  service: MarketService;
  database: Database;
  quotes: QuoteCache;
  hours: MarketHours;
  webhooks: WebhookSender;
}

/** The rooms over one service and database. */
export function effectRooms(
  service: MarketService,
  database: Database,
  webhooks = new WebhookSender(),
): EffectRooms {
  return { service, database, quotes: new QuoteCache(service), hours: new MarketHours(service), webhooks };
}
