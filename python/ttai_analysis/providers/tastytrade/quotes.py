"""One quote from what REST and the stream say of a symbol, and the session at a moment.

For: choosing between both. Not for: fetching either.
"""

from datetime import datetime

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import MarketSession, Quote
from ttai_analysis.providers.tastytrade.live import LiveRow
from ttai_analysis.providers.tastytrade.market_rows import MarketRow
from ttai_analysis.timestamps import new_york

STOCK_EVENTS = ("Quote", "Trade", "Summary")
PRE_OPENS_HOUR, POST_CLOSES_HOUR = 4, 20


def present_quote(
    row: MarketRow, live: LiveRow | None, as_of: datetime, table: SessionTable
) -> Quote | None:
    """The stream's trade and sides of the market where it has them, else REST's; None without a
    trade. `live` is None while the stream is not to be believed, which is then said."""
    price, traded_at, volume = row.last, row.at, row.volume
    if live and live.price is not None and _is_newer(live.traded_at, traded_at):
        price, traded_at = live.price, live.traded_at
        volume = row.volume if live.volume is None else live.volume
    if price is None or traded_at is None:
        return None
    streamed = live is not None and live.quoted_at is not None
    warnings = [] if streamed else ["not_streamed"]
    if live and traded_at == live.traded_at and live.time_is_receipt:
        warnings.append("receive_time_stamped")
    return Quote(
        symbol=row.symbol,
        price=price,
        bid=live.bid if live and streamed else row.bid,
        ask=live.ask if live and streamed else row.ask,
        volume=volume,
        prev_close=row.prev_close or (live.prev_close if live else None),
        as_of=min(traded_at, as_of),
        session=market_session(table, as_of),
        halted=row.halted,
        warnings=tuple(warnings),
    )


def market_session(table: SessionTable, at: datetime) -> MarketSession:
    """Where in the day that moment is."""
    if table.at(at) is not None:
        return "regular"
    local = at.astimezone(new_york())
    index = table.index_of(local.date())
    if index is None:
        return "closed"
    if at.timestamp() < table.opens[index]:
        return "pre" if local.hour >= PRE_OPENS_HOUR else "closed"
    return "post" if local.hour < POST_CLOSES_HOUR else "closed"


def _is_newer(live: datetime | None, row: datetime | None) -> bool:
    return row is None or (live is not None and live >= row)
