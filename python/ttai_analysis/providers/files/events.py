"""Recorded quotes (`quotes.csv`), reports (`earnings.csv`), dividends (`dividends.csv`), interest
rates (`rates.csv`).

For: what was known at a time. Not for: bars or chains.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Earnings
from ttai_analysis.providers.files.tables import number, read_rows
from ttai_analysis.timestamps import parse_rfc3339

MAX_RATE_AGE = timedelta(days=31)
"""An older rate says less than the assumed one, which is told."""


@dataclass(frozen=True, slots=True)
class RecordedQuote:
    """A last trade with its time; bid and ask where they were recorded."""

    at: datetime
    last: float
    bid: float | None
    ask: float | None
    volume: float | None


@dataclass(frozen=True, slots=True)
class RecordedReport:
    """A report's date (None: none to come, as of a fund), and since when it was known."""

    day: date | None
    known_from: date


@dataclass(frozen=True, slots=True)
class RecordedDividend:
    """A dividend and the first day on which it was known; `amount` None: not how much."""

    ex_date: date
    amount: float | None
    known_from: date


@dataclass(frozen=True, slots=True)
class RecordedRate:
    """A continuously compounded interest rate as a decimal."""

    day: date
    rate: float


def parse_quotes(path: Path) -> dict[str, list[RecordedQuote]]:
    """Quotes by symbol, oldest first. Raises InvalidMarketDataError."""
    quotes: dict[str, list[RecordedQuote]] = {}
    for row in read_rows(path, ("symbol", "asOf", "last")):
        try:
            at = parse_rfc3339(row["asOf"])
        except ValueError as error:
            raise InvalidMarketDataError(f"quotes.csv: {error}.") from error
        quote = RecordedQuote(
            at,
            number(row["last"]),
            _known(row.get("bid")),
            _known(row.get("ask")),
            _known(row.get("volume")),
        )
        if quote.last > 0.0:
            quotes.setdefault(row["symbol"].strip().upper(), []).append(quote)
    return {symbol: sorted(items, key=lambda quote: quote.at) for symbol, items in quotes.items()}


def parse_reports(path: Path) -> dict[str, list[RecordedReport]]:
    """Reports by symbol, oldest first. The column knownFrom keeps the future out."""
    reports: dict[str, list[RecordedReport]] = {}
    for row in read_rows(path, ("symbol", "date", "knownFrom")):
        try:
            day = date.fromisoformat(row["date"]) if row["date"].strip() else None
            report = RecordedReport(day, date.fromisoformat(row["knownFrom"]))
        except ValueError as error:
            raise InvalidMarketDataError(f"earnings.csv: {error}.") from error
        reports.setdefault(row["symbol"].strip().upper(), []).append(report)
    return {
        symbol: sorted(items, key=lambda item: item.day or date.max)
        for symbol, items in reports.items()
    }


def parse_dividends(path: Path) -> dict[str, list[RecordedDividend]]:
    """Dividends by symbol, oldest first. Raises InvalidMarketDataError."""
    dividends: dict[str, list[RecordedDividend]] = {}
    for row in read_rows(path, ("symbol", "exDate", "amount", "knownFrom")):
        amount = _known(row["amount"])
        try:
            dividend = RecordedDividend(
                date.fromisoformat(row["exDate"]), amount, date.fromisoformat(row["knownFrom"])
            )
        except ValueError as error:
            raise InvalidMarketDataError(f"dividends.csv: {error}.") from error
        if amount is not None and amount <= 0.0:
            raise InvalidMarketDataError("dividends.csv holds a dividend that is none.")
        dividends.setdefault(row["symbol"].strip().upper(), []).append(dividend)
    return {
        symbol: sorted(items, key=lambda item: item.ex_date) for symbol, items in dividends.items()
    }


def parse_rates(path: Path) -> list[RecordedRate]:
    """Rates, oldest first. Raises InvalidMarketDataError."""
    rates: list[RecordedRate] = []
    for row in read_rows(path, ("date", "rate")):
        try:
            day = date.fromisoformat(row["date"])
        except ValueError as error:
            raise InvalidMarketDataError(f"rates.csv: {error}.") from error
        rate = _known(row["rate"])
        if rate is None:
            raise InvalidMarketDataError(f"rates.csv has no number for {day}.")
        rates.append(RecordedRate(day, rate))
    return sorted(rates, key=lambda item: item.day)


def rate_on(rates: list[RecordedRate], today: date) -> float | None:
    """The newest rate up to that day; None where it is older than MAX_RATE_AGE."""
    index = bisect_right(rates, today, key=lambda item: item.day)
    if index == 0 or today - rates[index - 1].day > MAX_RATE_AGE:
        return None
    return rates[index - 1].rate


def next_dividend(dividends: list[RecordedDividend], today: date) -> RecordedDividend | None:
    """The next ex-date, today's included, that was known on that day."""
    coming = (item for item in dividends if item.ex_date >= today and item.known_from <= today)
    return next(coming, None)


def quote_at(quotes: list[RecordedQuote], as_of: datetime) -> RecordedQuote | None:
    """The newest quote at or before that moment."""
    index = bisect_right(quotes, as_of, key=lambda quote: quote.at)
    return quotes[index - 1] if index else None


def next_report(reports: list[RecordedReport], today: date) -> Earnings:
    """The next report that was known on that day; that there is none, where that was known last."""
    known = [item for item in reports if item.known_from <= today]
    for item in known:
        if item.day is not None and item.day >= today:
            return Earnings(known=True, day=item.day, estimated=False)
    newest = max(known, key=lambda item: item.known_from, default=None)
    return Earnings(known=True) if newest and newest.day is None else UNKNOWN_EARNINGS


def _known(text: str | None) -> float | None:
    value = number(text)
    return value if value == value else None
