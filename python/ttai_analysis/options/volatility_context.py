"""Where today's implied volatility stands: rank, percentile, and against what was realised.

For: IV rank and percentile over a year, IV over HV. Not for: option prices.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.providers.base import FloatArray, Metrics

MIN_HISTORY = 60


@dataclass(frozen=True, slots=True)
class VolatilityContext:
    """Decimals; None means unknown, and nothing stands in for it."""

    iv: float | None
    iv_rank: float | None
    iv_percentile: float | None
    hv20: float | None
    ratio: float | None


def volatility_context(
    metrics: Metrics | None, at_the_money: float | None, hv20: float | None
) -> VolatilityContext:
    """`iv_history` ends with today: rank = (IV - min) / (max - min); percentile = share of the days
    before with a lower IV. Without a history the source's own figures stand."""
    history: FloatArray | None = metrics.iv_history if metrics else None
    rank = metrics.iv_rank if metrics else None
    percentile = metrics.iv_percentile if metrics else None
    if history is not None and history.size >= MIN_HISTORY:
        today, low, high = float(history[-1]), float(history.min()), float(history.max())
        rank = (today - low) / (high - low) if high > low else None
        percentile = float(np.mean(history[:-1] < today))
    known = at_the_money is not None and hv20 is not None and hv20 > 0.0
    ratio = at_the_money / hv20 if known and at_the_money and hv20 else None
    return VolatilityContext(at_the_money, rank, percentile, hv20, ratio)
