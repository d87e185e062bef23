/** The model of the machine `portfolioMonitor`, and the checks that its tests are made of. */
import type { AnyMachineSnapshot } from 'xstate';
import type { Model } from '../../../test/model.ts';
import {
  type PortfolioCheck,
  type PortfolioMonitorContext,
  portfolioMonitor,
  portfolioMonitorInput,
} from '../portfolio-monitor.ts';
import type { Holding } from '../portfolio-rule-kinds.ts';
import { failed } from './models.ts';

/** During the session of a Monday, which is from 14:30 to 21:00 UTC. */
export const noon = '2026-01-05T17:00:00.000Z';
export const monday = {
  open: true,
  closesAt: '2026-01-05T21:00:00.000Z',
  nextOpen: '2026-01-06T14:30:00.000Z',
};

/** A short put with nothing amiss. */
export const holdingOf = (more: Partial<Holding> = {}): Holding => ({
  id: 'p1',
  symbol: 'AAPL',
  name: 'short put 220 2026-02-20',
  price: 230,
  changePct: 0.5,
  dte: 46,
  shortDelta: 0.3,
  profitCapturedPct: 20,
  pnlPct: 20,
  priced: true,
  assignmentRisk: 'low',
  daysToEarnings: 40,
  stale: false,
  asOf: noon,
  ...more,
});

/** What the effect has found at one moment. */
export const checkOf = (holdings: Holding[], more: Partial<PortfolioCheck> = {}): PortfolioCheck => ({
  at: noon,
  endedAt: more.at ?? noon,
  market: monday,
  holdings,
  failed: { count: 0, first: null },
  error: null,
  asOf: noon,
  source: 'simulated',
  ...more,
});

export const away = { code: 'analysis_unavailable', message: 'The analysis service can not be reached.' };

export const portfolioMonitorModel: Model = {
  machine: portfolioMonitor.machine,
  inputs: [portfolioMonitorInput.parse({ rules: [{ type: 'delta_breach', threshold: 0.5 }] })],
  events: [
    { type: 'UPDATE', everySeconds: 600 },
    { type: 'UPDATE', rules: [{ type: 'dte_warning', threshold: 60 }] },
    { type: 'CHECK_NOW' },
    { type: 'STOP' },
  ],
  outcomes: {
    checkPortfolio: {
      outputs: [
        checkOf([]),
        checkOf([holdingOf()]),
        checkOf([holdingOf({ shortDelta: 0.6 })]),
        checkOf([holdingOf({ shortDelta: 0.49 })]),
        checkOf([holdingOf({ stale: true })], { error: away }),
        checkOf([holdingOf()], { at: '2026-01-05T22:00:00.000Z', market: { ...monday, open: false } }),
      ],
      errors: [failed('timeout')],
    },
  },
  serialize: ({ value, context }: AnyMachineSnapshot) => {
    const { everySeconds, rules, remembered, health, pauseMs } = context as PortfolioMonitorContext;
    const { failures, told, since } = health;
    return JSON.stringify([
      value,
      everySeconds,
      rules,
      remembered,
      Math.min(failures, 3),
      told,
      since,
      pauseMs,
    ]);
  },
};
