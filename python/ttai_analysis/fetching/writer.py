"""CSV files in the layout of the `files` provider, each written whole or not at all.

For: rows into files. Not for: asking a provider (job.py). A file is written beside itself and then
renamed, so that a reader, or a crash, never meets half of one. Every row names its source, and the
files of one source are never replaced by those of another: simulated prices stay told apart.
"""

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

from ttai_analysis.providers.base import Bars, Chain, Quote
from ttai_analysis.timestamps import (
    date_from_ordinal,
    format_rfc3339,
    from_epoch,
    new_york_date,
    parse_rfc3339,
)

BAR_COLUMNS = ("date", "open", "high", "low", "close", "volume", "source")
CHAIN_COLUMNS = (
    "expiry", "strike", "right", "bid", "ask", "openInterest", "volume", "asOf", "source",
)  # fmt: skip
QUOTE_COLUMNS = ("symbol", "asOf", "last", "bid", "ask", "volume", "source")
EARNINGS_COLUMNS = ("symbol", "date", "knownFrom", "source")
DIVIDEND_COLUMNS = ("symbol", "exDate", "amount", "knownFrom", "source")
RATE_COLUMNS = ("date", "rate", "source")
NEVER = "9999"
"""Later than any day, as text."""

Row = dict[str, str]


class FolderError(Exception):
    """The folder holds something that must not be replaced; the message says what and why."""


