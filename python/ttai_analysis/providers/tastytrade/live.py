"""The newest values that the stream has sent: quotes, trades, summaries, greeks.

For: one row per symbol, written on the stream's thread, read and awaited by worker threads. Each
value carries the time at which it was received, for the feed's own times are often 0.
Not for: deciding whether the stream is alive (stream.py). The feed's greeks are kept to be compared
with ours, which alone go into answers.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ttai_analysis.providers.numbers import number, positive
from ttai_analysis.providers.tastytrade.compact import Event
from ttai_analysis.providers.tastytrade.values import moment, text
from ttai_analysis.timestamps import Clock


@dataclass(frozen=True, slots=True)
class FeedGreeks:
    """The feed's own greeks: theta a day, vega a point of volatility, as dxFeed defines them."""

    price: float | None
    volatility: float | None
    delta: float | None
    gamma: float | None
    theta: float | None
    rho: float | None
    vega: float | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LiveRow:
    """What is known of a symbol; None: not said yet, or said not to exist (a side of the market).

    `quoted_at` and `summarised_at`: when the last Quote and Summary were received.
    """

    bid: float | None = None
    ask: float | None = None
    quoted_at: datetime | None = None
    price: float | None = None
    traded_at: datetime | None = None
    time_is_receipt: bool = False
    volume: float | None = None
    prev_close: float | None = None
    open_interest: float | None = None
    summarised_at: datetime | None = None
    greeks: FeedGreeks | None = None


class LiveValues:
    """See the module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, LiveRow] = {}
        self._changed = threading.Condition()

    def take(self, kind: str, event: Event) -> None:
        """Note one event."""
        symbol = text(event.get("eventSymbol"))
        change = _CHANGES.get(kind)
        if not symbol or change is None:
            return
        with self._changed:
            row = self._rows.get(symbol, LiveRow())
            self._rows[symbol] = change(row, event, self._clock())
            self._changed.notify_all()

    def row(self, symbol: str) -> LiveRow | None:
        """The newest values, if there were any."""
        with self._changed:
            return self._rows.get(symbol)

    def wait_for(
        self, symbols: Collection[str], enough: Callable[[LiveRow], bool], seconds: float
    ) -> dict[str, LiveRow]:
        """Rows of those symbols that are `enough`, all of them or what came within `seconds`."""
        found: dict[str, LiveRow] = {}

        def all_there() -> bool:
            for symbol in symbols:
                row = self._rows.get(symbol)
                if symbol not in found and row is not None and enough(row):
                    found[symbol] = row
            return len(found) == len(symbols)

        with self._changed:
            self._changed.wait_for(all_there, timeout=seconds)
        return found

    def forget(self, symbols: Iterable[str] | None = None) -> None:
        """Drop rows, all without `symbols`: what is no longer fed is not known any more."""
        with self._changed:
            if symbols is None:
                self._rows.clear()
            else:
                for symbol in symbols:
                    self._rows.pop(symbol, None)
            self._changed.notify_all()

    def counts(self) -> dict[str, int]:
        """How many symbols have a quote, and how many greeks."""
        with self._changed:
            rows = list(self._rows.values())
        return {
            "quotes": sum(row.quoted_at is not None for row in rows),
            "greeks": sum(row.greeks is not None for row in rows),
        }


def _quote(row: LiveRow, event: Event, now: datetime) -> LiveRow:
    # A side that is NaN or 0 is gone; to keep the last one would be to invent a market.
    return replace(
        row, bid=positive(event.get("bidPrice")), ask=positive(event.get("askPrice")), quoted_at=now
    )


def _trade(row: LiveRow, event: Event, now: datetime) -> LiveRow:
    price = positive(event.get("price"))
    if price is None:
        return row
    told = moment(event.get("time"))
    return replace(
        row,
        price=price,
        traded_at=min(told or now, now),
        time_is_receipt=told is None,
        volume=number(event.get("dayVolume")),
    )


def _summary(row: LiveRow, event: Event, now: datetime) -> LiveRow:
    return replace(
        row,
        prev_close=positive(event.get("prevDayClosePrice")),
        open_interest=number(event.get("openInterest")),
        summarised_at=now,
    )


def _greeks(row: LiveRow, event: Event, now: datetime) -> LiveRow:
    return replace(
        row,
        greeks=FeedGreeks(
            price=number(event.get("price")),
            volatility=number(event.get("volatility")),
            delta=number(event.get("delta")),
            gamma=number(event.get("gamma")),
            theta=number(event.get("theta")),
            rho=number(event.get("rho")),
            vega=number(event.get("vega")),
            received_at=now,
        ),
    )


_CHANGES: dict[str, Callable[[LiveRow, Event, datetime], LiveRow]] = {
    "Quote": _quote,
    "Trade": _trade,
    "Summary": _summary,
    "Greeks": _greeks,
}
