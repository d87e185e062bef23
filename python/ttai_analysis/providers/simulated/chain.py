"""Option chains of the simulated market: two-sided quotes and open interest of what is listed.

For: quotes that agree with the underlying's quote and with put-call parity inside their spread, but
for calls that are dearer because a dividend is to come.
Not for: the volatility behind them (surface.py), what is listed (strikes.py), spreads (spreads.py).
"""

from functools import lru_cache

import numpy as np

from ttai_analysis.options.pricing import price_from_forward
from ttai_analysis.providers.base import Chain, FloatArray, IntArray
from ttai_analysis.providers.simulated.bars import traded_by
from ttai_analysis.providers.simulated.noise import normals, uniforms
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.providers.simulated.spreads import hurry, option_quotes
from ttai_analysis.providers.simulated.strikes import Listed, listed_strikes
from ttai_analysis.providers.simulated.surface import (
    SECONDS_PER_YEAR,
    at_the_money,
    mood_at,
    smile,
    usual_volatility,
    volatility_level,
)
from ttai_analysis.timestamps import SECONDS_PER_DAY, from_epoch

RISK_FREE_RATE = 0.04
LISTINGS_KEPT = 1024


class ChainModel:
    """Chains of one seeded market. A listing is its position in the roster."""

    def __init__(self, prices: PriceModel) -> None:
        self._prices = prices
        self._interest_keys = prices.roster.keys("interest")
        self._volume_keys = prices.roster.keys("optionvolume")
        self._contracts = lru_cache(maxsize=LISTINGS_KEPT)(self._listed)

    def chain(self, who: int, now: float, spot: float, *, scripted: bool) -> Chain:
        """The chain at `now` (epoch seconds) for that price of the underlying."""
        table = self._prices.table
        session = int(np.searchsorted(table.opens, now, side="right")) - 1
        listed, interest, most_volume = self._contracts(who, session, spot if scripted else None)
        open_until = table.closes[listed.session]
        alive = np.concatenate([open_until > now, open_until > now])
        one_side = open_until > now
        expiry, strike = listed.expiry[one_side], listed.strike[one_side]
        years = np.asarray((open_until[one_side] - now) / SECONDS_PER_YEAR, dtype=np.float64)
        begin, end = int(table.opens[session]), int(table.closes[session])
        traded = traded_by(np.array([(now - begin) / (end - begin)]))
        bid, ask = self._quotes(who, now, spot, strike, years)
        return Chain(
            symbol=self._prices.roster.symbols[who],
            as_of=from_epoch(int(now)),
            underlying_price=spot,
            expiry=np.concatenate([expiry, expiry]),
            strike=np.concatenate([strike, strike]),
            is_call=np.repeat([True, False], strike.size),
            bid=bid,
            ask=ask,
            open_interest=interest[alive],
            volume=np.floor(most_volume[alive] * traded),
            complete=True,
        )

    def _quotes(
        self, who: int, now: float, spot: float, strike: FloatArray, years: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Bids and asks, the calls first."""
        prices = self._prices
        market_cap = prices.roster.listings[who].market_cap
        level = float(volatility_level(prices, who, mood_at(prices, np.array([now])))[0])
        call, put, exercised, deviations = self._fair(who, now, spot, strike, years, level)
        wild = float(np.clip(level / usual_volatility(prices, np.array([who])), 0.8, 2.5)[0])
        gain = spot - strike
        return option_quotes(
            np.concatenate([call, put]),
            np.concatenate([np.maximum(0.0, gain), np.maximum(exercised, -gain)]),
            np.concatenate([deviations, deviations]),
            np.tile(years * SECONDS_PER_YEAR / SECONDS_PER_DAY, 2),
            market_cap,
            wild * hurry(prices.table, now),
        )

    def _fair(
        self,
        who: int,
        now: float,
        spot: float,
        strike: FloatArray,
        years: FloatArray,
        level: float,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What calls and puts are worth, what a put's holder is owed at least by exercising it, and
        how many deviations the strike is from the forward.

        A call is worth no less than one that ends before a dividend within its life: its holder may
        exercise then (F. Black, "Fact and Fantasy in the Use of Options", 1975). Nobody sells a put
        for less than one that ends just behind a dividend within its life.
        """
        furthest = now + float(years.max(initial=0.0)) * SECONDS_PER_YEAR
        moments, drops = self._prices.events.drops_ahead(who, now, furthest)
        ends = (moments - now) / SECONDS_PER_YEAR
        dropped = np.concatenate([[0.0], np.cumsum(drops)])

        def european(
            strike: FloatArray, years: FloatArray, paid: FloatArray
        ) -> tuple[FloatArray, FloatArray, FloatArray]:
            _, first, which = np.unique(years, return_index=True, return_inverse=True)
            atm = at_the_money(self._prices, who, now, years[first], level)[which]
            forward = spot * np.exp(RISK_FREE_RATE * years - paid)
            log_moneyness = np.log(strike / forward)
            volatility = smile(atm, years, log_moneyness)
            discount = np.exp(-RISK_FREE_RATE * years)
            call = price_from_forward(forward, strike, years, discount, volatility, is_call=True)
            put = np.maximum(0.0, call - discount * (forward - strike))
            return call, put, log_moneyness / (atm * np.sqrt(years))

        paid = dropped[np.searchsorted(ends, years, side="right")]
        call, put, deviations = european(strike, years, paid)
        exercised = np.zeros_like(put)
        for end, before, behind in zip(ends, dropped[:-1], dropped[1:], strict=True):
            rows = years >= end
            shape = np.ones(int(rows.sum()))
            ended, _, _ = european(strike[rows], end * shape, before * shape)
            call[rows] = np.maximum(call[rows], ended)
            _, ended, _ = european(strike[rows], end * shape, behind * shape)
            exercised[rows] = np.maximum(exercised[rows], ended)
        return call, put, exercised, deviations

    def _listed(
        self, who: int, session: int, scripted: float | None
    ) -> tuple[Listed, FloatArray, FloatArray]:
        """What is listed in a session, with open interest and the session's volume, calls first."""
        listed = listed_strikes(self._prices, who, session, scripted)
        expiry = np.concatenate([listed.expiry, listed.expiry])
        strike = np.concatenate([listed.strike, listed.strike])
        is_call = np.repeat([1, 0], listed.strike.size)
        cents = np.round(strike * 100.0).astype(np.int64)
        index = expiry * 100_000_000 + cents * 2 + is_call
        interest = self._open_interest(who, session, listed, index)
        luck = uniforms(self._volume_keys[who], index * 31 + session)
        return listed, interest, interest * 0.4 * luck**2

    def _open_interest(self, who: int, session: int, listed: Listed, index: IntArray) -> FloatArray:
        """Most near the money, on round months, in large companies; steady through the session and
        growing towards the expiry."""
        listing = self._prices.roster.listings[who]
        days = listed.expiry - int(self._prices.table.days[session])
        deviation = listing.volatility * np.sqrt(np.maximum(days, 1) / 365.0) + 0.02
        distance = np.log(listed.strike / listed.reference) / deviation
        size = 1100.0 * (listing.market_cap / 1e11) ** 0.5 * np.where(listed.monthly, 4.0, 1.0)
        size = size * np.exp(-0.35 * distance**2) / (1.0 + days / 120.0)
        luck = np.exp(0.7 * normals(self._interest_keys[who], index))
        return np.asarray(np.floor(np.concatenate([size, size]) * luck))
