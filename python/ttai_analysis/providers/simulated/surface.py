"""Implied volatility of the simulated market: level, term structure, smile, earnings.

For: the volatility at any strike and expiry, and its history. It prices the moods that the walks
really follow (regimes.py), plus a premium. Not for: quotes (chain.py).
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.providers.base import FloatArray, IntArray
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.timestamps import SECONDS_PER_DAY

RISK_PREMIUM = 1.2
"""Options are dearer than what follows: implied over realised volatility, on average."""
SKEW = -0.055
CURVATURE = 0.018
MIN_VOLATILITY = 0.05
EARNINGS_MOVE = 2.0
"""The move priced for a report, in daily standard deviations."""
SECONDS_PER_YEAR = 365.0 * SECONDS_PER_DAY
TERM_YEARS = 0.35
"""The present mood counts for e^-1 of an option this long."""


def usual_volatility(prices: PriceModel, who: IntArray) -> FloatArray:
    """At-the-money volatility in usual times, without a report."""
    people = prices.roster
    total = people.market_volatility[who] ** 2 + people.sector_volatility[who] ** 2
    return np.asarray(RISK_PREMIUM * np.sqrt(total + people.own_volatility[who] ** 2))


@dataclass(frozen=True, slots=True)
class Mood:
    """Moments on the scale of slots, with the market's mood at each: the same for all listings."""

    position: FloatArray
    common: FloatArray


def mood_at(prices: PriceModel, seconds: FloatArray) -> Mood:
    """The mood at those epoch seconds."""
    position = prices.position_at(seconds)
    return Mood(position, prices.walks.common_mood(position))


def volatility_level(prices: PriceModel, who: int, mood: Mood) -> FloatArray:
    """At-the-money volatility for about 30 days without a report, as a decimal."""
    people = prices.roster
    own = prices.walks.own_mood(who, mood.position, mood.common)
    factors = people.market_volatility[who] ** 2 + people.sector_volatility[who] ** 2
    return np.asarray(
        RISK_PREMIUM
        * np.sqrt(
            factors * np.exp(2.0 * mood.common)
            + people.own_volatility[who] ** 2 * np.exp(2.0 * own)
        )
    )


def at_the_money(
    prices: PriceModel, who: int, now: float, years: FloatArray, level: float
) -> FloatArray:
    """At-the-money volatility for expiries `years` away, reports within each included; `level` is
    that of the moment."""
    usual = usual_volatility(prices, np.array([who]))
    weight = TERM_YEARS / years * (1.0 - np.exp(-years / TERM_YEARS))
    variance = usual**2 + (level**2 - usual**2) * weight
    until = now + years * SECONDS_PER_YEAR
    reports = prices.events.reports_within(
        np.full(years.size, who), np.full(years.size, now), until
    )
    jumps = reports * (EARNINGS_MOVE * prices.roster.volatility[who]) ** 2 / 252.0
    return np.asarray(np.sqrt(variance + jumps / np.maximum(years, 1.0 / 365.0)))


def smile(atm: FloatArray, years: FloatArray, log_moneyness: FloatArray) -> FloatArray:
    """Volatility by ln(K / forward): a downward skew and a little curvature, both bounded."""
    deviations = np.clip(log_moneyness / (atm * np.sqrt(years)), -4.0, 4.0)
    factor = 1.0 + SKEW * deviations + CURVATURE * deviations**2
    return np.asarray(np.maximum(MIN_VOLATILITY, atm * factor))
