/** All machines of TTAI, as they are registered. */
import { analysis } from './analysis.ts';
import { housekeeping } from './housekeeping.ts';
import { marketWatch } from './market-watch.ts';
import { priceAlert } from './price-alert.ts';
import { session } from './session.ts';

export const machines = [analysis, priceAlert, marketWatch, session, housekeeping];
