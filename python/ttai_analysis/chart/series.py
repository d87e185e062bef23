"""The price series that chart analysis works on, checked once.

For: turning bars of a request or a provider into clean columns. Not for: indicators.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.models.chart import InputBar
from ttai_analysis.models.common import MAX_PRICE, MAX_VOLUME
from ttai_analysis.providers.base import Bars, FloatArray, IntArray

PRICE_SLACK = 1e-6
"""Relative: sources that adjust prices by factors leave a close a hair outside high and low."""


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of equal length, oldest first, without gaps in their numbers."""

    timestamps: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return int(self.timestamps.size)

    def until(self, epoch_seconds: float) -> "Series":
        """Only the bars that had started before that moment."""
        stop = int(np.searchsorted(self.timestamps, epoch_seconds, side="left"))
        return self if stop == len(self) else self.part(slice(stop))

    def part(self, rows: slice) -> "Series":
        """Only those rows."""
        return Series(
            self.timestamps[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
        )


def series_from_bars(bars: Bars) -> Series:
    """The columns of a provider's bars. Raises InvalidMarketDataError as `check_series` does."""
    series = Series(bars.timestamps, bars.open, bars.high, bars.low, bars.close, bars.volume)
    check_series(series)
    return series


def series_from_input(rows: Sequence[InputBar]) -> tuple[Series, list[str]]:
    """Columns of a caller's bars, and warnings.

    Rows without any price are dropped, as exchanges of data leave them for halts and holidays.
    Raises InvalidMarketDataError for anything else that is not a proper bar.
    """
    kept = [row for row in rows if not _is_blank(row)]
    warnings = [f"dropped_empty_bars:{len(rows) - len(kept)}"] if len(kept) < len(rows) else []
    for index, row in enumerate(kept):
        _check_row(index, row)
    series = Series(
        timestamps=np.array([row.timestamp for row in kept], dtype=np.int64),
        open=np.array([row.open for row in kept], dtype=np.float64),
        high=np.array([row.high for row in kept], dtype=np.float64),
        low=np.array([row.low for row in kept], dtype=np.float64),
        close=np.array([row.close for row in kept], dtype=np.float64),
        volume=np.array([row.volume or 0.0 for row in kept], dtype=np.float64),
    )
    check_series(series)
    return series, warnings


def check_series(series: Series) -> None:
    """Raises InvalidMarketDataError when bars are unsorted, contradict themselves, or hold a number
    that is no price or volume."""
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(series, name)
        with np.errstate(invalid="ignore"):
            usable = (column >= 0.0) & (column <= MAX_VOLUME)
            if name != "volume":
                usable = (column > 0.0) & (column <= MAX_PRICE)
        if not usable.all():
            bar = int(np.flatnonzero(~usable)[0])
            raise InvalidMarketDataError(
                f"Bar {bar} has no usable {name}.", details={"bar": bar, "field": name}
            )
    backwards = np.flatnonzero(np.diff(series.timestamps) <= 0)
    if backwards.size:
        raise InvalidMarketDataError(
            "Bars must be sorted by timestamp, each once.", details={"bar": int(backwards[0]) + 1}
        )
    slack = PRICE_SLACK * series.high
    wrong = (
        (series.high < series.low)
        | (series.high + slack < np.maximum(series.open, series.close))
        | (series.low - slack > np.minimum(series.open, series.close))
    )
    if wrong.any():
        raise InvalidMarketDataError(
            "A bar's high must be its highest price and its low the lowest.",
            details={"bar": int(np.flatnonzero(wrong)[0])},
        )


def _is_blank(row: InputBar) -> bool:
    return row.open is None and row.high is None and row.low is None and row.close is None


def _check_row(index: int, row: InputBar) -> None:
    for name in ("open", "high", "low", "close"):
        value = getattr(row, name)
        if value is None or not 0.0 < value <= MAX_PRICE:
            raise InvalidMarketDataError(
                f"Bar {index} has no usable {name}.", details={"bar": index, "field": name}
            )
    if row.volume is not None and not 0.0 <= row.volume <= MAX_VOLUME:
        raise InvalidMarketDataError(
            f"Bar {index} has no usable volume.", details={"bar": index, "field": "volume"}
        )
