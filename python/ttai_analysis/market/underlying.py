"""What a provider says about one symbol beside its options and news, and whether to believe it.

For: the quote and recent bars that option analysis and research rest on, the next report, metrics.
Not for: the chart, which reads more bars (chart/service.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite

import numpy as np

from ttai_analysis.chart.series import Series
from ttai_analysis.chart.service import checked_bars
from ttai_analysis.market.faults import quote_faults
from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Earnings, Metrics, Provider, Quote
from ttai_analysis.timestamps import days_to

PERIOD = "3mo"
"""Enough for 20 and 60 day volatility and to see what has happened to the prices of late."""

MIN_BARS = 21
"""What 20 returns need; with fewer nothing can be said of a symbol's volatility."""


@dataclass(frozen=True, slots=True)
class Underlying:
    """The quote, the daily bars of three months, and what is wrong with them."""

    quote: Quote | None
    series: Series
    warnings: list[str]


def underlying_of(
    provider: Provider, symbol: str, as_of: datetime, *, trading: bool = True
) -> Underlying:
    """Fetches and judges. `trading`: whether the quote must be recent (market/faults.py)."""
    bars = provider.bars(symbol, "daily", PERIOD, as_of, adjusted=True)
    series, warnings = checked_bars(bars, "daily", as_of)
    if len(series) < MIN_BARS:
        warnings.append("too_few_bars")
    quote = provider.quote(symbol, as_of)
    close = float(series.close[-1]) if len(series) else None
    warnings += quote_faults(symbol, quote, as_of, close, trading=trading)
    return Underlying(quote, series, [*warnings, *(quote.warnings if quote else ())])


def known_earnings(provider: Provider, symbol: str, as_of: datetime) -> Earnings:
    """The next report; one that has passed says nothing about the next."""
    earnings = provider.earnings(symbol, as_of)
    if earnings.day is not None and days_to(earnings.day, as_of) < 0:
        return UNKNOWN_EARNINGS
    return earnings


def usable_metrics(metrics: Metrics) -> tuple[Metrics, list[str]]:
    """The metrics without an IV history that cannot be, and warnings."""
    warnings = list(metrics.warnings)
    history = metrics.iv_history
    if history is not None and not (np.isfinite(history) & (history > 0.0)).all():
        metrics = replace(metrics, iv_history=None)
        warnings.append("unusable_metrics")
    short = metrics.short_percent_of_float
    if short is not None and not (isfinite(short) and 0.0 <= short <= 1000.0):
        metrics = replace(metrics, short_percent_of_float=None)
        warnings.append("unusable_metrics")
    return metrics, list(dict.fromkeys(warnings))
