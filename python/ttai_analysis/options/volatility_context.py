"""Where today's implied volatility stands: rank, percentile, and against what was realised.

For: IV rank and percentile over a year, IV over and above HV. Not for: option prices.
"""

from dataclasses import dataclass, replace

import numpy as np

from ttai_analysis.options.contracts import Contracts, expiry_iv
from ttai_analysis.options.odds import expected_move
from ttai_analysis.providers.base import FloatArray, Metrics

MIN_HISTORY = 60
YEAR_SESSIONS = 252


@dataclass(frozen=True, slots=True)
class VolatilityContext:
    """Decimals; None means unknown, and nothing stands in for it. `iv` is that at the money of the
    expiry that is sold, where nothing is of the one nearest to 30 days."""

    iv: float | None
    iv_rank: float | None
    iv_percentile: float | None
    hv20: float | None

    @property
    def ratio(self) -> float | None:
        """Implied over realised volatility."""
        return over_realised(self.iv, self.hv20)

    @property
    def premium(self) -> float | None:
        """IV - HV20: what is paid for volatility above what there was."""
        return None if self.iv is None or self.ratio is None else self.iv - (self.hv20 or 0.0)

    def of_expiry(self, contracts: Contracts, expiry: int) -> "VolatilityContext":
        """The same for a trade of this expiry (days since 1970)."""
        return replace(self, iv=expiry_iv(contracts, expiry))


def volatility_context(
    metrics: Metrics, at_the_money: float | None, hv20: float | None
) -> VolatilityContext:
    """`at_the_money`: the implied volatility to compare with the realised one."""
    return VolatilityContext(at_the_money, *iv_standing(metrics), hv20)


def over_realised(iv: float | None, hv20: float | None) -> float | None:
    """IV / HV20; None where either is unknown or nothing was realised."""
    return None if iv is None or hv20 is None or hv20 <= 0.0 else iv / hv20


def move_of(contracts: Contracts, expiry: int, at_the_money: float | None) -> float | None:
    """The expected move to the end of an expiry, to the minute, by its volatility at the money."""
    if at_the_money is None:
        return None
    chain = contracts.chain
    years = contracts.years[int(np.argmax(chain.expiry == expiry))]
    return float(expected_move(chain.underlying_price, at_the_money, max(float(years), 0.0)))


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
