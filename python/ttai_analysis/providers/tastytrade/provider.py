"""The `tastytrade` provider: quotes and chains from the stream, everything else from REST.

For: the `Provider` protocol over an account's own market data, and what is held in its accounts,
which only `accounts` reads. Not for: orders; nothing here can send one. The market is live:
quotes, chains, reports and metrics are those of the present, and are given for the present only.
For a moment in the past there are bars and their last close.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import quote as url_quote

from ttai_analysis.errors import (
    InsufficientDataError,
    ProviderError,
    ServiceError,
    SymbolNotFoundError,
)
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.accounts import BrokerAccount
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
from ttai_analysis.providers.numbers import number
from ttai_analysis.providers.periods import MAX_INTRADAY_DAYS, first_day_of
from ttai_analysis.providers.resample import weekly_from_daily
from ttai_analysis.providers.resilience.lifetimes import (
    COMPANY_SECONDS,
    DAILY_HISTORY_SECONDS,
    INTRADAY_HISTORY_SECONDS,
)
from ttai_analysis.providers.tastytrade.accounts import accounts_of
from ttai_analysis.providers.tastytrade.candles import Candles, daily_bars, intraday_bars
from ttai_analysis.providers.tastytrade.chain import quoted_chain
from ttai_analysis.providers.tastytrade.contracts import (
    contracts_of,
    worth_quoting,
)
from ttai_analysis.providers.tastytrade.failures import NotThereError
from ttai_analysis.providers.tastytrade.gateway import Gateway, Waits
from ttai_analysis.providers.tastytrade.live import LiveValues
from ttai_analysis.providers.tastytrade.market_rows import INDICES, MarketRow, MarketRows
from ttai_analysis.providers.tastytrade.metrics import (
    dividends_of,
    earnings_of,
    index_volatility,
    metrics_of,
    reported_since,
)
from ttai_analysis.providers.tastytrade.quotes import STOCK_EVENTS, market_session, present_quote
from ttai_analysis.providers.tastytrade.values import records, text
from ttai_analysis.settings import TastytradeSettings
from ttai_analysis.timestamps import Clock, new_york_date, new_york_epoch, ordinal_of, system_clock

PRESENT = timedelta(minutes=2)
"""A request for a moment up to so long ago is one for the present that had to wait."""
OLDEST = date(1990, 1, 1)
CONTRACTS_SECONDS = 3_600.0
METRICS_SECONDS = 900.0
SHORT_HISTORY_DAYS = 731
"""Daily history is fetched for two years, or for all: so that requests share what is kept."""
YEARS_OF_REPORTS = 2
ASSUMED_VOLATILITY, LOWEST_VOLATILITY = 0.5, 0.15


class TastytradeProvider:
    """Logs in and connects at once, in the background; `clock` is that of the requests."""

    name = "tastytrade"
    source = "tastytrade"

    def __init__(
        self,
        settings: TastytradeSettings,
        clock: Clock = system_clock,
        waits: Waits | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._table = session_table()
        self._gateway = Gateway(settings, clock, waits or Waits(), seconds)
        self._rows = MarketRows(self._gateway)

    def risk_free_rate(self, as_of: datetime) -> float | None:
        """The rate that tastytrade margins with; None when it cannot be had."""
        path = "/margin-requirements-public-configuration"
        try:
            answer = self._gateway.get(path, COMPANY_SECONDS, path, public=True)
        except ServiceError:
            return None
        return number(answer.get("risk-free-rate"))

    def knows(self, symbol: str) -> bool:
        """Whether tastytrade has market data of this symbol."""
        return self._rows.of([symbol])[symbol] is not None

    def symbols(self) -> tuple[str, ...]:
        """tastytrade has no list of all."""
        return ()

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """The quotes of those that tastytrade has, a hundred in one request."""
        known = [symbol for symbol, row in self._rows.of(symbols).items() if row is not None]
        if self._is_present(as_of):
            self._gateway.want([(kind, symbol) for symbol in known for kind in STOCK_EVENTS])
        found = {symbol: self.quote(symbol, as_of) for symbol in known}
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        """Bars that were complete at `as_of`, over the stream. Unadjusted ones cannot be had."""
        first = first_day_of(period, new_york_date(as_of), OLDEST)
        intraday = timeframe == "intraday"
        if intraday:
            first = max(first, new_york_date(as_of) - timedelta(days=MAX_INTRADAY_DAYS))
        candles = self._candles(symbol, first, intraday=intraday)
        make = intraday_bars if intraday else daily_bars
        bars = make(candles, self._table, as_of.timestamp(), ordinal_of(first))
        if not candles.times.size:
            self._row(symbol)
            raise InsufficientDataError(f"tastytrade has no history of {symbol}.")
        if not intraday:
            bars = self._with_dividends(bars, symbol, first, new_york_date(as_of))
        if not adjusted:
            bars = _warned(bars, "unadjusted_bars_unavailable")
        return weekly_from_daily(bars, self._table) if timeframe == "weekly" else bars

    def quote(self, symbol: str, as_of: datetime) -> Quote | None:
        """The present market; for the past the last close before it."""
        if not self._is_present(as_of):
            return self._last_close(symbol, as_of)
        row = self._row(symbol)  # first: what does not exist is not subscribed to
        self._gateway.want([(kind, symbol) for kind in STOCK_EVENTS])
        live = self._gateway.values.row(symbol) if self._gateway.stream_is_alive() else None
        return present_quote(row, live, as_of, self._table)

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain | None:
        """The present chain; None for the past, and where there are no options."""
        quote = self.quote(symbol, as_of)
        if quote is None or not self._is_present(as_of):
            return None
        today = new_york_date(as_of)
        path = f"/option-chains/{url_quote(symbol, safe='')}/nested"
        try:
            answer = self._gateway.get((path, today), CONTRACTS_SECONDS, path)
        except NotThereError:
            return None
        volatility = index_volatility(self._metrics_item(symbol)) or ASSUMED_VOLATILITY
        contracts = worth_quoting(
            contracts_of(answer, symbol),
            quote.price,
            today,
            max(volatility, LOWEST_VOLATILITY),
            held,
        )
        if not contracts:
            return None
        return quoted_chain(symbol, quote.price, contracts, self._gateway, self._rows, as_of)

    @property
    def live_values(self) -> LiveValues:
        """What the stream feeds, with its own greeks: to compare ours with, never for an answer."""
        return self._gateway.values

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """The next report. An index, and what has not reported in two years (a fund), has none."""
        if symbol in INDICES:
            return Earnings(known=True)
        self._row(symbol)
        if not self._is_present(as_of):
            return UNKNOWN_EARNINGS
        today = new_york_date(as_of)
        item = self._metrics_item(symbol)
        found = earnings_of(item, today)
        if found.known or item.get("earnings") or not item:
            return found
        since = date(today.year - YEARS_OF_REPORTS, today.month, 1)
        path = _history_path("earnings-reports", symbol)
        answer = self._history((path, since), path, {"start-date": since.isoformat()})
        reports = answer is None or reported_since(answer, since)
        return UNKNOWN_EARNINGS if reports else Earnings(known=True)

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """Facts of the present; for the past none."""
        self._row(symbol)
        if not self._is_present(as_of):
            return Metrics()
        return metrics_of(self._metrics_item(symbol), new_york_date(as_of))

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...] | None:
        """tastytrade's interface has no news."""
        return None

    def accounts(self) -> tuple[BrokerAccount, ...]:
        """The accounts with their positions, as of now: nothing of it is kept here."""
        try:
            return accounts_of(self._gateway.get_of_account)
        except NotThereError as error:
            raise ProviderError("tastytrade does not have the account that it named.") from error

    def state(self, as_of: datetime) -> ProviderState:
        """Ready once it is logged in, and while nothing makes it wait."""
        return ProviderState(
            ready=self._gateway.is_ready(),
            detail=self._gateway.detail(),
            starting=self._gateway.is_starting(),
        )

    def close(self) -> None:
        """End the connections."""
        self._gateway.close()

    def _is_present(self, as_of: datetime) -> bool:
        return self._clock() - as_of <= PRESENT

    def _row(self, symbol: str) -> MarketRow:
        row = self._rows.of([symbol])[symbol]
        if row is None:
            raise SymbolNotFoundError(
                f"tastytrade has no market data of {symbol}.", details={"symbol": symbol}
            )
        return row

    def _candles(self, symbol: str, first: date, *, intraday: bool) -> Candles:
        now = self._clock()
        if intraday:
            name, keep, oldest = "5m", INTRADAY_HISTORY_SECONDS, first
        else:
            name, keep = "1d", DAILY_HISTORY_SECONDS
            short = new_york_date(now) - timedelta(days=SHORT_HISTORY_DAYS)
            oldest = short if first >= short else OLDEST
        feed_symbol = f"{symbol}{{={name},tho=true}}"
        # A new session's bar must not wait for an hour.
        completed = self._table.completed(now.timestamp())
        return self._gateway.candles(
            (feed_symbol, oldest, completed), keep, feed_symbol, 1000 * new_york_epoch(oldest, 0, 0)
        )

    def _last_close(self, symbol: str, as_of: datetime) -> Quote | None:
        bars = self.bars(symbol, "daily", "1mo", as_of, adjusted=True)
        if not len(bars) or bars.as_of is None:
            return None
        return Quote(
            symbol=symbol,
            price=float(bars.close[-1]),
            bid=None,
            ask=None,
            volume=float(bars.volume[-1]),
            prev_close=float(bars.close[-2]) if len(bars) > 1 else None,
            as_of=bars.as_of,
            session=market_session(self._table, as_of),
        )

    def _with_dividends(self, bars: Bars, symbol: str, first: date, last: date) -> Bars:
        path = _history_path("dividends", symbol)
        answer = None if symbol in INDICES else self._history(path, path)
        if answer is None:
            return bars if symbol in INDICES else _warned(bars, "dividends_unavailable")
        return replace(bars, dividends=dividends_of(answer, first, last))

    def _history(
        self, key: object, path: str, parameters: dict[str, str] | None = None
    ) -> dict[str, object] | None:
        """A history of events; None where it cannot be had: nothing rests on it alone."""
        try:
            return self._gateway.get(str(key), COMPANY_SECONDS, path, parameters)
        except NotThereError:
            return {"items": []}
        except ServiceError:
            return None

    def _metrics_item(self, symbol: str) -> dict[str, object]:
        path = "/market-metrics"
        answer = self._gateway.get((path, symbol), METRICS_SECONDS, path, {"symbols": symbol})
        for item in records(answer.get("items")):
            if text(item.get("symbol")) == symbol:
                return item
        return {}


def _history_path(kind: str, symbol: str) -> str:
    return f"/market-metrics/historic-corporate-events/{kind}/{url_quote(symbol, safe='')}"


def _warned(bars: Bars, warning: str) -> Bars:
    return replace(bars, warnings=(*bars.warnings, warning))
