"""The price of every simulated symbol at every second, as one continuous function of time.

For: prices from a market factor, a sector factor, the symbol's own path, earnings surprises and
short-lived ticks. Not for: bars (bars.py) or options (surface.py).

Time runs on two scales. The slow factors move on the session scale: the night and the weekend
count for 0.3 sessions, the trading hours for 0.7. The ticks move on the wall clock, around the
clock, by some 0.1 % a minute, so that a trial at any hour sees a living market.
"""

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.simulated.events import earnings_days, earnings_surprise
from ttai_analysis.providers.simulated.noise import (
    FloatArray,
    brownian_bridges,
    smooth_noise,
    stream_key,
)
from ttai_analysis.providers.simulated.universe import Listing

OVERNIGHT_SHARE = 0.3
ANNUAL_SESSIONS = 252.0
ANNUAL_DRIFT = 0.06
REFERENCE_POSITION = 14_350.0
"""The weekday number about which the listed prices hold (January 2025)."""
MARKET_VOLATILITY = 0.15
SECTOR_VOLATILITY = 0.09
MIN_OWN_VOLATILITY = 0.04
TICKS = ((600.0, 0.0011), (180.0, 0.0008), (60.0, 0.0007), (20.0, 0.0004), (7.0, 0.0003))
"""Period in seconds and size (relative) of each layer of ticks."""


def session_position(table: SessionTable, seconds: FloatArray) -> FloatArray:
    """Where each moment lies on the session scale: n at a close, n + 0.3 at the next open."""
    index = np.searchsorted(table.closes, seconds, side="left").clip(1, len(table) - 1)
    previous_close = table.closes[index - 1]
    opens, closes = table.opens[index], table.closes[index]
    night = np.clip((seconds - previous_close) / (opens - previous_close), 0.0, 1.0)
    day = np.clip((seconds - opens) / (closes - opens), 0.0, 1.0)
    before = table.weekday_numbers[index - 1] + 1.0
    gap = table.weekday_numbers[index] - before
    return np.asarray(
        before + night * (gap + OVERNIGHT_SHARE) + day * (1.0 - OVERNIGHT_SHARE), dtype=np.float64
    )


def own_volatility(listing: Listing) -> float:
    """The annual volatility that neither market nor sector explain."""
    explained = (listing.beta * MARKET_VOLATILITY) ** 2
    if not listing.is_fund:
        explained += SECTOR_VOLATILITY**2
    return float(np.sqrt(max(listing.volatility**2 - explained, MIN_OWN_VOLATILITY**2)))


def diffusive_volatility(listing: Listing) -> float:
    """The annual volatility of the path without earnings and ticks."""
    total = (listing.beta * MARKET_VOLATILITY) ** 2 + own_volatility(listing) ** 2
    if not listing.is_fund:
        total += SECTOR_VOLATILITY**2
    return float(np.sqrt(total))


class PriceModel:
    """Prices of one seeded market. Pure: the same moment gives the same price for ever."""

    def __init__(self, seed: str, table: SessionTable) -> None:
        self.seed = seed
        self.table = table

    def prices(self, listing: Listing, seconds: FloatArray) -> FloatArray:
        """Unrounded prices at those epoch seconds (asked to the whole second)."""
        moments = np.floor(np.asarray(seconds, dtype=np.float64))
        position = session_position(self.table, moments)
        log_price = np.log(listing.price) + self._slow(listing, position)
        log_price += self._surprises(listing, moments, position)
        log_price += self._ticks(listing, moments)
        return np.asarray(np.exp(log_price))

    def price_at(self, listing: Listing, seconds: float) -> float:
        """The price at one moment, to the cent."""
        return max(0.01, round(float(self.prices(listing, np.array([seconds]))[0]), 2))

    def _slow(self, listing: Listing, position: FloatArray) -> FloatArray:
        daily = 1.0 / np.sqrt(ANNUAL_SESSIONS)
        years = (position - REFERENCE_POSITION) / ANNUAL_SESSIONS
        market = brownian_bridges(stream_key(self.seed, "market"), position)
        own = brownian_bridges(stream_key(self.seed, "own", listing.symbol), position)
        path = ANNUAL_DRIFT * years
        path = path + listing.beta * MARKET_VOLATILITY * daily * market
        path = path + own_volatility(listing) * daily * own
        if not listing.is_fund:
            sector = brownian_bridges(stream_key(self.seed, "sector", listing.sector), position)
            path = path + SECTOR_VOLATILITY * daily * sector
        return np.asarray(path)

    def _surprises(self, listing: Listing, seconds: FloatArray, position: FloatArray) -> FloatArray:
        """Each report moves the price at once; the move fades over the quarter."""
        effect = np.zeros_like(seconds)
        if listing.is_fund or seconds.size == 0:
            return effect
        reports = earnings_days(
            self.seed, listing, self.table, float(seconds.min()) - 1e7, float(seconds.max())
        )
        for report in reports:
            age = position - session_position(self.table, np.array([report.effective_at]))[0]
            fading = np.clip(1.0 - age / 60.0, 0.0, 1.0)
            effect += np.where(
                seconds >= report.effective_at,
                fading * earnings_surprise(self.seed, listing, report.number),
                0.0,
            )
        return effect

    def _ticks(self, listing: Listing, seconds: FloatArray) -> FloatArray:
        total = np.zeros_like(seconds)
        for layer, (period, size) in enumerate(TICKS):
            key = stream_key(self.seed, "tick", listing.symbol, str(layer))
            total += size * smooth_noise(key, seconds, period)
        return total
