"""Fetching symbols from a provider into a folder: one after the other, and again where it stopped.

For: what to ask for, what is there already, which failures to wait out. Not for: files (writer.py)
or the command line (__main__.py). A symbol that fails does not keep the others from being stored.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from ttai_analysis.errors import ServiceError
from ttai_analysis.fetching.writer import FolderError, FolderWriter
from ttai_analysis.market_calendar.sessions import Session, SessionTable, session_table
from ttai_analysis.options.inputs import MAX_RATE, MIN_RATE
from ttai_analysis.providers.base import Bars, Chain, Provider
from ttai_analysis.providers.periods import DAYS_OF_PERIOD
from ttai_analysis.timestamps import (
    date_from_ordinal,
    from_epoch,
    new_york_date,
    ordinal_of,
)

DEFAULT_YEARS = 5
ATTEMPTS = 3
MAX_WAIT_SECONDS = 60
SETTLED = timedelta(minutes=15)

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to store; `first` None: what the folder has, or else five years."""

    symbols: tuple[str, ...]
    first: date | None = None
    chains: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One symbol's outcome. `error` None: all of it is in the folder now."""

    symbol: str
    bars: int = 0
    first: date | None = None
    last: date | None = None
    contracts: int = 0
    unchanged: bool = False
    notes: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None


class FetchError(Exception):
    """What came can't be stored; the message says why."""


def fetch(
    provider: Provider,
    writer: FolderWriter,
    wanted: Wanted,
    now: datetime,
    *,
    sleep: Sleep = time.sleep,
) -> Iterator[Stored]:
    """Yields each symbol when it is done; ending early loses nothing that was yielded."""
    for symbol in wanted.symbols:
        try:
            work = partial(_fetch, provider, writer, symbol, wanted, now)
            yield _patiently(work, sleep)
        except ServiceError as error:
            yield Stored(symbol, error=error.message, code=error.code)
        except (FetchError, FolderError) as error:
            yield Stored(symbol, error=str(error), code="NOT_STORED")
        except OSError as error:
            yield Stored(symbol, error=f"The folder: {error}", code="FOLDER")


def _patiently(work: Callable[[], Stored], sleep: Sleep) -> Stored:
    """Again after the time that the source asks for, where it says that this may help."""
    for _ in range(ATTEMPTS - 1):
        try:
            return work()
        except ServiceError as error:
            if not error.retryable:
                raise
            sleep(min(error.retry_after_seconds or 1, MAX_WAIT_SECONDS))
    return work()


def _fetch(
    provider: Provider, writer: FolderWriter, symbol: str, wanted: Wanted, now: datetime
) -> Stored:
    table = session_table()
    session = date_from_ordinal(int(table.days[table.completed(now.timestamp()) - 1]))
    stored = writer.stored_days(symbol)
    first = _first_day(wanted.first, stored, session)
    notes: list[str] = []
    unchanged = False
    if stored is not None and stored[0] <= _session_from(table, first) and stored[1] >= session:
        (begins, ends), count, unchanged = stored, 0, True
    else:
        bars = _cut(_bars(provider, symbol, first, now), first)
        begins, ends = _day(bars, 0), _day(bars, -1)
        if stored is not None and ends < stored[1]:
            raise FetchError(
                f"{provider.source} has bars of {symbol} until {ends} only; the folder has them "
                f"until {stored[1]}, and keeps them."
            )
        # Before the bars: where they are there, nothing of this is asked for again.
        _store_context(provider, writer, symbol, bars, table, now)
        notes += _store_rate(provider, writer, session, now)
        count = writer.write_bars(symbol, bars)
        notes += bars.warnings
    contracts = 0
    if wanted.chains:
        contracts, told = _store_chain(provider, writer, symbol, now, table)
        notes += told
        unchanged = unchanged and contracts == 0 and not told
    return Stored(
        symbol=symbol,
        bars=count,
        first=begins,
        last=ends,
        contracts=contracts,
        unchanged=unchanged,
        notes=tuple(dict.fromkeys(notes)),
    )


def _first_day(asked: date | None, stored: tuple[date, date] | None, session: date) -> date:
    """Never later than what is there: adjusted prices of two fetches do not fit together, so that
    a file is always replaced as a whole."""
    first = asked or (stored[0] if stored else session - timedelta(days=365 * DEFAULT_YEARS))
    return min(first, stored[0]) if stored else first


