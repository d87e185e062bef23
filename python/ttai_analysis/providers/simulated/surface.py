"""Implied volatility of the simulated market: level, term structure, smile, earnings.

For: the volatility at any strike and expiry, and its history. Not for: quotes (chain.py).
"""

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import FloatArray
from ttai_analysis.providers.simulated.events import earnings_days
from ttai_analysis.providers.simulated.noise import smooth_noise, stream_key
from ttai_analysis.providers.simulated.prices import diffusive_volatility
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import SECONDS_PER_DAY

RISK_PREMIUM = 1.12
"""Options are dearer than what follows: implied over realised volatility, on average."""
LEVEL_WAVES = ((126 * SECONDS_PER_DAY, 0.16), (21 * SECONDS_PER_DAY, 0.09))
SKEW = -0.055
CURVATURE = 0.018
MIN_VOLATILITY = 0.05
EARNINGS_MOVE = 2.0
"""The move priced for a report, in daily standard deviations."""
SECONDS_PER_YEAR = 365.0 * SECONDS_PER_DAY


def volatility_level(seed: str, listing: Listing, seconds: FloatArray) -> FloatArray:
    """At-the-money volatility for about 30 days without a report, as a decimal."""
    log_level = np.zeros(seconds.shape)
    for layer, (period, size) in enumerate(LEVEL_WAVES):
        own = smooth_noise(stream_key(seed, "iv", listing.symbol, str(layer)), seconds, period)
        common = smooth_noise(stream_key(seed, "iv", str(layer)), seconds, period)
        log_level += size * (0.6 * own + 0.8 * common)
    return np.asarray(RISK_PREMIUM * diffusive_volatility(listing) * np.exp(log_level))


def at_the_money(
    seed: str, listing: Listing, table: SessionTable, now: float, years: float
) -> float:
    """At-the-money volatility for an expiry `years` away, reports within it included."""
    level = float(volatility_level(seed, listing, np.array([float(now)]))[0])
    usual = RISK_PREMIUM * diffusive_volatility(listing)
    weight = np.exp(-years / 0.35)
    base = usual * (level / usual) ** weight
    reports = earnings_days(seed, listing, table, now, now + years * SECONDS_PER_YEAR)
    jump_variance = len(reports) * (EARNINGS_MOVE * listing.volatility) ** 2 / 252.0
    return float(np.sqrt(base**2 + jump_variance / max(years, 1.0 / 365.0)))


def smile(atm: float, years: float, log_moneyness: FloatArray) -> FloatArray:
    """Volatility by ln(K / forward): a downward skew and a little curvature, both bounded."""
    deviations = np.clip(log_moneyness / (atm * np.sqrt(years)), -4.0, 4.0)
    factor = 1.0 + SKEW * deviations + CURVATURE * deviations**2
    return np.asarray(np.maximum(MIN_VOLATILITY, atm * factor))
