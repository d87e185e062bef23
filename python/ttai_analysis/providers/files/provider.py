"""The `files` provider: a person's own folder of CSV files, replayed at any moment.

For: bars/SYMBOL.csv, and optionally splits.csv, chains/SYMBOL_DATE.csv, quotes.csv, earnings.csv,
dividends.csv, rates.csv. Not for: news, which this source does not have.
Nothing later than asOf is ever seen: a day's bar and chain count from the close of its session, a
split and a rate from its day, the dates of reports and dividends from the day on which they were
known.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from ttai_analysis.errors import InsufficientDataError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import (
    UNKNOWN_EARNINGS,
    Article,
    Bars,
    Chain,
    Dividend,
    Earnings,
    MarketSession,
    Metrics,
    ProviderState,
    Quote,
    Split,
    Timeframe,
)
from ttai_analysis.providers.files.bars import (
    DailyFile,
    DailyView,
    parse_daily,
    parse_splits,
    view_until,
)
from ttai_analysis.providers.files.chains import parse_chain
from ttai_analysis.providers.files.events import (
    RecordedDividend,
    RecordedQuote,
    next_dividend,
    next_report,
    parse_dividends,
    parse_quotes,
    parse_rates,
    parse_reports,
    quote_at,
    rate_on,
)
from ttai_analysis.providers.files.origin import Origin
from ttai_analysis.providers.files.tables import CachedFiles
from ttai_analysis.providers.periods import first_day_of
from ttai_analysis.providers.resample import weekly_from_daily
from ttai_analysis.timestamps import (
    date_from_ordinal,
    from_epoch,
    new_york,
    new_york_date,
    ordinal_of,
)

PRE_OPENS_HOUR, POST_CLOSES_HOUR = 4, 20


class FilesProvider:
    """See the module; `folder` must hold `bars/`."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = session_table()
        self._daily = CachedFiles(parse_daily)
        self._splits = CachedFiles(parse_splits)
        self._chains = CachedFiles(parse_chain)
        self._quotes = CachedFiles(parse_quotes)
        self._reports = CachedFiles(parse_reports)
        self._dividends = CachedFiles(parse_dividends)
        self._rates = CachedFiles(parse_rates)
        self._origin = Origin(folder / "bars")

    @property
    def source(self) -> str:
        """`simulated` where a bar file says that its prices are invented, else `files`."""
        return "simulated" if self._origin.is_simulated() else "files"

    def risk_free_rate(self, as_of: datetime) -> float | None:
        """From rates.csv; None without it, or without a rate of late."""
        rates = self._rates.get(self._folder / "rates.csv")
        return rate_on(rates, new_york_date(as_of)) if rates else None

    def knows(self, symbol: str) -> bool:
        """Whether there is a bar file."""
        return self._bar_path(symbol).is_file()

    def symbols(self) -> tuple[str, ...]:
        """All symbols with a bar file, sorted."""
        return tuple(sorted(path.stem for path in (self._folder / "bars").glob("*.csv")))

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        """Bars of sessions that had closed. Raises InsufficientDataError for intraday ones."""
        file = self._file(symbol)
        if timeframe == "intraday":
            raise InsufficientDataError(
                "The files provider has daily bars only.", details={"timeframe": timeframe}
            )
        if not file.days.size:
            raise InsufficientDataError(f"The bar file of {symbol} is empty.")
        last = self._last_closed_day(as_of)
        oldest = date_from_ordinal(int(file.days[0]))
        first = first_day_of(period, max(oldest, new_york_date(as_of)), oldest)
        splits = self._splits_until(symbol, as_of)
        view = view_until(file, ordinal_of(first), last, splits if adjusted else ())
        bars = self._bars_of(view, symbol, splits, adjusted=adjusted, dropped=file.dropped)
        bars = replace(bars, dividends=self._dividends_between(symbol, first, as_of))
        return bars if timeframe == "daily" else weekly_from_daily(bars, self._table)

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        """The newer of the last recorded quote and the last close."""
        file = self._file(symbol)
        recorded = quote_at(self._recorded_quotes(symbol), as_of)
        view = view_until(file, 0, self._last_closed_day(as_of), self._splits_until(symbol, as_of))
        closed = self._closing_quote(view)
        newest = recorded if recorded and (not closed or recorded.at >= closed.at) else closed
        if newest is None:
            return None
        day = ordinal_of(new_york_date(newest.at))
        earlier = view.close[view.days < day]
        return Quote(
            symbol=symbol,
            price=newest.last,
            bid=newest.bid,
            ask=newest.ask,
            volume=newest.volume,
            prev_close=float(earlier[-1]) if earlier.size else None,
            as_of=newest.at,
            session=self._market_session(as_of),
        )

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """Each as `quote` gives it."""
        found = {symbol: self.quote(symbol, as_of) for symbol in symbols if self.knows(symbol)}
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain | None:
        """The chain of the same New York day, from the close of its session on."""
        self._file(symbol)
        today = new_york_date(as_of)
        index = self._table.index_of(today)
        if index is None or as_of.timestamp() < self._table.closes[index]:
            return None
        name = f"{_file_name(symbol)}_{today.isoformat()}.csv"
        file = self._chains.get(self._folder / "chains" / name)
        quote = self.quote(symbol, as_of)
        if file is None or quote is None:
            return None
        return Chain(
            symbol=symbol,
            as_of=from_epoch(int(self._table.closes[index])),
            underlying_price=quote.price,
            expiry=file.expiry,
            strike=file.strike,
            is_call=file.is_call,
            bid=file.bid,
            ask=file.ask,
            open_interest=file.open_interest,
            volume=file.volume,
        )

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """From earnings.csv; unknown without it."""
        self._file(symbol)
        reports = self._reports.get(self._folder / "earnings.csv") or {}
        known = reports.get(symbol)
        return next_report(known, new_york_date(as_of)) if known else UNKNOWN_EARNINGS

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """The next dividend from dividends.csv; the folder knows nothing else."""
        self._file(symbol)
        coming = next_dividend(self._recorded_dividends(symbol), new_york_date(as_of))
        if coming is None:
            return Metrics()
        return Metrics(next_ex_dividend=coming.ex_date, next_dividend=coming.amount)

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...] | None:
        """The folder has no news."""
        return None

    def state(self, as_of: datetime) -> ProviderState:
        """Ready while the folder holds a bar file."""
        count = len(self.symbols())
        return ProviderState(ready=count > 0, detail={"symbols": count})

    def close(self) -> None:
        """Nothing to end."""

    def _bar_path(self, symbol: str) -> Path:
        return self._folder / "bars" / f"{_file_name(symbol)}.csv"

    def _file(self, symbol: str) -> DailyFile:
        file = self._daily.get(self._bar_path(symbol))
        if file is None:
            raise SymbolNotFoundError(
                f"There is no bars/{_file_name(symbol)}.csv.", details={"symbol": symbol}
            )
        return file

    def _last_closed_day(self, as_of: datetime) -> int:
        completed = self._table.completed(as_of.timestamp())
        return int(self._table.days[completed - 1]) if completed else -1

    def _splits_until(self, symbol: str, as_of: datetime) -> tuple[Split, ...]:
        splits = self._splits.get(self._folder / "splits.csv") or {}
        today = new_york_date(as_of)
        return tuple(split for split in splits.get(symbol, ()) if split.day <= today)

    def _recorded_dividends(self, symbol: str) -> list[RecordedDividend]:
        return (self._dividends.get(self._folder / "dividends.csv") or {}).get(symbol, [])

    def _dividends_between(self, symbol: str, first: date, as_of: datetime) -> tuple[Dividend, ...]:
        last = new_york_date(as_of)
        return tuple(
            Dividend(item.ex_date, item.amount)
            for item in self._recorded_dividends(symbol)
            if item.amount is not None and first <= item.ex_date <= last
        )

    def _recorded_quotes(self, symbol: str) -> list[RecordedQuote]:
        return (self._quotes.get(self._folder / "quotes.csv") or {}).get(symbol, [])

    def _closing_quote(self, view: DailyView) -> RecordedQuote | None:
        if not view.days.size:
            return None
        at = self._closes_of(view.days[-1:])[0]
        return RecordedQuote(
            from_epoch(int(at)), float(view.close[-1]), None, None, float(view.volume[-1])
        )

    def _closes_of(self, days: np.ndarray) -> np.ndarray:
        """Each day's close; a day that is no session borrows the session before it."""
        index = np.searchsorted(self._table.days, days, side="right") - 1
        return np.asarray(self._table.closes[np.maximum(index, 0)])

    def _bars_of(
        self,
        view: DailyView,
        symbol: str,
        splits: tuple[Split, ...],
        *,
        adjusted: bool,
        dropped: int,
    ) -> Bars:
        index = np.searchsorted(self._table.days, view.days, side="right") - 1
        has_splits = bool((self._splits.get(self._folder / "splits.csv") or {}).get(symbol))
        last = self._closes_of(view.days[-1:])
        return Bars(
            timestamps=self._table.opens[np.maximum(index, 0)],
            open=view.open,
            high=view.high,
            low=view.low,
            close=view.close,
            volume=view.volume,
            as_of=from_epoch(int(last[0])) if last.size else None,
            adjusted=adjusted or not has_splits,
            adj_close=view.adj_close,
            splits=splits,
            warnings=(f"dropped_incomplete_bars:{dropped}",) if dropped else (),
        )

    def _market_session(self, as_of: datetime) -> MarketSession:
        if self._table.at(as_of) is not None:
            return "regular"
        local = as_of.astimezone(new_york())
        index = self._table.index_of(local.date())
        if index is None:
            return "closed"
        if as_of.timestamp() < self._table.opens[index]:
            return "pre" if local.hour >= PRE_OPENS_HOUR else "closed"
        return "post" if local.hour < POST_CLOSES_HOUR else "closed"


def _file_name(symbol: str) -> str:
    """Share classes written with a slash have a dash in file names."""
    return symbol.replace("/", "-")
