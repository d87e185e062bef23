"""The `yahoo` provider: bars, quotes, chains, reports and news of Yahoo, without an account.

For: the present, on a best effort. Not for: quotes and chains of the past, which Yahoo does not
have: for a past `as_of` there are bars up to it and news before it, and the rest is not known.
"""

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from ttai_analysis.errors import ServiceError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import (
    UNKNOWN_EARNINGS,
    Article,
    Bars,
    Chain,
    Earnings,
    Metrics,
    ProviderState,
    Quote,
    Timeframe,
)
from ttai_analysis.providers.periods import MAX_INTRADAY_DAYS, first_day_of
from ttai_analysis.providers.resample import weekly_from_daily
from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.lifetimes import (
    CHAIN_SECONDS,
    COMPANY_SECONDS,
    DAILY_HISTORY_SECONDS,
    INTRADAY_HISTORY_SECONDS,
    NEWS_SECONDS,
    QUOTE_SECONDS,
)
from ttai_analysis.providers.resilience.upstream import Upstream
from ttai_analysis.providers.yahoo.bars import (
    SETTLED_SECONDS,
    FetchedChart,
    daily_bars,
    intraday_bars,
)
from ttai_analysis.providers.yahoo.fields import Json, positive
from ttai_analysis.providers.yahoo.parse_chart import parse_chart
from ttai_analysis.providers.yahoo.parse_company import articles_of, metrics_of, parse_summary
from ttai_analysis.providers.yahoo.parse_options import (
    OptionsBody,
    chain_of,
    expiries_worth_fetching,
    expiry_of,
    parse_options,
)
from ttai_analysis.providers.yahoo.parse_quote import (
    earnings_of,
    parse_quotes,
    quote_of,
    require_american,
)
from ttai_analysis.providers.yahoo.transport import Transport
from ttai_analysis.timestamps import (
    SECONDS_PER_DAY,
    Clock,
    new_york_date,
    new_york_epoch,
    ordinal_of,
    system_clock,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

REQUESTS_PER_SECOND, BURST = 2.0, 40
PRESENT = timedelta(seconds=30)
"""A request for a moment up to so long ago is one for the present that had to wait."""
QUOTES_AT_ONCE = 100
OLDEST = date(1990, 1, 1)
SHORT_HISTORY = 731
"""Daily history is fetched for two years or for all, so that requests share what is kept."""
BILLS = "^IRX"
"""The rate of 13-week Treasury bills, in percent."""


class YahooProvider:
    """See the module. `clock` says what the present is; `upstream` is for tests."""

    name = "yahoo"
    source = "yahoo"

    def __init__(
        self,
        transport: Transport,
        clock: Clock = system_clock,
        upstream: Upstream | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._table = session_table()
        self._upstream = upstream or Upstream(
            "Yahoo",
            requests_per_second=REQUESTS_PER_SECOND,
            burst=BURST,
            breaker=Breaker("Yahoo"),
        )

    def risk_free_rate(self, as_of: datetime) -> float | None:
        """That of 13-week Treasury bills; None for the past, or when it cannot be had."""
        if not self._is_present(as_of):
            return None
        try:
            row = self._rows([BILLS], COMPANY_SECONDS)[BILLS]
        except ServiceError as error:
            log.info("no interest rate from Yahoo: %s", error.message)
            return None
        percent = positive(row.get("regularMarketPrice")) if row else None
        return None if percent is None else math.log1p(percent / 100.0)

    def knows(self, symbol: str) -> bool:
        """Whether Yahoo quotes the symbol in New York."""
        try:
            self._row(symbol)
        except SymbolNotFoundError:
            return False
        return True

    def symbols(self) -> tuple[str, ...]:
        """Yahoo has no list of all."""
        return ()

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        """Bars that were complete at `as_of`, with the splits and dividends known then."""
        today = new_york_date(as_of)
        first_day = first_day_of(period, today, OLDEST)
        if timeframe == "intraday":
            return self._intraday(symbol, first_day, as_of, adjusted=adjusted)
        fetched = self._daily_chart(symbol, first_day)
        bars = daily_bars(fetched, self._table, as_of, ordinal_of(first_day), adjusted=adjusted)
        return bars if timeframe == "daily" else weekly_from_daily(bars, self._table)

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        """The last trade of a regular session; None for the past."""
        row = self._row(symbol)
        return quote_of(symbol, row, as_of) if self._is_present(as_of) else None

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """The quotes of those that Yahoo has, a hundred in one request."""
        if not self._is_present(as_of):
            return {}
        rows = self._rows([yahoo_symbol(symbol) for symbol in symbols], QUOTE_SECONDS)
        found: dict[str, Quote] = {}
        for symbol in symbols:
            row = rows[yahoo_symbol(symbol)]
            if row is None or not _is_american(symbol, row):
                continue
            quote = quote_of(symbol, row, as_of)
            if quote is not None:
                found[symbol] = quote
        return found

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain | None:
        """The present chain; None for the past, and where there are no options."""
        require_american(symbol, self._row(symbol))
        if not self._is_present(as_of):
            return None
        first = self._options(symbol, None)
        today = ordinal_of(new_york_date(as_of))
        days = {ordinal_of(day) for day in held}
        wanted, left_out = expiries_worth_fetching(first.expiries, today, days)
        given = {expiry_of(row) for row, _ in first.contracts}
        others = [self._options(symbol, expiry) for expiry in wanted if expiry not in given]
        warnings = [f"expiries_not_fetched:{left_out}"] if left_out else []
        return chain_of(symbol, [first, *others], as_of, warnings)

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """The next report as Yahoo knows it now; unknown for the past."""
        row = self._row(symbol)
        return earnings_of(row, as_of) if self._is_present(as_of) else UNKNOWN_EARNINGS

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """Facts of today; none for the past."""
        self._row(symbol)
        if not self._is_present(as_of):
            return Metrics()
        name = yahoo_symbol(symbol)
        modules = self._upstream.get(
            ("summary", name),
            COMPANY_SECONDS,
            lambda: parse_summary(self._transport.summary(name)),
        )
        return metrics_of(modules, as_of)

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...]:
        """Of the newest articles those published in the lookback; titles, without summaries."""
        name = yahoo_symbol(symbol)
        articles = self._upstream.get(
            ("news", name),
            NEWS_SECONDS,
            lambda: articles_of(symbol, name, self._transport.news(name)),
        )
        oldest = as_of - timedelta(days=lookback_days)
        return tuple(item for item in articles if oldest <= item.published_at <= as_of)

    def state(self, as_of: datetime) -> ProviderState:
        """Ready unless Yahoo is left alone for a while."""
        detail = self._upstream.detail()
        return ProviderState(ready=detail["breaker"] != "open", detail=detail)

    def close(self) -> None:
        """Nothing to end."""

    def _is_present(self, as_of: datetime) -> bool:
        return as_of >= self._clock() - PRESENT

    def _intraday(self, symbol: str, first_day: date, as_of: datetime, *, adjusted: bool) -> Bars:
        oldest = new_york_date(self._clock()) - timedelta(days=MAX_INTRADAY_DAYS - 1)
        clamped = first_day < oldest
        fetched = self._chart(
            symbol, "5m", max(first_day, oldest), INTRADAY_HISTORY_SECONDS, key=first_day
        )
        first = ordinal_of(max(first_day, oldest))
        bars = intraday_bars(fetched, self._table, as_of, first, adjusted=adjusted)
        return _warned(bars, "period_clamped") if clamped else bars

    def _daily_chart(self, symbol: str, first_day: date) -> FetchedChart:
        """Always up to now: splits after `as_of` must be known, for Yahoo has applied them."""
        now = self._clock()
        short = new_york_date(now) - timedelta(days=SHORT_HISTORY)
        start = short if first_day >= short else OLDEST
        # A close makes a new bar, and some minutes later it is final: not what was kept before.
        seconds = now.timestamp()
        closed = self._table.completed(seconds), self._table.completed(seconds - SETTLED_SECONDS)
        return self._chart(
            symbol, "1d", start, DAILY_HISTORY_SECONDS, key=(start is OLDEST, *closed)
        )

    def _chart(
        self, symbol: str, interval: str, first_day: date, ttl_seconds: float, *, key: object
    ) -> FetchedChart:
        name = yahoo_symbol(symbol)

        def fetch() -> FetchedChart:
            now = self._clock().timestamp()
            start = new_york_epoch(first_day, 0, 0)
            body = self._transport.chart(name, interval, start, int(now) + SECONDS_PER_DAY)
            return FetchedChart(parse_chart(symbol, interval, body), now)

        return self._upstream.get(("chart", name, interval, key), ttl_seconds, fetch)

    def _options(self, symbol: str, expiry: int | None) -> OptionsBody:
        name = yahoo_symbol(symbol)
        return self._upstream.get(
            ("options", name, expiry),
            CHAIN_SECONDS,
            lambda: parse_options(symbol, self._transport.options(name, expiry)),
        )

    def _row(self, symbol: str) -> Json:
        """The quote's row. Raises SymbolNotFoundError."""
        name = yahoo_symbol(symbol)
        row = self._rows([name], QUOTE_SECONDS)[name]
        if row is None:
            raise SymbolNotFoundError(f"Yahoo has no symbol {symbol}.", details={"symbol": symbol})
        require_american(symbol, row)
        return row

    def _rows(self, names: Sequence[str], ttl_seconds: float) -> dict[str, Json | None]:
        """Rows by Yahoo's symbols; what is kept is not fetched, None is kept as well."""
        return self._upstream.get_many(
            "quote",
            names,
            ttl_seconds,
            lambda some: parse_quotes(self._transport.quotes(some)),
            at_once=QUOTES_AT_ONCE,
        )


def yahoo_symbol(symbol: str) -> str:
    """Classes of shares are written with a hyphen there: BRK.B and BRK/B are BRK-B."""
    return symbol.replace(".", "-").replace("/", "-")


def _is_american(symbol: str, row: Json) -> bool:
    try:
        require_american(symbol, row)
    except SymbolNotFoundError:
        return False
    return True


def _warned(bars: Bars, warning: str) -> Bars:
    return replace(bars, warnings=(*bars.warnings, warning))
