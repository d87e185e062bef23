"""Option chains from `chains/SYMBOL_DATE.csv`.

For: columns of one file. Not for: which file may be seen (provider.py).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.providers.base import BoolArray, FloatArray, IntArray
from ttai_analysis.providers.files.tables import number, read_rows
from ttai_analysis.timestamps import ordinal_of

COLUMNS = ("expiry", "strike", "right", "bid", "ask")


@dataclass(frozen=True, slots=True)
class ChainFile:
    """The columns of a chain file; NaN where a cell is empty."""

    expiry: IntArray
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    open_interest: FloatArray
    volume: FloatArray


def parse_chain(path: Path) -> ChainFile:
    """`right` is C or P; openInterest and volume may be missing. Rows without a strike count as
    a broken file (InvalidMarketDataError)."""
    rows = read_rows(path, COLUMNS)

    def column(name: str) -> FloatArray:
        return np.array([number(row.get(name)) for row in rows], dtype=np.float64)

    strike = column("strike")
    if not (strike > 0.0).all():
        raise InvalidMarketDataError(f"{path.name} has a row without a strike.")
    try:
        expiry = [ordinal_of(date.fromisoformat(row["expiry"])) for row in rows]
    except ValueError as error:
        raise InvalidMarketDataError(f"{path.name} has an expiry that is no date.") from error
    return ChainFile(
        expiry=np.array(expiry, dtype=np.int64),
        strike=strike,
        is_call=np.array([row["right"].strip().upper()[:1] == "C" for row in rows], dtype=np.bool_),
        bid=np.nan_to_num(column("bid"), nan=0.0),
        ask=np.nan_to_num(column("ask"), nan=0.0),
        open_interest=column("openInterest"),
        volume=column("volume"),
    )
