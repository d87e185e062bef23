"""Yahoo's rows as they were known at a moment: finished sessions, splits and dividends till then.

For: a parsed chart (parse_chart.py) to `Bars`. Not for: fetching.
Yahoo has applied all splits up to today. Those after `as_of` are taken out again, or a chart of
the past would tell the future; so are those before it where unadjusted prices are asked for.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Bars, Dividend, FloatArray, IntArray, Split
from ttai_analysis.providers.yahoo.parse_chart import YahooChart
from ttai_analysis.timestamps import (
    SECONDS_PER_DAY,
    date_from_ordinal,
    from_epoch,
    new_york_date,
    ordinal_of,
)

BAR_SECONDS = 300
SETTLED_SECONDS = 900
"""So long after the close the day's bar is final even if the last trade came before the close."""


@dataclass(frozen=True, slots=True)
class FetchedChart:
    """A chart and when it was fetched (epoch seconds): its newest row was still changing then."""

    chart: YahooChart
    fetched_at: float


def daily_bars(
    fetched: FetchedChart, table: SessionTable, as_of: datetime, first_day: int, *, adjusted: bool
) -> Bars:
    """Bars of sessions that were over at `as_of` and when Yahoo was asked, from `first_day` on."""
    chart, now = fetched.chart, as_of.timestamp()
    days = _new_york_days(chart.timestamps)
    index = np.minimum(np.searchsorted(table.days, days), len(table) - 1)
    closes = table.closes[index]
    final = (chart.traded_at >= closes) | (fetched.fetched_at >= closes + SETTLED_SECONDS)
    is_session = table.days[index] == days
    keep = is_session & final & (closes <= now) & (days >= first_day)
    warnings = [*chart.warnings]
    if (is_session & ~final).any():
        warnings.append(f"live_bar_dropped:{int((is_session & ~final).sum())}")
    if (~is_session).any():
        warnings.append(f"dropped_bars_without_session:{int((~is_session).sum())}")
    days, rows, repeated = _one_row_per_day(days[keep], chart.prices[keep])
    if repeated:
        warnings.append(f"duplicate_bars:{repeated}")
    sessions = np.searchsorted(table.days, days)
    complete_at = from_epoch(int(table.closes[sessions[-1]])) if days.size else None
    bars = _bars(chart, table.opens[sessions], days, rows, as_of, adjusted=adjusted)
    return replace(bars, as_of=complete_at, warnings=tuple(warnings))


def intraday_bars(
    fetched: FetchedChart, table: SessionTable, as_of: datetime, first_day: int, *, adjusted: bool
) -> Bars:
    """Five-minute bars that were complete, within sessions. Yahoo's last row starts "now"."""
    chart = fetched.chart
    days = _new_york_days(chart.timestamps)
    index = np.minimum(np.searchsorted(table.days, days), len(table) - 1)
    since_open = chart.timestamps - table.opens[index]
    inside = (
        (table.days[index] == days) & (since_open >= 0) & (chart.timestamps < table.closes[index])
    )
    whole = since_open % BAR_SECONDS == 0
    complete = chart.timestamps + BAR_SECONDS <= min(as_of.timestamp(), fetched.fetched_at)
    keep = inside & whole & complete & (days >= first_day)
    warnings = [*chart.warnings]
    if (inside & ~whole).any():
        warnings.append(f"live_bar_dropped:{int((inside & ~whole).sum())}")
    starts, first = np.unique(chart.timestamps[keep], return_index=True)
    rows = chart.prices[keep][first]
    complete_at = from_epoch(int(starts[-1]) + BAR_SECONDS) if starts.size else None
    bars = _bars(chart, starts, days[keep][first], rows, as_of, adjusted=adjusted)
    return replace(bars, as_of=complete_at, warnings=tuple(warnings))


def _new_york_days(timestamps: IntArray) -> IntArray:
    """Days since 1970 in New York: UTC less four hours or five, which rarely makes a difference."""
    days = (timestamps - 5 * 3600) // SECONDS_PER_DAY
    for row in np.flatnonzero(days != (timestamps - 4 * 3600) // SECONDS_PER_DAY):
        days[row] = _day(int(timestamps[row]))
    return days


def _one_row_per_day(days: IntArray, rows: FloatArray) -> tuple[IntArray, FloatArray, int]:
    """Where Yahoo gives a day's bar and its last trade apart: one bar that holds both."""
    if days.size == 0:
        return days, rows, 0
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    ends = np.append(starts[1:], days.size) - 1
    merged = rows[ends].copy()
    merged[:, 0] = rows[starts, 0]
    merged[:, 1] = np.maximum.reduceat(rows[:, 1], starts)
    merged[:, 2] = np.minimum.reduceat(rows[:, 2], starts)
    merged[:, 4] = np.maximum.reduceat(rows[:, 4], starts)
    return days[starts], merged, int(days.size - starts.size)


def _bars(
    chart: YahooChart,
    starts: IntArray,
    days: IntArray,
    rows: FloatArray,
    as_of: datetime,
    *,
    adjusted: bool,
) -> Bars:
    """The rows with the splits and dividends that were known at `as_of`."""
    today = ordinal_of(new_york_date(as_of))
    splits = [(_day(at), up, down) for at, up, down in chart.splits]
    known = [split for split in splits if split[0] <= today]
    undone = [split for split in splits if split[0] > today] if adjusted else splits
    factor = _factor(days, undone)
    prices = rows[:, :4] * factor[:, None]
    return Bars(
        timestamps=starts,
        open=prices[:, 0],
        high=prices[:, 1],
        low=prices[:, 2],
        close=prices[:, 3],
        volume=rows[:, 4] / factor,
        as_of=None,
        adjusted=adjusted,
        adj_close=_adjusted_close(rows, _factor(days, [s for s in splits if s[0] > today])),
        splits=tuple(Split(date_from_ordinal(day), up, down) for day, up, down in known),
        dividends=tuple(
            Dividend(
                date_from_ordinal(_day(at)),
                amount * float(_factor(np.array([_day(at)]), undone)[0]),
            )
            for at, amount in chart.dividends
            if _day(at) <= today
        ),
    )


def _factor(days: IntArray, splits: list[tuple[int, float, float]]) -> FloatArray:
    """What undoes these splits in the prices of each day before them."""
    factor = np.ones(days.size)
    for day, up, down in splits:
        factor[days < day] *= up / down
    return factor


def _adjusted_close(rows: FloatArray, factor: FloatArray) -> FloatArray | None:
    """Closes with splits and dividends up to the last row: the newest equals its close."""
    if rows.shape[0] == 0 or np.isnan(rows[:, 5]).any():
        return None
    adjusted = rows[:, 5] * (rows[-1, 3] / rows[-1, 5])
    return np.asarray(adjusted * factor[-1])


def _day(at: int) -> int:
    return ordinal_of(new_york_date(from_epoch(at)))