class FolderWriter:
    """Writes into one folder; one at a time."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder, self.source = folder, source
        for name in ("bars", "chains"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def stored_days(self, symbol: str) -> tuple[date, date] | None:
        """The first and last day of the bar file, None without one.

        Raises FolderError for a file of another source, or one whose splits are applied when read:
        fetched prices are adjusted already, and would be adjusted twice.
        """
        rows = self._own_rows(self.bar_path(symbol))
        splits = _rows(self.folder / "splits.csv")
        if any(row.get("symbol", "").strip().upper() == symbol for row in splits):
            raise FolderError(
                f"splits.csv has rows for {symbol}, and fetched prices are adjusted for splits "
                "already. Take those rows out, or choose another folder with --out."
            )
        if not rows:
            return None
        return date.fromisoformat(rows[0]["date"]), date.fromisoformat(rows[-1]["date"])

    def write_bars(self, symbol: str, bars: Bars) -> int:
        """The whole history of the symbol. Answers how many bars."""
        columns = _columns(bars)
        rows = [
            (
                new_york_date(from_epoch(int(bars.timestamps[row]))).isoformat(),
                *(_cell(column[row]) for column in columns),
                self.source,
            )
            for row in range(len(bars))
        ]
        _replace(self.bar_path(symbol), BAR_COLUMNS, rows)
        return len(rows)

    def chain_moment(self, symbol: str, day: date) -> datetime | None:
        """When the stored chain of that day was taken, None without one."""
        rows = self._own_rows(self.chain_path(symbol, day))
        return parse_rfc3339(rows[0]["asOf"]) if rows and rows[0].get("asOf") else None

    def write_chain(self, symbol: str, chain: Chain, day: date) -> int:
        """The chain of that session. Contracts that are not of 100 shares are left out."""
        at = format_rfc3339(chain.as_of)
        shares = chain.shares_per_contract
        kept = [row for row in range(len(chain)) if shares is None or shares[row] == 100.0]
        rows = [
            (
                date_from_ordinal(int(chain.expiry[row])).isoformat(),
                _cell(float(chain.strike[row])),
                "C" if chain.is_call[row] else "P",
                _cell(float(chain.bid[row])),
                _cell(float(chain.ask[row])),
                _cell(float(chain.open_interest[row])),
                _cell(float(chain.volume[row])),
                at,
                self.source,
            )
            for row in kept
        ]
        _replace(self.chain_path(symbol, day), CHAIN_COLUMNS, rows)
        return len(rows)

    def add_quote(self, quote: Quote) -> None:
        """One more recorded quote; the same moment is replaced."""
        row = {
            "symbol": quote.symbol,
            "asOf": format_rfc3339(quote.as_of),
            "last": _cell(quote.price),
            "bid": _cell(quote.bid),
            "ask": _cell(quote.ask),
            "volume": _cell(quote.volume),
            "source": self.source,
        }
        self._merge("quotes.csv", QUOTE_COLUMNS, [row], ("symbol", "asOf"))

    def add_report(self, symbol: str, day: date, known_from: date) -> None:
        """A report's date; the first day on which it was known is kept."""
        known = self._known_from("earnings.csv", symbol, "date")
        row = {
            "symbol": symbol,
            "date": day.isoformat(),
            "knownFrom": min(known_from.isoformat(), known.get(day.isoformat(), NEVER)),
            "source": self.source,
        }
        self._merge("earnings.csv", EARNINGS_COLUMNS, [row], ("symbol", "date"))

    def add_no_report(self, symbol: str, known_from: date) -> None:
        """That none is to come, as of a fund; the first day on which it was known is kept."""
        known = self._known_from("earnings.csv", symbol, "date")
        row = {
            "symbol": symbol,
            "date": "",
            "knownFrom": min(known_from.isoformat(), known.get("", NEVER)),
            "source": self.source,
        }
        self._merge("earnings.csv", EARNINGS_COLUMNS, [row], ("symbol", "date"))

    def add_dividends(
        self, symbol: str, dividends: Iterable[tuple[date, float | None, date]]
    ) -> None:
        """Ex-date, amount and the first day on which it was known, of which the earliest is kept.
        An amount of None leaves the one that is there."""
        known = self._known_from("dividends.csv", symbol, "exDate")
        amounts = {
            row["exDate"]: row.get("amount") or ""
            for row in _rows(self.folder / "dividends.csv")
            if row.get("symbol") == symbol
        }
        new = [
            {
                "symbol": symbol,
                "exDate": day,
                "amount": _cell(amount) or amounts.get(day, ""),
                "knownFrom": min(known_from.isoformat(), known.get(day, NEVER)),
                "source": self.source,
            }
            for ex_date, amount, known_from in dividends
            for day in (ex_date.isoformat(),)
        ]
        if new:
            self._merge("dividends.csv", DIVIDEND_COLUMNS, new, ("symbol", "exDate"))

    def add_rate(self, day: date, rate: float) -> None:
        """The interest rate of that day: continuously compounded, a decimal."""
        row = {"date": day.isoformat(), "rate": _cell(rate), "source": self.source}
        if row not in _rows(self.folder / "rates.csv"):
            self._merge("rates.csv", RATE_COLUMNS, [row], ("date", "source"))

    def bar_path(self, symbol: str) -> Path:
        """Where the bars of the symbol are."""
        return self.folder / "bars" / f"{_file_name(symbol)}.csv"

    def chain_path(self, symbol: str, day: date) -> Path:
        """Where the chain of that session is."""
        return self.folder / "chains" / f"{_file_name(symbol)}_{day.isoformat()}.csv"

    def _known_from(self, name: str, symbol: str, day: str) -> dict[str, str]:
        """Since when each day of the symbol has been known."""
        rows = [row for row in _rows(self.folder / name) if row.get("symbol") == symbol]
        return {row[day]: row.get("knownFrom") or NEVER for row in rows}

    def _merge(
        self, name: str, columns: Sequence[str], new: Sequence[Row], key: tuple[str, str]
    ) -> None:
        path = self.folder / name
        same = {tuple(row[column] for column in key) for row in new}
        rows = [row for row in _rows(path) if tuple(row.get(column) for column in key) not in same]
        rows += new
        rows.sort(key=lambda row: tuple(row.get(column) or "" for column in key))
        _replace(path, columns, [[row.get(column) or "" for column in columns] for row in rows])

    def _own_rows(self, path: Path) -> list[Row]:
        rows = _rows(path)
        other = next((row for row in rows if row.get("source") != self.source), None)
        if other is not None:
            told = other.get("source") or "a source that it does not name"
            raise FolderError(
                f"{path.name} holds data of {told}, not of {self.source}: it is left as it is. "
                "Choose another folder with --out."
            )
        return rows


def _columns(bars: Bars) -> tuple[Sequence[float], ...]:
    return (
        bars.open.tolist(),
        bars.high.tolist(),
        bars.low.tolist(),
        bars.close.tolist(),
        bars.volume.tolist(),
    )


def _cell(value: float | None) -> str:
    """The shortest text that reads back as the same number; empty for what is not known."""
    if value is None or not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _replace(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _file_name(symbol: str) -> str:
    return symbol.replace("/", "-")
