"""/market-data/by-type: what it says of up to a hundred symbols at once.

For: rows of equities, indices and options. Not for: live values (live.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ttai_analysis.providers.numbers import number, positive
from ttai_analysis.providers.resilience.lifetimes import QUOTE_SECONDS
from ttai_analysis.providers.tastytrade.gateway import Gateway
from ttai_analysis.providers.tastytrade.rest import Parameters
from ttai_analysis.providers.tastytrade.values import moment, records, text

PATH = "/market-data/by-type"
MAX_SYMBOLS = 100
INDICES = frozenset({"SPX", "NDX", "RUT", "VIX", "XSP", "DJX", "OEX", "XEO", "MRUT", "NANOS"})


@dataclass(frozen=True, slots=True)
class MarketRow:
    """None: not said. `at`: when it traded last, else when the row was last changed."""

    symbol: str
    last: float | None
    bid: float | None
    ask: float | None
    volume: float | None
    prev_close: float | None
    open_interest: float | None
    at: datetime | None
    halted: bool


class MarketRows:
    """Rows by symbol, kept for half a minute; None for a symbol that tastytrade does not have."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def of(self, symbols: Sequence[str]) -> dict[str, MarketRow | None]:
        """The row of each symbol; those that are not kept are asked for, a hundred at a time."""
        return self._gateway.get_many(
            PATH, symbols, QUOTE_SECONDS, _request, _read, at_once=MAX_SYMBOLS
        )


def _request(symbols: Sequence[str]) -> tuple[str, Parameters]:
    by_type: dict[str, list[str]] = {}
    for symbol in symbols:
        kind = "equity-option" if len(symbol) == 21 else "equity"
        by_type.setdefault("index" if symbol in INDICES else kind, []).append(symbol)
    return PATH, by_type


def _read(answer: dict[str, object]) -> dict[str, MarketRow]:
    return {row.symbol: row for row in map(_row, records(answer.get("items")))}


def _row(item: dict[str, object]) -> MarketRow:
    return MarketRow(
        symbol=text(item.get("symbol")),
        last=positive(item.get("last")),
        bid=positive(item.get("bid")),
        ask=positive(item.get("ask")),
        volume=number(item.get("volume")),
        prev_close=positive(item.get("prev-close")),
        open_interest=number(item.get("open-interest")),
        at=moment(item.get("last-trade-time")) or moment(item.get("updated-at")),
        halted=item.get("trading-halted") is True,
    )
