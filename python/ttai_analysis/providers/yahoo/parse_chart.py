"""Yahoo's bars: one body of /v8/finance/chart as clean columns, without any judgement of time.

For: the shape of a body and the rows that cannot be used. Not for: what was known at a moment,
sessions and splits (bars.py).
Yahoo's prices have all splits up to today applied, and no dividends; its `adjclose` has both.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.providers.base import FloatArray, IntArray
from ttai_analysis.providers.yahoo.fields import (
    MAX_EPOCH,
    Json,
    branch,
    number,
    positive,
    rows,
    text,
)
from ttai_analysis.providers.yahoo.parse_quote import require_american

PRICES = ("open", "high", "low", "close")
SLACK = 1e-4
"""Yahoo rounds each price to a single float: a low may exceed its open by so much of it."""
NO_DATA = "Data doesn't exist"


@dataclass(frozen=True, slots=True)
class YahooChart:
    """Rows in Yahoo's order of time. `prices` has columns open, high, low, close, volume, adjclose;
    the last is NaN where Yahoo has none. Splits and dividends as (epoch seconds, value)."""

    timestamps: IntArray
    prices: FloatArray
    splits: tuple[tuple[int, float, float], ...]
    dividends: tuple[tuple[int, float], ...]
    traded_at: float
    """The last regular trade that Yahoo knew of; 0 when it does not say."""
    warnings: tuple[str, ...]


def parse_chart(symbol: str, interval: str, body: Json) -> YahooChart:
    """Raises SymbolNotFoundError, or ProviderError for a body of another shape or interval."""
    chart = branch(body, "chart")
    found = rows(chart.get("result"))
    if not found:
        return _no_result(symbol, branch(chart, "error"))
    result = found[0]
    meta = branch(result, "meta")
    require_american(symbol, meta)
    given = text(meta.get("dataGranularity"))
    if given is not None and given != interval:
        raise ProviderError(f"Yahoo was asked for bars of {interval} and gave bars of {given}.")
    quote = (rows(branch(result, "indicators").get("quote")) or [{}])[0]
    adjusted = (rows(branch(result, "indicators").get("adjclose")) or [{}])[0]
    times = result.get("timestamp")
    columns = [
        _column(source.get(name))
        for source, name in (
            *((quote, name) for name in (*PRICES, "volume")),
            (adjusted, "adjclose"),
        )
    ]
    warnings: list[str] = []
    if not isinstance(times, list):
        # Yahoo leaves the times out of a range without trades; prices without a time are none.
        if columns[0]:
            warnings.append(f"bars_without_time:{len(columns[0])}")
        columns = [[] for _ in columns]
    timestamps, prices = _usable(times if isinstance(times, list) else [], columns, warnings)
    events = branch(result, "events")
    return YahooChart(
        timestamps=timestamps,
        prices=prices,
        splits=_splits(branch(events, "splits")),
        dividends=_dividends(branch(events, "dividends")),
        traded_at=positive(meta.get("regularMarketTime")) or 0.0,
        warnings=tuple(warnings),
    )


def _no_result(symbol: str, error: Json) -> YahooChart:
    code, description = text(error.get("code")), text(error.get("description")) or ""
    if code == "Not Found":
        raise SymbolNotFoundError(f"Yahoo has no symbol {symbol}.", details={"symbol": symbol})
    if NO_DATA in description:
        return YahooChart(
            np.zeros(0, dtype=np.int64), np.zeros((0, 6)), (), (), 0.0, ("no_bars_in_range",)
        )
    raise ProviderError(f"Yahoo gave no bars of {symbol}: {code or 'no reason'}.")


def _column(values: object) -> list[float]:
    listed = values if isinstance(values, list) else []
    return [np.nan if (found := number(value)) is None else found for value in listed]


def _usable(
    times: list[object], columns: list[list[float]], warnings: list[str]
) -> tuple[IntArray, FloatArray]:
    """The rows that can be bars; how many others there were goes into `warnings`."""
    size = len(times)
    if any(len(column) not in (0, size) for column in columns):
        size = min([size, *(len(column) for column in columns if column)])
        warnings.append(f"ragged_bars_cut:{len(times) - size}")
    seconds = np.array([_seconds(value) for value in times[:size]], dtype=np.int64)
    table = np.full((size, 6), np.nan)
    for index, column in enumerate(columns):
        if column:
            table[:, index] = column[:size]
    table[:, 4] = np.nan_to_num(table[:, 4], nan=0.0)
    with np.errstate(invalid="ignore"):
        empty = ~((table[:, :4] > 0.0).all(axis=1) & (seconds > 0) & (table[:, 4] >= 0.0))
        opens, highs, lows, closes = table[:, :4].T
        room = SLACK * highs
        wrong = ~empty & (
            (np.maximum(opens, closes) > highs + room) | (np.minimum(opens, closes) < lows - room)
        )
    if empty.any():
        warnings.append(f"dropped_empty_bars:{int(empty.sum())}")
    if wrong.any():
        warnings.append(f"dropped_contradictory_bars:{int(wrong.sum())}")
    keep = ~(empty | wrong)
    kept, order = table[keep], np.argsort(seconds[keep], kind="stable")
    kept = kept[order]
    kept[:, 1] = kept[:, :4].max(axis=1)
    kept[:, 2] = kept[:, :4].min(axis=1)
    return seconds[keep][order], kept


def _seconds(value: object) -> int:
    found = number(value)
    return int(found) if found is not None and 0.0 < found < MAX_EPOCH else 0


def _splits(events: Json) -> tuple[tuple[int, float, float], ...]:
    found = []
    for row in rows(list(events.values())):
        at, up, down = (positive(row.get(name)) for name in ("date", "numerator", "denominator"))
        if at is not None and up is not None and down is not None:
            found.append((int(at), up, down))
    return tuple(sorted(found))


def _dividends(events: Json) -> tuple[tuple[int, float], ...]:
    found = []
    for row in rows(list(events.values())):
        at, amount = positive(row.get("date")), positive(row.get("amount"))
        if at is not None and amount is not None:
            found.append((int(at), amount))
    return tuple(sorted(found))
