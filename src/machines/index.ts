/** All machines of TTAI, as they are registered. */
import { analysis } from './analysis.ts';
import { delivery } from './delivery.ts';
import { marketWatch } from './market-watch.ts';
import { portfolioMonitor } from './portfolio-monitor.ts';
import { priceAlert } from './price-alert.ts';
import { screener } from './screener.ts';
import { session } from './session.ts';

// One a line, so that two who add one do not meet.
export const machines = [analysis, screener, portfolioMonitor, priceAlert, marketWatch, delivery, session];
