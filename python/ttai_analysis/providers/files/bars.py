"""Daily bars from `bars/SYMBOL.csv` and splits from `splits.csv`.

For: columns as of a day, with the splits that had happened by then. Not for: quotes or chains.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.providers.base import FloatArray, IntArray, Split
from ttai_analysis.providers.files.tables import number, read_rows
from ttai_analysis.timestamps import date_from_ordinal, ordinal_of

COLUMNS = ("date", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class DailyFile:
    """A bar file as it stands: days since 1970 ascending; `adj_close` where the file has it."""

    days: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    adj_close: FloatArray | None
    dropped: int


@dataclass(frozen=True, slots=True)
class DailyView:
    """What of a bar file may be seen at a day, split-adjusted if asked."""

    days: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    adj_close: FloatArray | None


def parse_daily(path: Path) -> DailyFile:
    """Rows without a full set of prices are dropped and counted.

    Raises InvalidMarketDataError for days out of order or prices that contradict themselves.
    """
    rows = read_rows(path, COLUMNS)
    days = np.array([_day(path, row["date"]) for row in rows], dtype=np.int64)
    columns = np.array(
        [[number(row[name]) for row in rows] for name in COLUMNS[1:]], dtype=np.float64
    ).reshape(5, len(rows))
    adjusted = None
    if rows and "adj_close" in rows[0]:
        adjusted = np.array([number(row["adj_close"]) for row in rows], dtype=np.float64)
    complete = (columns[:4] > 0.0).all(axis=0)
    days, columns = days[complete], columns[:, complete]
    _check(path, days, columns)
    return DailyFile(
        days=days,
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=np.nan_to_num(columns[4], nan=0.0),
        adj_close=None if adjusted is None else adjusted[complete],
        dropped=int((~complete).sum()),
    )


def parse_splits(path: Path) -> dict[str, tuple[Split, ...]]:
    """Splits by symbol, oldest first."""
    splits: dict[str, list[Split]] = {}
    for row in read_rows(path, ("symbol", "date", "numerator", "denominator")):
        day = date_from_ordinal(_day(path, row["date"]))
        split = Split(day, number(row["numerator"]), number(row["denominator"]))
        if not (split.numerator > 0.0 and split.denominator > 0.0):
            raise InvalidMarketDataError("splits.csv holds a split that is none.")
        splits.setdefault(row["symbol"].strip().upper(), []).append(split)
    return {
        symbol: tuple(sorted(items, key=lambda split: split.day))
        for symbol, items in splits.items()
    }


def view_until(
    file: DailyFile, first_day: int, last_day: int, splits: tuple[Split, ...]
) -> DailyView:
    """The bars of [first_day, last_day], each split applied to the bars before its day.

    `splits` must hold only those that had happened: a later one would tell the future. Dividend-
    adjusted closes are scaled so that the last one is the last close, for the same reason.
    """
    start = int(np.searchsorted(file.days, first_day, side="left"))
    stop = int(np.searchsorted(file.days, last_day, side="right"))
    days = file.days[start:stop]
    factor = np.ones(days.size)
    for split in splits:
        factor[days < ordinal_of(split.day)] *= split.denominator / split.numerator
    adj_close = None
    if file.adj_close is not None and days.size:
        adj_close = file.adj_close[start:stop]
        adj_close = np.round(adj_close * (file.close[stop - 1] / adj_close[-1]), 4)
    return DailyView(
        days=days,
        open=file.open[start:stop] * factor,
        high=file.high[start:stop] * factor,
        low=file.low[start:stop] * factor,
        close=file.close[start:stop] * factor,
        volume=file.volume[start:stop] / factor,
        adj_close=adj_close,
    )


def _day(path: Path, text: str) -> int:
    try:
        return ordinal_of(date.fromisoformat(text))
    except ValueError as error:
        raise InvalidMarketDataError(f"{path.name}: '{text}' is not a date.") from error


def _check(path: Path, days: IntArray, columns: FloatArray) -> None:
    if (np.diff(days) <= 0).any():
        raise InvalidMarketDataError(f"{path.name} must be sorted by date, each once.")
    if (columns[1] < columns[2]).any():
        raise InvalidMarketDataError(f"{path.name} has a bar whose high is below its low.")
