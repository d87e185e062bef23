"""What is wrong with bars, as warnings in the words of quality.py.

For: every analysis that reads bars. Not for: bars that contradict themselves, which are an error
(series.py), nor their age in words of the answer (service.py).
"""

from datetime import datetime

import numpy as np

from ttai_analysis.chart.indicators import atr
from ttai_analysis.chart.series import Series
from ttai_analysis.market.freshness import BAR_SECONDS, bars_are_stale, bars_as_of
from ttai_analysis.providers.base import Timeframe
from ttai_analysis.quality import code_of
from ttai_analysis.timestamps import SECONDS_PER_DAY, date_from_ordinal

SPLIT_FACTORS = np.array([1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0])
SPLIT_TOLERANCE = np.array([0.03, 0.05, 0.08, 0.08, 0.08, 0.08, 0.08])
"""How far the price itself may have moved over that night; less where a fall could be real."""
GAPPED = 1.25
"""A split moves the whole bar away from the close before it, by at least this ratio."""
BAD_TICK_ATR = 10.0
BAD_TICK_SHARE = 0.15
"""A bad tick is also this far away as a share of the price, for an ATR can be next to nothing."""
FROZEN_BARS = 5
ATR_BARS = 14
LONGEST_LOOK_BACK = 252
"""Bars: of the high and low of 52 weeks; every average looks back less."""
BREAKS = frozenset({"suspected_split", "suspected_bad_tick", "frozen_prices"})


def bar_faults(
    series: Series, timeframe: Timeframe, as_of: datetime, *, adjusted: bool, has_splits: bool
) -> list[str]:
    """Warnings about a series, the gravest kinds with the day of their newest case.

    `adjusted`: its source says that splits are taken into account; `has_splits`: it knows of
    splits in these bars (or does not say).
    """
    newest = int(series.timestamps[-1]) if len(series) else None
    found = ["stale_bars"] if bars_are_stale(newest, timeframe, as_of) else []
    if not adjusted and has_splits:
        found.append("unadjusted_prices")
    if len(series) < 2:
        return found
    days = series.timestamps // SECONDS_PER_DAY
    for code, bars in _breaks(series).items():
        if bars.size:
            found.append(f"{code}:{date_from_ordinal(int(days[bars[-1]])).isoformat()}")
    silent = int(np.sum(series.volume == 0.0))
    if silent:
        found.append(f"zero_volume_bars:{silent}")
    if silent > 0.5 * len(series):
        found.append("no_traded_volume")
    return found


def usable_bars(
    series: Series, timeframe: Timeframe, as_of: datetime, *, adjusted: bool, has_splits: bool
) -> tuple[Series, list[str]]:
    """The series without what lies before an old break, and `bar_faults` of it.

    Prices from before a split that was left in are those of another share: with a year of bars
    since, nothing need rest on them. A younger break stays, and forbids a trade.
    """
    found = bar_faults(series, timeframe, as_of, adjusted=adjusted, has_splits=has_splits)
    if not BREAKS.intersection(map(code_of, found)):
        return series, found
    kept, dropped = _since_old_break(series)
    if not dropped:
        return series, found
    found = bar_faults(kept, timeframe, as_of, adjusted=adjusted, has_splits=has_splits)
    return kept, [*dropped, *found]


def _since_old_break(series: Series) -> tuple[Series, list[str]]:
    """From the newest break on that is older than any average looks back."""
    start, reason = 0, ""
    for code, bars in _breaks(series).items():
        # The bar of a split is the first of the new prices, a bad bar the last of the old.
        first = bars + (0 if code == "suspected_split" else 1)
        old = first[first <= len(series) - LONGEST_LOOK_BACK]
        if old.size and int(old[-1]) > start:
            start, reason = int(old[-1]), code
    if start == 0:
        return series, []
    return series.part(slice(start, None)), [f"dropped_bars_before_{reason}:{start}"]


def without_unfinished(
    series: Series, timeframe: Timeframe, as_of: datetime
) -> tuple[Series, list[str]]:
    """The series without bars that were not complete at `as_of`, and what was left out."""
    warnings = []
    visible = series.until(as_of.timestamp())
    if len(visible) < len(series):
        warnings.append(f"dropped_bars_after_as_of:{len(series) - len(visible)}")
    if len(visible) and not _complete(int(visible.timestamps[-1]), timeframe, as_of):
        visible = visible.until(float(visible.timestamps[-1]))
        warnings.append("live_bar_dropped")
    return visible, warnings


def _complete(start: int, timeframe: Timeframe, as_of: datetime) -> bool:
    if timeframe == "intraday":
        return start + BAR_SECONDS <= as_of.timestamp()
    complete_at = bars_as_of(start, timeframe)
    return complete_at is None or complete_at <= as_of


def _breaks(series: Series) -> dict[str, np.ndarray]:
    """By code the bars after which, or at which, prices are not to be believed; oldest first."""
    if len(series) < 2:
        return {}
    return {
        "suspected_split": _splits(series),
        "suspected_bad_tick": _bad_ticks(series),
        "frozen_prices": _frozen(series),
    }


def _splits(series: Series) -> np.ndarray:
    """Bars that open or close at a split's ratio to the close before, and did not trade there."""
    suspects = np.zeros(len(series) - 1, dtype=np.bool_)
    before = series.close[:-1]
    for price in (series.open[1:], series.close[1:]):
        ratio = np.maximum(price / before, before / price)
        miss = np.abs(ratio[:, None] / SPLIT_FACTORS - 1.0)
        suspects |= (miss <= SPLIT_TOLERANCE).any(axis=1)
    gapped = (series.low[1:] > GAPPED * before) | (series.high[1:] < before / GAPPED)
    return np.flatnonzero(suspects & gapped) + 1


def _bad_ticks(series: Series) -> np.ndarray:
    """Bars with a price far outside those before and after, and prices that came back."""
    usual = atr(series.high, series.low, series.close, ATR_BARS)[:-1]
    before = series.close[:-1]
    after = np.append(series.close[2:], np.nan)
    reach = np.maximum(BAD_TICK_ATR * usual, BAD_TICK_SHARE * before)
    upper = np.fmax(before, after) + reach
    lower = np.fmin(before, after) - reach
    with np.errstate(invalid="ignore"):
        outside = (series.high[1:] > upper) | (series.low[1:] < lower)
    return np.flatnonzero(outside) + 1


def _frozen(series: Series) -> np.ndarray:
    """Bars that repeat the four prices of the four bars before them."""
    same = np.ones(len(series) - 1, dtype=np.bool_)
    for column in (series.open, series.high, series.low, series.close):
        same &= column[1:] == column[:-1]
    run = FROZEN_BARS - 1
    if same.size < run:
        return np.array([], dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(same, run)
    return np.flatnonzero(windows.all(axis=1)) + run