def _present_or_last(table: SessionTable, now: datetime) -> Session:
    return table.at(now) or table.session(table.completed(now.timestamp()) - 1)


def _session_from(table: SessionTable, day: date) -> date:
    return date_from_ordinal(int(table.days[table.first_on_or_after(day)]))


def _bars(provider: Provider, symbol: str, first: date, now: datetime) -> Bars:
    days = (new_york_date(now) - first).days
    period = next((name for name, length in DAYS_OF_PERIOD.items() if length >= days), "max")
    bars = provider.bars(symbol, "daily", period, now, adjusted=True)
    if not bars.adjusted:
        raise FetchError(
            f"{provider.source} gives prices of {symbol} that are not adjusted for splits."
        )
    return bars


def _cut(bars: Bars, first: date) -> Bars:
    start = int(np.searchsorted(bars.timestamps, ordinal_of(first) * 86_400))
    if start >= len(bars):
        raise FetchError(f"There are no bars from {first} on.")
    return Bars(
        timestamps=bars.timestamps[start:],
        open=bars.open[start:],
        high=bars.high[start:],
        low=bars.low[start:],
        close=bars.close[start:],
        volume=bars.volume[start:],
        as_of=bars.as_of,
        adjusted=bars.adjusted,
        dividends=tuple(item for item in bars.dividends if item.ex_date >= first),
        warnings=bars.warnings,
    )


def _day(bars: Bars, row: int) -> date:
    return new_york_date(from_epoch(int(bars.timestamps[row])))


def _store_context(
    provider: Provider,
    writer: FolderWriter,
    symbol: str,
    bars: Bars,
    table: SessionTable,
    now: datetime,
) -> None:
    """The next report, the dividends that were paid, which were known on their ex-date at the
    latest, and the next one: known from the session whose chain is stored with them."""
    today = _present_or_last(table, now).day
    earnings = provider.earnings(symbol, now)
    if earnings.known and earnings.day is not None:
        writer.add_report(symbol, earnings.day, today)
    elif earnings.known:
        writer.add_no_report(symbol, today)
    dividends: list[tuple[date, float | None, date]] = [
        (item.ex_date, item.amount, item.ex_date) for item in bars.dividends
    ]
    metrics = provider.metrics(symbol, now)
    if metrics.next_ex_dividend is not None:
        dividends.append((metrics.next_ex_dividend, metrics.next_dividend, today))
    writer.add_dividends(symbol, dividends)


def _store_rate(
    provider: Provider, writer: FolderWriter, session: date, now: datetime
) -> Sequence[str]:
    """The rate of the present as that of the present or the last session."""
    rate = provider.risk_free_rate(now)
    if rate is None:
        return ("no_interest_rate",)
    if not MIN_RATE <= rate <= MAX_RATE:
        return (f"interest_rate_left_out:{rate:g}",)
    writer.add_rate(session, rate)
    return ()


def _store_chain(
    provider: Provider, writer: FolderWriter, symbol: str, now: datetime, table: SessionTable
) -> tuple[int, Sequence[str]]:
    """The chain of the present or the last session, unless it is there as of its close."""
    session = _present_or_last(table, now)
    there = writer.chain_moment(symbol, session.day)
    if there is not None and there >= min(now, session.closes_at):
        return 0, ()
    moment = now
    chain = provider.chain(symbol, now)
    if chain is not None and chain.as_of > session.closes_at:
        # It is read as the chain of the close: a source that can look back is asked for just that.
        at_close = provider.chain(symbol, session.closes_at)
        if at_close is not None:
            moment, chain = session.closes_at, at_close
    if chain is None or not len(chain):
        return 0, ("no_option_chain",)
    if new_york_date(chain.as_of) != session.day:
        return 0, (f"stale_chain:{new_york_date(chain.as_of)}",)
    quote = provider.quote(symbol, moment)
    if quote is not None:
        writer.add_quote(quote)
    notes = list(_chain_notes(chain, session.closes_at))
    notes += _store_rate(provider, writer, session.day, now)
    return writer.write_chain(symbol, chain, session.day), notes


def _chain_notes(chain: Chain, closes_at: datetime) -> Iterator[str]:
    yield from chain.warnings
    if chain.as_of < closes_at - SETTLED:
        yield "chain_taken_in_session"
    if chain.as_of > closes_at + SETTLED:
        yield "chain_taken_after_close"
