"""Candle events: collecting a snapshot, and turning it into bars.

For: one request for history over the stream. Not for: the stream itself.
dxFeed sends history newest first, ends it with a flag, and sends the running candle again and
again. Its symbol comes back in a normal form: `AAPL{=1d,tho=true}` as `AAPL{=d,tho=true}`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ttai_analysis.market.freshness import BAR_SECONDS
from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Bars, FloatArray, IntArray
from ttai_analysis.providers.numbers import number
from ttai_analysis.providers.tastytrade.compact import Event
from ttai_analysis.providers.tastytrade.values import moment, text
from ttai_analysis.timestamps import (
    SECONDS_PER_DAY,
    from_epoch,
    new_york_date,
    ordinal_of,
)

PENDING, REMOVED, SNAPSHOT_END, SNAPSHOT_SNIP = 0x1, 0x2, 0x8, 0x10
COLUMNS = ("open", "high", "low", "close", "volume")
NOT_STATED = "split_adjustment_not_stated"


@dataclass(frozen=True, slots=True)
class Candles:
    """Raw candles, oldest first: epoch seconds and the columns of COLUMNS; `dropped` had none."""

    times: IntArray
    values: FloatArray
    dropped: int


class Snapshot:
    """The candles of one subscription until the feed says that they are complete."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rows: dict[float, Event] = {}

    def take(self, event: Event) -> None:
        """Note one event of this symbol."""
        flags = int(number(event.get("eventFlags")) or 0)
        index = number(event.get("index"))
        if index is not None:
            if flags & REMOVED:
                self._rows.pop(index, None)
            else:
                self._rows[index] = event
        if flags & (SNAPSHOT_END | SNAPSHOT_SNIP) and not flags & PENDING and not self.done.done():
            self.done.set_result(None)

    def candles(self) -> Candles:
        """What was collected; candles that contradict themselves are dropped and counted."""
        rows: dict[int, list[float]] = {}
        dropped = 0
        for event in self._rows.values():
            at = moment(event.get("time"))
            values = [number(event.get(name)) for name in COLUMNS]
            if at is not None and _is_sound(values):
                rows[int(at.timestamp())] = [value or 0.0 for value in values]
            else:
                dropped += 1
        times = sorted(rows)
        return Candles(
            np.array(times, dtype=np.int64),
            np.array([rows[at] for at in times], dtype=np.float64).reshape(len(times), 5),
            dropped,
        )


def same_symbol(symbol: str) -> str:
    """A candle symbol in the form in which two ways to write it are equal."""
    base, brace, rest = symbol.partition("{")
    if not brace:
        return base
    parts = [part.strip() for part in rest.rstrip("}").split(",") if part.strip()]
    plain = ["=" + part[2:] if part[:2] == "=1" and part[2:3].isalpha() else part for part in parts]
    return f"{base}{{{','.join(sorted(plain))}}}"


def deliver(event: Event, waiting: Iterable[Snapshot]) -> None:
    """Give a candle to who waits for its symbol."""
    symbol = same_symbol(text(event.get("eventSymbol")))
    for snapshot in waiting:
        if same_symbol(snapshot.symbol) == symbol:
            snapshot.take(event)


def daily_bars(candles: Candles, table: SessionTable, now: float, first_day: int) -> Bars:
    """Bars of sessions that had closed at `now` (epoch seconds), from `first_day` on.

    A candle's day is its date in UTC when it is stamped with midnight there, else in New York.
    """
    days = np.array([_day_of(int(at)) for at in candles.times], dtype=np.int64)
    index = np.minimum(np.searchsorted(table.days, days), len(table) - 1)
    is_session = table.days[index] == days
    keep = is_session & (table.closes[index] <= now) & (days >= first_day)
    index = index[keep]
    as_of = from_epoch(int(table.closes[index[-1]])) if index.size else None
    dropped = candles.dropped + int(np.count_nonzero(~is_session))
    return _bars(table.opens[index], candles.values[keep], as_of, dropped)


def intraday_bars(candles: Candles, table: SessionTable, now: float, first_day: int) -> Bars:
    """Five-minute bars inside of sessions that were complete at `now` (epoch seconds)."""
    times = candles.times
    index = np.minimum(np.searchsorted(table.closes, times, side="right"), len(table) - 1)
    in_session = (times >= table.opens[index]) & (times < table.closes[index])
    keep = in_session & (times + BAR_SECONDS <= now) & (table.days[index] >= first_day)
    kept = times[keep]
    as_of = from_epoch(int(kept[-1]) + BAR_SECONDS) if kept.size else None
    return _bars(kept, candles.values[keep], as_of, candles.dropped)


def _bars(times: IntArray, values: FloatArray, as_of: datetime | None, dropped: int) -> Bars:
    warnings = (f"dropped_incomplete_bars:{dropped}",) if dropped else ()
    return Bars(
        timestamps=times,
        open=values[:, 0],
        high=values[:, 1],
        low=values[:, 2],
        close=values[:, 3],
        volume=values[:, 4],
        as_of=as_of,
        # dxFeed's history is adjusted for splits as far as is known; it does not say so itself.
        adjusted=True,
        warnings=(*warnings, NOT_STATED),
    )


def _day_of(at: int) -> int:
    if at % SECONDS_PER_DAY == 0:
        return at // SECONDS_PER_DAY
    return ordinal_of(new_york_date(from_epoch(at)))


def _is_sound(values: list[float | None]) -> bool:
    prices = [value for value in values[:4] if value is not None and value > 0.0]
    if len(prices) < 4:
        return False
    opening, high, low, close = prices
    return low <= min(opening, close) and high >= max(opening, close)
