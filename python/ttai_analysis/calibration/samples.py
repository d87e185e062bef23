"""The history that calibration works on: daily bars with all splits applied, an index, its VIX.

For: reading a data folder in place. Not for: what a provider may see at a time: here the future is
wanted, since outcomes lie in it.

Layout: `market/bars/SYMBOL.csv` and `market/splits.csv` as the `files` provider reads them (or
`bars/` at the top), `indices/sp500*.csv` (bars) and `indices/vix*.csv` (date,vix in percent).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from ttai_analysis.chart.series import Series
from ttai_analysis.providers.base import FloatArray, IntArray
from ttai_analysis.providers.files.bars import parse_daily, parse_splits, view_until
from ttai_analysis.providers.files.tables import number, read_rows
from ttai_analysis.timestamps import SECONDS_PER_DAY, ordinal_of

FAR_FUTURE = 10**6


class DataFolderError(Exception):
    """The folder is absent, or holds nothing to calibrate with; the message says which."""


@dataclass(frozen=True, slots=True)
class History:
    """Bars of one symbol: days since 1970, and columns of the same length."""

    symbol: str
    days: IntArray
    series: Series


@dataclass(frozen=True, slots=True)
class IndexWithVolatility:
    """The days on which both the index and its VIX (a decimal) are known, and all its bars."""

    bars: History
    days: IntArray
    volatility: FloatArray


@dataclass(frozen=True, slots=True)
class Samples:
    """What a folder holds; either part may be absent."""

    histories: tuple[History, ...]
    index: IndexWithVolatility | None
    simulated: tuple[str, ...] = ()


def read_samples(folder: Path) -> Samples:
    """Everything of the folder. Raises DataFolderError when there is nothing."""
    if not folder.is_dir():
        raise DataFolderError(
            f"There is no folder {folder}. Calibration needs real bars: a folder with "
            "market/bars/SYMBOL.csv, and indices/sp500*.csv with indices/vix*.csv. "
            "Name it with --data."
        )
    market = folder / "market" if (folder / "market" / "bars").is_dir() else folder
    paths = sorted((market / "bars").glob("*.csv"))
    histories = tuple(_history(path, market) for path in paths)
    simulated = tuple(path.stem for path in paths if _is_simulated(path))
    index = _index(folder / "indices")
    if not histories and index is None:
        raise DataFolderError(
            f"{folder} holds neither market/bars/SYMBOL.csv nor indices/sp500*.csv with "
            "indices/vix*.csv: there is nothing to calibrate with."
        )
    return Samples(histories=histories, index=index, simulated=simulated)


def _history(path: Path, market: Path) -> History:
    splits_file = market / "splits.csv"
    splits = parse_splits(splits_file) if splits_file.is_file() else {}
    view = view_until(parse_daily(path), 0, FAR_FUTURE, splits.get(path.stem.upper(), ()))
    series = Series(
        timestamps=view.days * SECONDS_PER_DAY,
        open=view.open,
        high=view.high,
        low=view.low,
        close=view.close,
        volume=view.volume,
    )
    return History(symbol=path.stem, days=view.days, series=series)


def _is_simulated(path: Path) -> bool:
    rows = read_rows(path, ())
    return any(row.get("source") == "simulated" for row in rows[:1])


def _index(folder: Path) -> IndexWithVolatility | None:
    bar_files, volatility_files = sorted(folder.glob("sp500*.csv")), sorted(folder.glob("vix*.csv"))
    if not bar_files or not volatility_files:
        return None
    bars = _history(bar_files[0], folder)
    rows = read_rows(volatility_files[0], ("date", "vix"))
    day = np.array([ordinal_of(date.fromisoformat(row["date"])) for row in rows], dtype=np.int64)
    percent = np.array([number(row["vix"]) for row in rows], dtype=np.float64)
    kept = (percent > 0.0) & np.isin(day, bars.days)
    if not kept.any():
        return None
    return IndexWithVolatility(bars=bars, days=day[kept], volatility=percent[kept] / 100.0)
