/** All machines of TTAI, as they are registered. */
import { analysis } from './analysis.ts';
import { briefing } from './briefing.ts';
import { delivery } from './delivery.ts';
import { housekeeping } from './housekeeping.ts';
import { marketWatch } from './market-watch.ts';
import { portfolioMonitor } from './portfolio-monitor.ts';
import { positionSync } from './position-sync.ts';
import { priceAlert } from './price-alert.ts';
import { report } from './report.ts';
import { screener } from './screener.ts';
import { session } from './session.ts';
import { summary } from './summary.ts';
import { tradingDay } from './trading-day.ts';

export const machines = [
  analysis,
  screener,
  portfolioMonitor,
  positionSync,
  priceAlert,
  marketWatch,
  tradingDay,
  briefing,
  summary,
  report,
  delivery,
  session,
  housekeeping,
];
