"""What an underlying closed at on the last day of options that have expired.

For: the closes by expiry, in the prices of their own day. Not for: what a leg is worth by them
(valuation.py). An option that has expired counts as settled in cash at that close: what an
assignment did to the shares, only the account knows.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import numpy as np

from ttai_analysis.chart.service import checked_bars
from ttai_analysis.errors import InsufficientDataError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.models.positions import PositionLeg
from ttai_analysis.options.contracts import years_to_expiry
from ttai_analysis.providers.base import Bars, Provider
from ttai_analysis.providers.periods import DAYS_OF_PERIOD
from ttai_analysis.timestamps import SECONDS_PER_DAY, date_from_ordinal, days_to, ordinal_of

SPARE_DAYS = 7
"""Between an expiry on a Saturday and the session before it, with holidays."""


def has_expired(leg: PositionLeg, as_of: datetime) -> bool:
    """Whether it is an option whose last session has closed."""
    if leg.expiration is None:
        return False
    days = np.array([ordinal_of(leg.expiration)], dtype=np.int64)
    return bool(years_to_expiry(days, as_of)[0] <= 0.0)


def settlements(
    provider: Provider, symbol: str, expiries: Iterable[date], as_of: datetime
) -> tuple[Mapping[date, float], list[str]]:
    """The closes by expiry, without those for which there is no bar, and what the source says
    about the bars. Raises as `Provider.bars` does, but for too few of them."""
    wanted = sorted(set(expiries))
    if not wanted:
        return {}, []
    days = SPARE_DAYS - days_to(wanted[0], as_of)
    period = next((name for name, reach in DAYS_OF_PERIOD.items() if reach >= days), "max")
    try:
        bars = provider.bars(symbol, "daily", period, as_of, adjusted=True)
    except InsufficientDataError:
        return {}, []
    series, _ = checked_bars(bars, "daily", as_of)
    closes = dict(zip((series.timestamps // SECONDS_PER_DAY).tolist(), series.close, strict=True))
    found = {}
    for expiry in wanted:
        session = _last_session(expiry)
        if session in closes:
            found[expiry] = float(closes[session]) * _splits_since(bars, session)
    return found, list(bars.warnings)


def _last_session(expiry: date) -> int:
    """Of options that expire then, in days since 1970; -1 before the calendar."""
    table = session_table()
    index = int(np.searchsorted(table.days, ordinal_of(expiry), side="right")) - 1
    return int(table.days[index]) if index >= 0 else -1


def _splits_since(bars: Bars, session: int) -> float:
    """What makes an adjusted price that of its day again."""
    day = date_from_ordinal(session)
    factor = 1.0
    for split in bars.splits if bars.adjusted else ():
        if split.day > day:
            factor *= split.numerator / split.denominator
    return factor
