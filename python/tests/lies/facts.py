"""Lies about reports, metrics and the interest rate."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from lies.base import INVALID, Lies
from ttai_analysis.providers.base import Earnings

EARNINGS, METRICS, RATE = Lies("earnings"), Lies("metrics"), Lies("rate")

EARNINGS.add(
    "earnings_today", lambda _e, t: Earnings(known=True, day=t.date()), "earnings_inside_dte"
)
EARNINGS.add(
    "earnings_tomorrow",
    lambda _e, t: Earnings(known=True, day=t.date() + timedelta(days=1)),
    "earnings_inside_dte",
)
EARNINGS.add("earnings_unknown", lambda _e, _: Earnings(known=False), "earnings_unknown")
EARNINGS.add(
    "earnings_in_the_past",
    lambda _e, t: Earnings(known=True, day=t.date() - timedelta(days=3)),
    "earnings_unknown",
)
METRICS.add(
    "iv_history_nan", lambda m, _: replace(m, iv_history=m.iv_history * np.nan), "unusable_metrics"
)
METRICS.add(
    "iv_history_negative", lambda m, _: replace(m, iv_history=-m.iv_history), "unusable_metrics"
)
METRICS.add(
    "short_interest_nan",
    lambda m, _: replace(m, short_percent_of_float=float("nan")),
    "unusable_metrics",
)
RATE.add("rate_in_percent", lambda _r, _: 4.0, INVALID)
RATE.add("rate_nan", lambda _r, _: float("nan"), INVALID)
