/** All effects of TTAI's machines. */
import type { Database } from '../../persistence/database.ts';
import type { Effect } from '../runtime/index.ts';
import { analysisEffects } from './analysis.ts';
import type { AnalysisClient } from './analysis-client.ts';
import { marketWatchEffects } from './market-watch.ts';

export { AnalysisClient, type CallObserver } from './analysis-client.ts';
export { writeEmitted } from './emitted.ts';

export function allEffects(service: AnalysisClient, database: Database): Effect[] {
  return [...analysisEffects(service, database), ...marketWatchEffects(service, database)];
}
