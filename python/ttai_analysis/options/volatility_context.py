"""Where today's implied volatility stands: rank, percentile, and against what was realised.

For: IV rank and percentile over a year, IV over and above HV. Not for: option prices.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.providers.base import FloatArray, Metrics

MIN_HISTORY = 60
YEAR_SESSIONS = 252


@dataclass(frozen=True, slots=True)
class VolatilityContext:
    """Decimals; None means unknown, and nothing stands in for it. `ratio` is IV30 / HV20, `premium`
    IV30 - HV20: what is paid for volatility above what there was."""

    iv: float | None
    iv_rank: float | None
    iv_percentile: float | None
    hv20: float | None
    ratio: float | None
    premium: float | None


def volatility_context(
    metrics: Metrics, at_the_money: float | None, hv20: float | None
) -> VolatilityContext:
    """`at_the_money`: implied volatility of about 30 days."""
    rank, percentile = iv_standing(metrics)
    ratio = premium = None
    if at_the_money is not None and hv20 is not None and hv20 > 0.0:
        ratio, premium = at_the_money / hv20, at_the_money - hv20
    return VolatilityContext(at_the_money, rank, percentile, hv20, ratio, premium)


def iv_standing(metrics: Metrics) -> tuple[float | None, float | None]:
    """Rank and percentile, 0..1, over the last 252 sessions and today, with which the history ends:
    rank = (IV - min) / (max - min), percentile = share of the days before with a lower IV. The
    source's own figures stand in only where it gives no history: with one that is too short to tell
    they are unknown."""
    if metrics.iv_history is None:
        return _share(metrics.iv_rank), _share(metrics.iv_percentile)
    history = _known(metrics.iv_history[-YEAR_SESSIONS - 1 :])
    if history.size < MIN_HISTORY:
        return None, None
    today, low, high = float(history[-1]), float(history.min()), float(history.max())
    rank = (today - low) / (high - low) if high > low else None
    return rank, float(np.mean(history[:-1] < today))


def _known(history: FloatArray) -> FloatArray:
    """Without days that have no value; nothing when today has none."""
    finite = np.isfinite(history)
    known = history[finite] if history.size and finite[-1] else history[:0]
    return np.asarray(known, dtype=np.float64)


def _share(value: float | None) -> float | None:
    return value if value is not None and 0.0 <= value <= 1.0 else None
