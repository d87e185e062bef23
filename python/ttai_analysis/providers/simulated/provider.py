"""The `simulated` provider: bars, quotes, chains, earnings and news of one seeded market.

For: trials, tests and development without any account. Not for: anything that must be true.
The simulated market is open around the clock: quotes always say `session: "regular"` and move,
while bars keep to the exchange's real sessions.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from ttai_analysis.errors import InvalidRequestError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import (
    Article,
    Bars,
    Chain,
    Dividend,
    Earnings,
    FloatArray,
    IntArray,
    Metrics,
    ProviderState,
    Quote,
    Split,
    Timeframe,
)
from ttai_analysis.providers.periods import MAX_INTRADAY_DAYS, first_day_of
from ttai_analysis.providers.resample import weekly_from_daily
from ttai_analysis.providers.simulated import news, surface
from ttai_analysis.providers.simulated.bars import BarModel, dividend_adjusted
from ttai_analysis.providers.simulated.chain import RISK_FREE_RATE, ChainModel
from ttai_analysis.providers.simulated.noise import stream_key, uniform
from ttai_analysis.providers.simulated.prices import PriceModel, to_cents
from ttai_analysis.providers.simulated.script import PriceScript
from ttai_analysis.providers.simulated.spreads import hurry, stock_half_spread
from ttai_analysis.providers.simulated.universe import listings
from ttai_analysis.timestamps import (
    SECONDS_PER_DAY,
    date_from_ordinal,
    from_epoch,
    new_york_date,
)

ESTIMATED_BEYOND_DAYS = 28
SCRIPTED = "scripted_price"
IV_HISTORY_SESSIONS = 252
IV_INDEX_YEARS = 30.0 / 365.0
DIVIDEND_HORIZON_DAYS = 120


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
        self._chains = ChainModel(self._prices)
        self._usual_sizes = np.array([one.market_cap for one in self._prices.roster.listings])
        self._chain = lru_cache(maxsize=256)(self._chains.chain)
        self._mood_at = lru_cache(maxsize=64)(
            lambda now: surface.mood_at(self._prices, np.array([now]))
        )
        self._sizes = lru_cache(maxsize=16)(self._prices.sizes)
        self._moods_before = lru_cache(maxsize=16)(self._moods)
        self._dividends = lru_cache(maxsize=4096)(self._ex_dates)
        self._iv_history = lru_cache(maxsize=1024)(self._past_volatility)

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
        """Completed bars: raw ones as they were traded, adjusted ones per share of `as_of`."""
        who = self._who(symbol)
        now = as_of.timestamp()
        end = self._table.completed(now)
        current = self._prices.effective_session(now)
        today = new_york_date(as_of)
        first_day = first_day_of(period, today, self._first_day)
        if timeframe == "intraday":
            oldest = today - timedelta(days=MAX_INTRADAY_DAYS)
            warnings = ("period_clamped",) if first_day < oldest else ()
            first_day = max(first_day, oldest)
            first = self._table.first_on_or_after(first_day)
            minutes = self._bars.intraday(who, first, now, current, adjusted=adjusted)
            splits = self._splits_within(who, first_day, current)
            return replace(minutes, splits=splits, warnings=warnings)
        first = self._table.first_on_or_after(first_day)
        daily = self._bars.daily(who, first, end, current, adjusted=adjusted)
        last_day = date_from_ordinal(int(self._table.days[current]))
        paid = self._dividends(who, first_day, last_day, current if adjusted else None)
        daily = replace(
            daily,
            splits=self._splits_within(who, first_day, current),
            dividends=paid,
            adj_close=dividend_adjusted(daily, self._table, paid) if adjusted else None,
        )
        return daily if timeframe == "daily" else weekly_from_daily(daily, self._table)

    def quote(self, symbol: str, as_of: datetime) -> Quote:
        """The price at that second, with a spread that suits the company and the moment."""
        self._who(symbol)
        return self.quotes([symbol], as_of)[symbol]

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Quote]:
        """All at once; each has the same bytes as `quote` gives it."""
        position = self._prices.roster.position
        asked = [symbol for symbol in dict.fromkeys(symbols) if symbol in position]
        if not asked:
            return {}
        now = int(as_of.timestamp())
        who = np.array([position[symbol] for symbol in asked], dtype=np.int64)
        price, scripted = self._prices_now(who, now)
        completed = self._table.completed(now)
        in_session = now >= self._table.opens[completed]
        volume = self._bars.volume_so_far(who, completed if in_session else completed - 1, now)
        before = np.full(who.size, completed - 1)
        current = np.full(who.size, self._prices.effective_session(now))
        ratio = self._prices.splits.shares_at(who, before) / self._prices.splits.shares_at(
            who, current
        )
        prev_close = to_cents(to_cents(self._prices.closes(who, before)) * ratio)
        half = stock_half_spread(price, self._usual_sizes[who], hurry(self._table, now))
        columns = (
            asked,
            price.tolist(),
            to_cents(price - half).tolist(),
            np.round(price + half, 2).tolist(),
            volume.tolist(),
            prev_close.tolist(),
            scripted,
        )
        moment = from_epoch(now)
        return {
            symbol: Quote(
                symbol=symbol,
                price=last,
                bid=bid,
                ask=ask,
                volume=traded,
                prev_close=close,
                as_of=moment,
                session="regular",
                warnings=(SCRIPTED,) if by_script else (),
            )
            for symbol, last, bid, ask, traded, close, by_script in zip(*columns, strict=True)
        }

    def chain(self, symbol: str, as_of: datetime, *, held: Collection[date] = ()) -> Chain:
        """The chain at that second, priced from the same price as the quote."""
        who = self._who(symbol)
        now = int(as_of.timestamp())
        price, scripted = self._prices_now(np.array([who]), now)
        return self._chain(who, now, float(price[0]), scripted=scripted[0])

    def earnings(self, symbol: str, as_of: datetime) -> Earnings:
        """The next quarterly report; a fund is known to have none."""
        who = self._who(symbol)
        if self._prices.roster.listings[who].is_fund:
            return Earnings(known=True)
        now = as_of.timestamp()
        reports = self._prices.events.reports(who, now, now + 120 * SECONDS_PER_DAY)
        if not reports:
            return Earnings(known=False)
        far = (reports[0].day - new_york_date(as_of)).days > ESTIMATED_BEYOND_DAYS
        return Earnings(
            known=True,
            day=reports[0].day,
            estimated=far,
            time_of_day="before_open" if reports[0].before_open else "after_close",
        )

    def metrics(self, symbol: str, as_of: datetime) -> Metrics:
        """Facts of the listing, with a year of daily implied volatility up to `as_of`."""
        who = self._who(symbol)
        listing = self._prices.roster.listings[who]
        now = as_of.timestamp()
        completed = self._table.completed(now)
        past = self._iv_history(who, completed)
        present = surface.volatility_level(self._prices, who, self._mood_at(now))
        index = surface.at_the_money(
            self._prices, who, now, np.array([IV_INDEX_YEARS]), float(present[0])
        )
        today = new_york_date(as_of)
        horizon = today + timedelta(days=DIVIDEND_HORIZON_DAYS)
        coming = self._dividends(who, today, horizon, None, completed=completed)
        draw = uniform(stream_key(self._seed, "short", symbol), 0)
        return Metrics(
            iv_history=np.append(past, present),
            market_cap=float(self._sizes(max(1, completed - 1))[who]),
            beta=listing.beta,
            sector=listing.sector,
            short_percent_of_float=round(1.0 + 24.0 * draw**4, 2),
            dividend_yield=listing.dividend_yield,
            next_ex_dividend=coming[0].ex_date if coming else None,
            next_dividend=coming[0].amount if coming else None,
            iv_index=float(index[0]),
            as_of=as_of,
        )

    def news(self, symbol: str, as_of: datetime, lookback_days: int) -> tuple[Article, ...]:
        """Invented articles whose tone follows the price."""
        return news.articles(self._prices, self._who(symbol), as_of.timestamp(), lookback_days)

    def state(self, as_of: datetime) -> ProviderState:
        """Always ready."""
        return ProviderState(ready=True, detail={"symbols": len(listings()), "seed": self._seed})

    def close(self) -> None:
        """Nothing to end."""

    def _who(self, symbol: str) -> int:
        who = self._prices.roster.position.get(symbol)
        if who is None:
            raise SymbolNotFoundError(
                f"The simulated market has no symbol {symbol}.", details={"symbol": symbol}
            )
        return who

    def _prices_now(self, who: IntArray, now: int) -> tuple[FloatArray, list[bool]]:
        """Prices to the cent, and which of them the script gave."""
        given = [self._script.price(self._prices.roster.symbols[one]) for one in who.tolist()]
        scripted = [one is not None for one in given]
        if not self._table.closes[1] < now < self._table.closes[-2]:
            raise InvalidRequestError("asOf is outside the years of the simulated market.")
        price = to_cents(self._prices.prices(who, np.full(who.size, float(now))))
        for row, one in enumerate(given):
            if one is not None:
                price[row] = one
        return price, scripted

    def _past_volatility(self, who: int, completed: int) -> FloatArray:
        return surface.volatility_level(self._prices, who, self._moods_before(completed))

    def _moods(self, completed: int) -> surface.Mood:
        closes = self._table.closes[max(0, completed - IV_HISTORY_SESSIONS) : completed]
        return surface.mood_at(self._prices, closes.astype(np.float64))

    def _splits_within(self, who: int, first_day: date, current: int) -> tuple[Split, ...]:
        """The splits from that day up to the current session."""
        last_day = date_from_ordinal(int(self._table.days[current]))
        every = self._prices.splits.of(who)
        return tuple(split for split in every if first_day <= split.day <= last_day)

    def _ex_dates(
        self,
        who: int,
        first_day: date,
        last_day: date,
        adjusted_to: int | None,
        *,
        completed: int | None = None,
    ) -> tuple[Dividend, ...]:
        """Ex-dates within those days with the cash per share: of the day before the ex-date, or of
        the session `adjusted_to`. What is still to come is expected from the last of the
        `completed` sessions."""
        sessions = self._prices.events.ex_sessions(who, first_day, last_day)
        if sessions.size == 0:
            return ()
        before = sessions - 1
        if completed is not None:
            before = np.minimum(before, completed - 1)
        rows = np.full(sessions.size, who)
        level = self._prices.events.dividend_level(rows, sessions - 1)
        amounts = self._prices.closes(rows, before) * (1.0 - np.exp(-level))
        amounts = np.maximum(0.01, np.round(amounts, 2))
        if adjusted_to is not None:
            shares = self._prices.splits.shares_at
            ratio = shares(rows, before) / shares(rows, np.full(rows.size, adjusted_to))
            amounts = np.where(ratio == 1.0, amounts, np.round(amounts * ratio, 4))
        days = self._table.days[sessions]
        return tuple(
            Dividend(date_from_ordinal(day), amount)
            for day, amount in zip(days.tolist(), amounts.tolist(), strict=True)
        )
