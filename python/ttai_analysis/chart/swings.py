"""Swing points and the last major leg of a price series.

For: turning points that were known at the time: a swing is confirmed only k bars later.
Not for: grouping them into levels (levels.py).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttai_analysis.chart.series import Series
from ttai_analysis.providers.base import FloatArray

MIN_PROMINENCE_ATR = 1.0
MAJOR_LEG_ATR = 3.0


@dataclass(frozen=True, slots=True)
class Swing:
    """A turning point: the bar's index, its price, and whether it is a high or a low."""

    index: int
    price: float
    kind: Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class Leg:
    """A major move from one extreme to the next."""

    start: int
    end: int
    start_price: float
    end_price: float

    @property
    def direction(self) -> Literal["up", "down"]:
        """Where the move went."""
        return "up" if self.end_price > self.start_price else "down"


def find_swings(series: Series, atr: FloatArray, k: int) -> list[Swing]:
    """Fractal swings in time order.

    A high stands strictly above the k bars before and at least as high as the k after (so that
    of equal tops the first counts), by at least 1 ATR over the higher of the two valleys; lows
    mirrored. The last k bars cannot hold one: nothing after it has confirmed it yet.
    """
    highs = _fractal_highs(series.high, series.low, atr, k)
    lows = _fractal_highs(-series.low, -series.high, atr, k)
    swings = [Swing(int(i), float(series.high[i]), "high") for i in highs]
    swings += [Swing(int(i), float(series.low[i]), "low") for i in lows]
    return sorted(swings, key=lambda swing: (swing.index, swing.kind))


def _fractal_highs(top: FloatArray, bottom: FloatArray, atr: FloatArray, k: int) -> FloatArray:
    if top.size < 2 * k + 1:
        return np.array([], dtype=np.int64)
    tops = np.lib.stride_tricks.sliding_window_view(top, 2 * k + 1)
    bottoms = np.lib.stride_tricks.sliding_window_view(bottom, 2 * k + 1)
    peak = tops[:, k]
    is_peak = (peak > tops[:, :k].max(axis=1)) & (peak >= tops[:, k + 1 :].max(axis=1))
    valley = np.maximum(bottoms[:, :k].min(axis=1), bottoms[:, k + 1 :].min(axis=1))
    range_ = atr[k : top.size - k]
    prominent = peak - valley >= MIN_PROMINENCE_ATR * range_
    return np.asarray(np.flatnonzero(is_peak & prominent) + k)


def last_major_leg(series: Series, atr: FloatArray) -> Leg | None:
    """The move that is under way, or was when the series ended, on a 3-ATR zigzag.

    It runs from the last extreme that a 3-ATR reversal confirmed to the furthest price since.
    """
    pivots = _zigzag(series, atr)
    if len(pivots) < 2:
        return None
    start, end = pivots[-2], pivots[-1]
    return Leg(start.index, end.index, start.price, end.price)


def _zigzag(series: Series, atr: FloatArray) -> list[Swing]:
    known = np.flatnonzero(~np.isnan(atr))
    if known.size == 0:
        return []
    first = int(known[0])
    high = Swing(first, float(series.high[first]), "high")
    low = Swing(first, float(series.low[first]), "low")
    pivots: list[Swing] = []
    direction = 0
    for i in range(first + 1, len(series)):
        top, bottom, turn = float(series.high[i]), float(series.low[i]), MAJOR_LEG_ATR * atr[i]
        if direction >= 0 and top > high.price:
            high = Swing(i, top, "high")
            if direction == 0 and top - low.price >= turn:
                pivots.append(low)
                direction = 1
        elif direction <= 0 and bottom < low.price:
            low = Swing(i, bottom, "low")
            if direction == 0 and high.price - bottom >= turn:
                pivots.append(high)
                direction = -1
        if direction == 1 and high.price - bottom >= turn and i > high.index:
            pivots.append(high)
            direction, low = -1, Swing(i, bottom, "low")
        elif direction == -1 and top - low.price >= turn and i > low.index:
            pivots.append(low)
            direction, high = 1, Swing(i, top, "high")
    if direction:
        pivots.append(high if direction == 1 else low)
    return pivots
