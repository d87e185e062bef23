"""What is wrong with a symbol's quote, as warnings in the words of quality.py.

For: every analysis that would trust the symbol. Not for: bars (chart/faults.py) or chains
(options/chain_faults.py).
"""

from datetime import datetime, timedelta
from math import isfinite

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.models.common import MAX_PRICE
from ttai_analysis.providers.base import Quote

MAX_AGE_IN_SESSION = timedelta(minutes=20)
"""What is traded on in a session may be as old as delayed data is: usually 15 minutes, and up to 5
in a cache."""
CLOCK_SKEW = timedelta(minutes=5)
"""Sources' clocks may be ahead of ours by this much."""
MAX_WIDTH = 0.05
"""Of the mid: a market wider than this is none."""
MAX_FROM_CLOSE = 0.25
"""Of the last close: further away, either the quote or the bars are of something else."""


def quote_faults(
    symbol: str, quote: Quote | None, as_of: datetime, last_close: float | None, *, trading: bool
) -> list[str]:
    """Warnings about the quote. `last_close` is of the split-adjusted bars, None unknown;
    `trading`: options are priced from it, so in a session it must be recent. Raises
    InvalidMarketDataError for numbers that cannot be, and for the quote of another symbol."""
    if quote is None:
        return ["no_quote"]
    _check(symbol, quote)
    found = []
    if quote.halted:
        found.append("halted")
    if quote.as_of > as_of + CLOCK_SKEW:
        found.append("future_quote")
    elif _is_old(quote.as_of, as_of, trading=trading):
        found.append("stale_quote")
    sides = _market_faults(quote.bid, quote.ask)
    if quote.session != "regular" and session_table().at(as_of) is None:
        # The price is the last trade; a market before the open or after the close is often none.
        sides = [f"closed_market_quote:{code}" for code in sides]
    found += sides
    if last_close and abs(quote.price / last_close - 1.0) > MAX_FROM_CLOSE:
        found.append("quote_far_from_close")
    return found


def _check(symbol: str, quote: Quote) -> None:
    if quote.symbol != symbol:
        raise InvalidMarketDataError(
            f"Asked for the quote of {symbol}, the source gave that of {quote.symbol}.",
            details={"symbol": symbol},
        )
    if not 0.0 < quote.price <= MAX_PRICE:
        raise InvalidMarketDataError(
            f"The quote of {symbol} has no price.", details={"symbol": symbol}
        )
    for side in (quote.bid, quote.ask):
        if side is not None and not (isfinite(side) and 0.0 <= side <= MAX_PRICE):
            raise InvalidMarketDataError(
                f"The quote of {symbol} holds a bid or ask that cannot be.",
                details={"symbol": symbol},
            )


def _is_old(traded_at: datetime, as_of: datetime, *, trading: bool) -> bool:
    table = session_table()
    if trading and table.at(as_of) is not None:
        return as_of - traded_at > MAX_AGE_IN_SESSION
    completed = table.completed(as_of.timestamp())
    return completed > 0 and traded_at.timestamp() < int(table.opens[completed - 1])


def _market_faults(bid: float | None, ask: float | None) -> list[str]:
    """Of the two sides; a source that gives neither (None) has no market to be wrong."""
    if bid is None and ask is None:
        return []
    if not bid and not ask:
        return ["no_live_quotes"]
    if not bid or not ask:
        return ["one_sided_quote"]
    if bid > ask:
        return ["crossed_quote"]
    if bid == ask:
        return ["locked_quote"]
    return ["wide_quote"] if (ask - bid) > MAX_WIDTH * 0.5 * (bid + ask) else []
