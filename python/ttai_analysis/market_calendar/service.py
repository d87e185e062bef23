"""/market/clock and /market/calendar: the exchange's sessions for both languages.

For: one source of holidays and half days. Not for: the simulated market, which never closes.
"""

import re
from datetime import date, datetime

from ttai_analysis.errors import InvalidRequestError
from ttai_analysis.market_calendar.sessions import Session, SessionTable, session_table
from ttai_analysis.models.common import moment_of
from ttai_analysis.models.health import Calendar, MarketClock, SessionRow
from ttai_analysis.timestamps import date_from_ordinal

EXCHANGE = "XNYS"
TIMEZONE = "America/New_York"
MAX_DAYS = 3700
LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def market_calendar(first: date, last: date, *, quotes_never_close: bool) -> Calendar:
    """Sessions within [first, last]. Raises InvalidRequestError outside 1990 to 2040."""
    table = session_table()
    oldest, newest = date_from_ordinal(int(table.days[0])), date_from_ordinal(int(table.days[-1]))
    if first > last or (last - first).days > MAX_DAYS:
        raise InvalidRequestError("'from' must not be after 'to', nor more than ten years before.")
    if first.year < oldest.year or last.year > newest.year:
        raise InvalidRequestError(f"The calendar covers {oldest.year} to {newest.year}.")
    start, stop = table.first_on_or_after(first), table.first_on_or_after(last)
    if stop < len(table) and date_from_ordinal(int(table.days[stop])) == last:
        stop += 1
    rows = [session_row(table.session(index)) for index in range(start, stop)]
    return Calendar(
        exchange=EXCHANGE,
        timezone=TIMEZONE,
        quotes_never_close=quotes_never_close,
        sessions=rows,
    )


def market_clock(as_of: datetime) -> MarketClock:
    """The exchange at that moment."""
    table = session_table()
    current = table.at(as_of)
    completed = table.completed(as_of.timestamp())
    if not 0 < completed < len(table) - 1:
        raise InvalidRequestError("asOf is outside the years of the calendar.")
    return MarketClock(
        exchange=EXCHANGE,
        timezone=TIMEZONE,
        as_of=as_of,
        is_open=current is not None,
        current_session=session_row(current) if current else None,
        next_open=_next_open(table, completed, current),
        next_close=table.session(completed).closes_at,
        previous_close=table.session(completed - 1).closes_at,
    )


def moment_or_none(text: str | None) -> datetime | None:
    """A time from a query string. Raises InvalidRequestError."""
    if text is None:
        return None
    try:
        # An unescaped plus of an offset comes as a space.
        return moment_of(LOST_PLUS.sub("+", text))
    except ValueError as error:
        raise InvalidRequestError(f"asOf: {error}.", details={"field": "asOf"}) from error


def session_row(session: Session) -> SessionRow:
    """One session as a row."""
    return SessionRow(
        day=session.day,
        opens_at=session.opens_at,
        closes_at=session.closes_at,
        half_day=session.half_day,
    )


def _next_open(table: SessionTable, completed: int, current: Session | None) -> datetime:
    return table.session(completed + 1 if current else completed).opens_at
