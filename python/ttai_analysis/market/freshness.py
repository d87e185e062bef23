"""Whether market data is as new as it could be.

For: comparing data with the sessions of the exchange. Not for: fetching.
"""

from datetime import datetime, timedelta

import numpy as np

from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import Timeframe
from ttai_analysis.timestamps import SECONDS_PER_DAY, from_epoch

BAR_SECONDS = 300
QUOTE_LIMIT_SECONDS = 120.0
"""In a session a last trade older than this is stale."""


def bars_as_of(newest: int | None, timeframe: Timeframe) -> datetime | None:
    """When the bar that starts at `newest` (epoch seconds) was complete."""
    if newest is None:
        return None
    if timeframe == "intraday":
        return from_epoch(newest + BAR_SECONDS)
    table = session_table()
    day = newest // SECONDS_PER_DAY
    if timeframe == "weekly":
        day += 6 - (day + 3) % 7
    index = int(np.searchsorted(table.days, day, side="right")) - 1
    return from_epoch(int(table.closes[max(0, index)]))


def bars_are_stale(newest: int | None, timeframe: Timeframe, as_of: datetime) -> bool:
    """Whether a bar that was complete at `as_of` is missing at the end."""
    if newest is None:
        return True
    table = session_table()
    completed = table.completed(as_of.timestamp())
    if timeframe == "intraday":
        expected = _newest_intraday(completed, as_of.timestamp())
        return newest < expected
    last_day = int(table.days[completed - 1])
    if timeframe == "weekly":
        week_over = completed >= len(table) or _week(int(table.days[completed])) != _week(last_day)
        return _week(newest // SECONDS_PER_DAY) < _week(last_day) - (0 if week_over else 1)
    return newest // SECONDS_PER_DAY < last_day


def quote_is_stale(traded_at: datetime, as_of: datetime) -> bool:
    """In a session: older than two minutes; outside: from before the last session."""
    return traded_at < stale_before(as_of)


def stale_before(as_of: datetime) -> datetime:
    """The moment before which a last trade is stale: one look at the calendar for many quotes."""
    table = session_table()
    if table.at(as_of) is not None:
        return as_of - timedelta(seconds=QUOTE_LIMIT_SECONDS)
    return from_epoch(int(table.opens[table.completed(as_of.timestamp()) - 1]))


def _newest_intraday(completed: int, now: float) -> int:
    """The start of the newest five-minute bar that must exist, one bar of grace."""
    table = session_table()
    last_close = int(table.closes[completed - 1])
    if completed < len(table) and now >= table.opens[completed] + 3 * BAR_SECONDS:
        return int(now) - 3 * BAR_SECONDS
    return last_close - 2 * BAR_SECONDS


def _week(day: int) -> int:
    return (day - 4) // 7
