"""Weekly bars from daily ones.

For: completed weeks only; a week that still has a session to come gives no bar.
Not for: intraday bars.
"""

from dataclasses import replace

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Bars
from ttai_analysis.timestamps import SECONDS_PER_DAY, from_epoch


def weekly_from_daily(daily: Bars, table: SessionTable) -> Bars:
    """Bars from Monday to Friday, stamped with the start of their first session."""
    if len(daily) == 0:
        return daily
    weeks = _week_number(daily.timestamps // SECONDS_PER_DAY)
    starts = np.flatnonzero(np.diff(weeks, prepend=weeks[0] - 1))
    ends = np.append(starts[1:], len(daily)) - 1
    last_day = int(daily.timestamps[-1] // SECONDS_PER_DAY)
    following = int(np.searchsorted(table.days, last_day, side="right"))
    incomplete = following < len(table) and _week_number(table.days[following]) == weeks[-1]
    if incomplete:
        starts, ends = starts[:-1], ends[:-1]
    if starts.size == 0:
        return replace(
            daily,
            timestamps=daily.timestamps[:0],
            open=daily.open[:0],
            high=daily.high[:0],
            low=daily.low[:0],
            close=daily.close[:0],
            volume=daily.volume[:0],
            adj_close=None,
            as_of=None,
        )
    stop = int(ends[-1]) + 1
    index = table.days.searchsorted(daily.timestamps[ends[-1]] // SECONDS_PER_DAY)
    return replace(
        daily,
        timestamps=daily.timestamps[starts],
        open=daily.open[starts],
        high=np.maximum.reduceat(daily.high[:stop], starts),
        low=np.minimum.reduceat(daily.low[:stop], starts),
        close=daily.close[ends],
        volume=np.add.reduceat(daily.volume[:stop], starts),
        adj_close=None if daily.adj_close is None else daily.adj_close[ends],
        as_of=from_epoch(int(table.closes[min(int(index), len(table) - 1)])),
    )


def _week_number(days: np.ndarray | np.int64) -> np.ndarray:
    """Weeks since the Monday of 1970-01-05."""
    return np.asarray((np.asarray(days) - 4) // 7)
