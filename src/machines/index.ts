/** All machines of TTAI, as they are registered. */
import { analysis } from './analysis.ts';
import { briefing } from './briefing.ts';
import { marketWatch } from './market-watch.ts';
import { priceAlert } from './price-alert.ts';
import { report } from './report.ts';
import { session } from './session.ts';
import { summary } from './summary.ts';
import { tradingDay } from './trading-day.ts';

export const machines = [analysis, priceAlert, marketWatch, session, tradingDay, briefing, summary, report];
