"""The `simulated` provider: bars, quotes, chains, earnings and news of one seeded market.

For: trials, tests and development without any account. Not for: anything that must be true.
The simulated market is open around the clock: quotes always say `session: "regular"` and move,
while bars keep to the exchange's real sessions.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from ttai_analysis.errors import InvalidRequestError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import (
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
from ttai_analysis.providers.simulated import events, news, surface
from ttai_analysis.providers.simulated.bars import BarModel, dividend_adjusted
from ttai_analysis.providers.simulated.chain import RISK_FREE_RATE, build_chain
from ttai_analysis.providers.simulated.noise import stream_key, uniform
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.providers.simulated.script import PriceScript
from ttai_analysis.providers.simulated.universe import Listing, listings
from ttai_analysis.timestamps import date_from_ordinal, from_epoch, new_york_date

ESTIMATED_BEYOND_DAYS = 28
SCRIPTED = "scripted_price"


class SimulatedProvider:
    """See the module; `seed` makes another market, `script` overrides prices in tests."""

    name = "simulated"
    source = "simulated"

    def __init__(self, *, seed: str, script: Path | None = None) -> None:
        self._table = session_table()
        self._seed = seed
        self._prices = PriceModel(seed, self._table)
        self._bars = BarModel(self._prices)
        self._script = PriceScript(script)
        self._first_day = date_from_ordinal(int(self._table.days[1]))
        self._chain = lru_cache(maxsize=256)(self._build_chain)

    def risk_free_rate(self, as_of: datetime) -> float:
        """One steady rate."""
        return RISK_FREE_RATE

    def knows(self, symbol: str) -> bool:
        """Whether the universe lists the symbol."""
        return symbol in listings()

    def symbols(self) -> tuple[str, ...]:
        """The whole universe, sorted."""
        return tuple(listings())

    def bars(
        self, symbol: str, timeframe: Timeframe, period: str, as_of: datetime, *, adjusted: bool
    ) -> Bars:
        """Completed bars; raw and adjusted are the same here, for nothing ever splits."""
        listing = self._listing(symbol)
        now = as_of.timestamp()
        end = self._table.completed(now)
        today = new_york_date(as_of)
        first_day = first_day_of(period, today, self._first_day)
        warnings: tuple[str, ...] = ()
        if timeframe == "intraday":
            oldest = today - timedelta(days=MAX_INTRADAY_DAYS)
            if first_day < oldest:
                first_day, warnings = oldest, ("period_clamped",)
            first = self._table.first_on_or_after(first_day)
            return replace(self._bars.intraday(listing, first, now), warnings=warnings)
        first = self._table.first_on_or_after(first_day)
        daily = self._bars.daily(listing, first, end)
        paid = events.dividends(self._seed, listing, self._table, first_day, today)
        daily = replace(
            daily,
            dividends=paid,
            adj_close=dividend_adjusted(daily, self._table, paid),
            warnings=warnings,
        )
        return daily if timeframe == "daily" else weekly_from_daily(daily, self._table)

    def quote(self, symbol: str, as_of: datetime) -> Quote:
        """The price at that second, with a spread that suits the company's size."""
        listing = self._listing(symbol)
        now = int(as_of.timestamp())
        price, warnings = self._price(listing, now)
        completed = self._table.completed(now)
        in_session = completed < len(self._table) and now >= self._table.opens[completed]
        session = completed if in_session else completed - 1
        prev_close = self._prices.price_at(listing, float(self._table.closes[completed - 1]))
        *_, volume = self._bars.day_so_far(listing, session, now)
        half = max(0.01, round(price * 0.00012, 2))
        return Quote(
            symbol=symbol,
            price=price,
            bid=round(max(0.01, price - half), 2),
            ask=round(price + half, 2),
            volume=volume,
            prev_close=prev_close,
            as_of=from_epoch(now),
            session="regular",
            warnings=warnings,
        )

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """Each as `quote` gives it."""
        return {symbol: self.quote(symbol, as_of) for symbol in symbols if self.knows(symbol)}

    def chain(self, symbol: str, as_of: datetime, *, max_dte: int | None = None) -> Chain:
        """The chain at that second, priced from the same price as the quote."""
        listing = self._listing(symbol)
        now = int(as_of.timestamp())
        price, _ = self._price(listing, now)
        return self._chain(symbol, now, price)

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """The next quarterly report; a fund is known to have none."""
        listing = self._listing(symbol)
        if listing.is_fund:
            return Earnings(known=True)
        report = events.next_report(self._seed, listing, self._table, as_of.timestamp())
        if report is None:
            return Earnings(known=False)
        far = (report.day - new_york_date(as_of)).days > ESTIMATED_BEYOND_DAYS
        return Earnings(
            known=True,
            day=report.day,
            estimated=far,
            time_of_day="before_open" if report.before_open else "after_close",
        )

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """Facts of the listing, with a year of daily implied volatility up to `as_of`."""
        listing = self._listing(symbol)
        completed = self._table.completed(as_of.timestamp())
        closes = self._table.closes[max(0, completed - 252) : completed].astype(np.float64)
        moments = np.append(closes, as_of.timestamp())
        history = surface.volatility_level(self._seed, listing, moments)
        today = new_york_date(as_of)
        coming = events.dividends(
            self._seed, listing, self._table, today, today + timedelta(days=120)
        )
        draw = uniform(stream_key(self._seed, "short", symbol), 0)
        return Metrics(
            iv_history=history,
            market_cap=listing.market_cap,
            beta=listing.beta,
            sector=listing.sector,
            short_percent_of_float=round(1.0 + 24.0 * draw**4, 2),
            dividend_yield=listing.dividend_yield,
            next_ex_dividend=coming[0].ex_date if coming else None,
            next_dividend=coming[0].amount if coming else None,
        )

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...]:
        """Invented articles whose tone follows the price."""
        return news.articles(self._prices, self._listing(symbol), as_of.timestamp(), lookback_days)

    def state(self, as_of: datetime) -> ProviderState:
        """Always ready."""
        return ProviderState(ready=True, detail={"symbols": len(listings()), "seed": self._seed})

    def close(self) -> None:
        """Nothing to end."""

    def _listing(self, symbol: str) -> Listing:
        listing = listings().get(symbol)
        if listing is None:
            raise SymbolNotFoundError(
                f"The simulated market has no symbol {symbol}.", details={"symbol": symbol}
            )
        return listing

    def _price(self, listing: Listing, now: int) -> tuple[float, tuple[str, ...]]:
        scripted = self._script.price(listing.symbol)
        if scripted is not None:
            return scripted, (SCRIPTED,)
        if not self._table.closes[1] < now < self._table.closes[-2]:
            raise InvalidRequestError("asOf is outside the years of the simulated market.")
        return self._prices.price_at(listing, now), ()

    def _build_chain(self, symbol: str, now: int, price: float) -> Chain:
        return build_chain(self._seed, listings()[symbol], self._table, now, price)
