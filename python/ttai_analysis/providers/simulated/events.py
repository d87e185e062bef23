"""Corporate events of the simulated market: quarterly reports and dividends.

For: their dates, known in advance like a calendar. Not for: the news about them (news.py).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Dividend
from ttai_analysis.providers.simulated.noise import normals, stream_key, uniform
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import SECONDS_PER_DAY, date_from_ordinal, ordinal_of

QUARTER_DAYS = 91
SURPRISE_SHARE = 2.2
"""A report's usual move, in daily standard deviations of the symbol."""


@dataclass(frozen=True, slots=True)
class Report:
    """One earnings report; the price moves at `effective_at` (epoch seconds)."""

    number: int
    day: date
    before_open: bool
    effective_at: int


def earnings_days(
    seed: str, listing: Listing, table: SessionTable, first: float, last: float
) -> tuple[Report, ...]:
    """Reports that take effect within [first, last] epoch seconds; none for a fund."""
    if listing.is_fund:
        return ()
    key = stream_key(seed, "earnings", listing.symbol)
    phase = int(uniform(key, 0) * QUARTER_DAYS)
    low = int((first / SECONDS_PER_DAY - phase) // QUARTER_DAYS) - 1
    high = int((last / SECONDS_PER_DAY - phase) // QUARTER_DAYS) + 1
    before_open = uniform(key, 1) < 0.5
    reports = (_report(table, number, phase, before_open) for number in range(low, high + 1))
    return tuple(r for r in reports if r is not None and first <= r.effective_at <= last)


def _report(table: SessionTable, number: int, phase: int, before_open: bool) -> Report | None:
    ordinal = phase + number * QUARTER_DAYS
    index = int(np.searchsorted(table.days, ordinal))
    if index >= len(table) or ordinal < table.days[0]:
        return None
    at = table.opens[index] - 5400 if before_open else table.closes[index] + 1800
    return Report(number, date_from_ordinal(int(table.days[index])), before_open, int(at))


def next_report(seed: str, listing: Listing, table: SessionTable, seconds: float) -> Report | None:
    """The first report that has not taken effect yet."""
    reports = earnings_days(seed, listing, table, seconds, seconds + 120 * SECONDS_PER_DAY)
    return reports[0] if reports else None


def earnings_surprise(seed: str, listing: Listing, number: int) -> float:
    """The log move of that report: seeded, scaled by the symbol's volatility."""
    key = stream_key(seed, "surprise", listing.symbol)
    daily = listing.volatility / np.sqrt(252.0)
    return float(SURPRISE_SHARE * daily * normals(key, number))


def dividends(
    seed: str, listing: Listing, table: SessionTable, first: date, last: date
) -> tuple[Dividend, ...]:
    """Quarterly ex-dividend dates within [first, last] with the cash per share."""
    if listing.dividend_yield <= 0.0:
        return ()
    phase = int(uniform(stream_key(seed, "dividend", listing.symbol), 0) * QUARTER_DAYS)
    amount = round(listing.price * listing.dividend_yield / 4.0, 2)
    low = (ordinal_of(first) - phase) // QUARTER_DAYS - 1
    high = (ordinal_of(last) - phase) // QUARTER_DAYS + 1
    days = (
        date_from_ordinal(int(table.days[table.first_on_or_after(date_from_ordinal(ordinal))]))
        for ordinal in range(
            phase + low * QUARTER_DAYS, phase + high * QUARTER_DAYS + 1, QUARTER_DAYS
        )
    )
    return tuple(Dividend(day, amount) for day in days if first <= day <= last)
