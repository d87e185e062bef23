"""Yahoo's quotes: the last trade of a regular session, and the report it announces.

For: one row of `quoteResponse.result`, which option bodies carry as `quote` too. Not for: fetching.
The price is always that of the last regular session, with its time: Yahoo's bid and ask are 10 %
apart before the open, so they count in a session only.
"""

from datetime import datetime
from typing import Literal

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Earnings, MarketSession, Quote
from ttai_analysis.providers.yahoo.fields import Json, branch, moment, number, positive, rows, text
from ttai_analysis.timestamps import new_york, new_york_date

SESSIONS: dict[str, MarketSession] = {
    "PREPRE": "pre",
    "PRE": "pre",
    "REGULAR": "regular",
    "POST": "post",
    "POSTPOST": "post",
}
CURRENCY, TIME_ZONE = "USD", "America/New_York"
WITHOUT_REPORTS = frozenset({"ETF", "MUTUALFUND", "INDEX"})
OPENS, CLOSES = (9, 30), (16, 0)


def parse_quotes(body: Json) -> dict[str, Json]:
    """Rows by Yahoo's symbol; symbols that it does not have are absent. Raises ProviderError."""
    answer = branch(body, "quoteResponse")
    if not isinstance(answer.get("result"), list):
        raise ProviderError("Yahoo's answer holds no quotes.")
    found: dict[str, Json] = {}
    for row in rows(answer["result"]):
        name = text(row.get("symbol"))
        if name is not None and positive(row.get("regularMarketPrice")) is not None:
            found[name] = row
    return found


def require_american(symbol: str, row: Json) -> None:
    """Raises SymbolNotFoundError for what trades elsewhere: sessions and currency are New York's.

    `row` is a quote or the `meta` of a chart.
    """
    currency, zone = text(row.get("currency")), text(row.get("exchangeTimezoneName"))
    if (currency or CURRENCY) != CURRENCY or (zone or TIME_ZONE) != TIME_ZONE:
        raise SymbolNotFoundError(
            f"{symbol} trades in {currency} in {zone}; only listings in New York are covered.",
            details={"symbol": symbol},
        )


def session_of(row: Json) -> MarketSession:
    """What the exchange is doing, as Yahoo says; what it does not say is closed."""
    return SESSIONS.get(text(row.get("marketState")) or "", "closed")


def traded_at(row: Json) -> datetime | None:
    """The time of the last regular trade."""
    return moment(row.get("regularMarketTime"))


def quote_of(symbol: str, row: Json, as_of: datetime) -> Quote | None:
    """The quote at `as_of`, a moment before the row was fetched; None without price or time.

    A trade that came while the request was under way is stamped `as_of`.
    """
    price, at = positive(row.get("regularMarketPrice")), traded_at(row)
    if price is None or at is None:
        return None
    session = session_of(row)
    bid, ask = positive(row.get("bid")), positive(row.get("ask"))
    delay = number(row.get("exchangeDataDelayedBy")) or 0.0
    return Quote(
        symbol=symbol,
        price=price,
        bid=bid if session == "regular" else None,
        ask=ask if session == "regular" else None,
        volume=number(row.get("regularMarketVolume")),
        prev_close=positive(row.get("regularMarketPreviousClose")),
        as_of=min(at, as_of),
        session=session,
        warnings=(f"delayed_minutes:{delay:g}",) if delay > 0.0 else (),
    )


def earnings_of(row: Json, as_of: datetime) -> Earnings:
    """The next report. Of an estimated span of days the first that can still be it.

    A span that has passed says nothing about the next report: unknown.
    """
    if (text(row.get("quoteType")) or "") in WITHOUT_REPORTS:
        return Earnings(known=True)
    first = moment(row.get("earningsTimestampStart")) or moment(row.get("earningsTimestamp"))
    last = moment(row.get("earningsTimestampEnd")) or first
    today = new_york_date(as_of)
    if first is None or last is None or new_york_date(max(first, last)) < today:
        return UNKNOWN_EARNINGS
    told = row.get("isEarningsDateEstimate")
    estimated = told if isinstance(told, bool) else None
    sure = estimated is False and first == last
    return Earnings(
        known=True,
        day=max(new_york_date(first), today),
        estimated=estimated,
        time_of_day=_time_of_day(first) if sure else None,
    )


def _time_of_day(at: datetime) -> Literal["before_open", "after_close"] | None:
    local = at.astimezone(new_york())
    clock = (local.hour, local.minute)
    if session_table().index_of(local.date()) is None or OPENS <= clock < CLOSES:
        return None
    return "before_open" if clock < OPENS else "after_close"
