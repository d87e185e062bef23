"""Lies about bars: rows that cannot be, splits left in, bars of another day or another share."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from lies.base import INVALID, Lies
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import Bars, Split
from ttai_analysis.timestamps import date_from_ordinal

BARS = Lies("bars")
BACK = 30
"""Bars from the end at which old faults lie."""
PRICES = ("open", "high", "low", "close")
COLUMNS = ("timestamps", *PRICES, "volume")


def _rows(bars: Bars, index: Any) -> Bars:
    return replace(bars, adj_close=None, **{name: getattr(bars, name)[index] for name in COLUMNS})


def _with(bars: Bars, name: str, at: int, value: float) -> Bars:
    column = getattr(bars, name).copy()
    column[at] = value
    return replace(bars, **{name: column})


def _scaled(bars: Bars, before: int | None, factor: float) -> Bars:
    """All prices up to `before` (None: all) times the factor."""
    columns = {name: getattr(bars, name).copy() for name in PRICES}
    for column in columns.values():
        column[:before] *= factor
    return replace(bars, **columns)


def _bar(name: str, column: str, at: int, value: Callable[[Bars], float], *names: str) -> None:
    BARS.add(name, lambda bars, _: _with(bars, column, at, value(bars)), *names)


_bar("null_bar", "close", -5, lambda _: float("nan"), INVALID)
_bar("infinite_high", "high", -5, lambda _: float("inf"), INVALID)
_bar("negative_low", "low", -5, lambda _: -1.0, INVALID)
_bar("zero_open", "open", -5, lambda _: 0.0, INVALID)
_bar("high_below_low", "high", -5, lambda bars: float(bars.low[-5]) * 0.9, INVALID)
_bar("close_above_high", "close", -5, lambda bars: float(bars.high[-5]) * 1.1, INVALID)
_bar("negative_volume", "volume", -5, lambda _: -100.0, INVALID)
_bar("bad_tick_up", "high", -BACK, lambda bars: float(bars.high[-BACK]) * 3.0, "suspected_bad_tick")
_bar("bad_tick_down", "low", -BACK, lambda bars: float(bars.low[-BACK]) / 5.0, "suspected_bad_tick")
_bar("bad_tick_today", "low", -1, lambda bars: float(bars.low[-1]) / 5.0, "suspected_bad_tick")


@BARS.named(INVALID)
def unsorted_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, np.r_[0 : len(bars) - 3, len(bars) - 2, len(bars) - 3, len(bars) - 1])


@BARS.named(INVALID)
def reversed_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, None, -1))


@BARS.named(INVALID)
def duplicate_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, np.sort(np.r_[0 : len(bars), len(bars) - 4]))


def _split(name: str, factor: float) -> None:
    BARS.add(name, lambda bars, _: _scaled(bars, -BACK, factor), "suspected_split")


_split("split_left_in", 4.0)
_split("two_for_one_left_in", 2.0)
_split("three_for_two_left_in", 1.5)
_split("twenty_for_one_left_in", 20.0)
_split("reverse_split_left_in", 0.1)


@BARS.named("suspected_split")
def known_split_not_applied(bars: Bars, _: datetime) -> Bars:
    day = date_from_ordinal(int(bars.timestamps[-BACK] // 86_400))
    return replace(_scaled(bars, -BACK, 4.0), splits=(Split(day, 4.0, 1.0),))


@BARS.named("unadjusted_prices")
def unadjusted(bars: Bars, _: datetime) -> Bars:
    day = date_from_ordinal(int(bars.timestamps[-BACK] // 86_400))
    return replace(bars, adjusted=False, splits=(Split(day, 2.0, 1.0),))


@BARS.named("suspected_bad_tick")
def bad_close(bars: Bars, _: datetime) -> Bars:
    low = float(bars.low[-BACK]) * 0.3
    return _with(_with(bars, "close", -BACK, low * 1.01), "low", -BACK, low)


@BARS.named("stale_bars")
def stale_day(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, -1))


@BARS.named("stale_bars")
def stale_week(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(None, -5))


@BARS.named("stale_bars", "too_few_bars", "insufficient_data")
def no_bars(bars: Bars, _: datetime) -> Bars:
    return replace(_rows(bars, slice(0, 0)), as_of=None)


@BARS.named("too_few_bars", "insufficient_data")
def too_few_bars(bars: Bars, _: datetime) -> Bars:
    return _rows(bars, slice(-15, None))


@BARS.named("frozen_prices")
def frozen_prices(bars: Bars, _: datetime) -> Bars:
    columns = {name: getattr(bars, name).copy() for name in PRICES}
    for column in columns.values():
        column[-8:] = column[-8]
    return replace(bars, **columns)


@BARS.named("no_traded_volume")
def zero_volume(bars: Bars, _: datetime) -> Bars:
    return replace(bars, volume=np.zeros(len(bars)))


@BARS.named("quote_far_from_close")
def prices_in_cents(bars: Bars, _: datetime) -> Bars:
    return _scaled(bars, None, 100.0)


@BARS.named("quote_far_from_close")
def bars_of_another(bars: Bars, _: datetime) -> Bars:
    return _scaled(bars, None, 0.6)


def _with_extra(bars: Bars, start: int) -> Bars:
    more = _rows(bars, np.r_[0 : len(bars), len(bars) - 1])
    more.timestamps[-1] = start
    return more


@BARS.named("future_bars")
def future_bar(bars: Bars, as_of: datetime) -> Bars:
    table = session_table()
    return _with_extra(bars, int(table.opens[table.completed(as_of.timestamp()) + 1]))


@BARS.named("future_bars")
def live_row(bars: Bars, as_of: datetime) -> Bars:
    table = session_table()
    return _with_extra(bars, int(table.opens[table.completed(as_of.timestamp())]))


@BARS.named("served_from_cache_after_failure")
def bars_of_a_broken_cache(bars: Bars, _: datetime) -> Bars:
    return replace(bars, warnings=(*bars.warnings, "served_from_cache_after_failure"))
