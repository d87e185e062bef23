/** All machines of TTAI, as they are registered. */
import { analysis } from './analysis.ts';
import { marketWatch } from './market-watch.ts';
import { priceAlert } from './price-alert.ts';
import { screener } from './screener.ts';
import { session } from './session.ts';

export const machines = [analysis, priceAlert, marketWatch, session, screener];
