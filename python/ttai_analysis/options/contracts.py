"""A chain with everything that follows from it: time, forward, volatility, greeks, odds.

For: one column per figure, aligned with the chain's rows. Not for: choosing (gates.py, trades.py).
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.odds import probability_below, probability_of_touch
from ttai_analysis.options.pricing import greeks
from ttai_analysis.providers.base import BoolArray, Chain, FloatArray, IntArray
from ttai_analysis.timestamps import new_york_date, ordinal_of

MINUTES_PER_YEAR = 525_600.0
NEAR_STRIKES = 6
"""How many strikes about the money vote on the forward."""
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Contracts:
    """Columns over a chain's rows. Greeks are those of the option itself, not of its seller.

    NaN: not known. `two_sided`: bid above zero and not above the ask. `parity`: the forward came
    from put-call parity, not from an assumption.
    """

    chain: Chain
    rate: float
    dte: IntArray
    years: FloatArray
    forward: FloatArray
    parity: BoolArray
    two_sided: BoolArray
    mid: FloatArray
    spread_pct: FloatArray
    iv: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta_per_day: FloatArray
    vega_per_point: FloatArray
    prob_itm: FloatArray
    prob_touch: FloatArray

    def __len__(self) -> int:
        return len(self.chain)


def contracts_of(chain: Chain, as_of: datetime, rate: float) -> Contracts:
    """Work out every column at `as_of`; `rate` is continuously compounded."""
    dte = chain.expiry - ordinal_of(new_york_date(as_of))
    years = years_to_expiry(chain.expiry, as_of)
    two_sided = (chain.bid > 0.0) & (chain.ask >= chain.bid)
    with np.errstate(invalid="ignore", divide="ignore"):
        mid = np.where(two_sided, 0.5 * (chain.bid + chain.ask), np.nan)
        spread_pct = 100.0 * (chain.ask - chain.bid) / mid
    spot = chain.underlying_price
    forward, parity = forwards(chain, years, mid, rate)
    iv = implied_volatility(mid, forward, chain.strike, years, np.exp(-rate * years), chain.is_call)
    with np.errstate(invalid="ignore", divide="ignore"):
        yield_ = rate - np.log(forward / spot) / years
        sensitivities = greeks(spot, chain.strike, years, rate, yield_, iv, chain.is_call)
        below = probability_below(chain.strike, forward, years, iv)
        touch = probability_of_touch(chain.strike, spot, years, rate, yield_, iv)
    out_of_money = np.where(chain.is_call, chain.strike > spot, chain.strike < spot)
    return Contracts(
        chain=chain,
        rate=rate,
        dte=dte,
        years=years,
        forward=forward,
        parity=parity,
        two_sided=two_sided,
        mid=mid,
        spread_pct=spread_pct,
        iv=iv,
        delta=sensitivities.delta,
        gamma=sensitivities.gamma,
        theta_per_day=sensitivities.theta / DAYS_PER_YEAR,
        vega_per_point=sensitivities.vega / 100.0,
        prob_itm=np.where(chain.is_call, 1.0 - below, below),
        prob_touch=np.where(out_of_money, touch, 1.0),
    )


def years_to_expiry(expiry: IntArray, as_of: datetime) -> FloatArray:
    """Minutes to the close of the expiry's session over 525,600; 0 or less when it has passed.

    An expiry that is no session (Saturdays, before 2015) ends with the session before it.
    """
    table = session_table()
    days, inverse = np.unique(expiry, return_inverse=True)
    index = np.searchsorted(table.days, days, side="right") - 1
    minutes = (table.closes[index] - as_of.timestamp()) / 60.0
    return np.asarray((minutes / MINUTES_PER_YEAR)[inverse], dtype=np.float64)


def forwards(
    chain: Chain, years: FloatArray, mid: FloatArray, rate: float
) -> tuple[FloatArray, BoolArray]:
    """Each row's forward: the median of K + e^{rt}(C - P) over the strikes about the money.

    Where no strike has both sides quoted, spot grown at the rate stands in and `parity` is False.
    """
    forward = chain.underlying_price * np.exp(rate * np.maximum(years, 0.0))
    parity = np.zeros(len(chain), dtype=np.bool_)
    for expiry in np.unique(chain.expiry):
        rows = np.flatnonzero((chain.expiry == expiry) & ~np.isnan(mid) & (years > 0.0))
        calls = {float(chain.strike[row]): row for row in rows if chain.is_call[row]}
        puts = {float(chain.strike[row]): row for row in rows if not chain.is_call[row]}
        both = sorted(
            calls.keys() & puts.keys(),
            key=lambda strike: (abs(strike - chain.underlying_price), strike),
        )
        votes = [
            strike + np.exp(rate * years[calls[strike]]) * (mid[calls[strike]] - mid[puts[strike]])
            for strike in both[:NEAR_STRIKES]
        ]
        if votes:
            mask = chain.expiry == expiry
            forward[mask], parity[mask] = float(np.median(votes)), True
    return np.asarray(forward), parity


def at_the_money_iv(contracts: Contracts, days: float) -> float | None:
    """Volatility at the money of the expiry nearest to `days`; None when none has one."""
    known = ~np.isnan(contracts.iv) & (contracts.dte > 0)
    if not known.any():
        return None
    distance = np.abs(contracts.dte - days)
    return expiry_iv(contracts, int(contracts.chain.expiry[known][np.argmin(distance[known])]))


def expiry_iv(contracts: Contracts, expiry: int) -> float | None:
    """Volatility at the money of one expiry (days since 1970); None when it has none.

    The mean of the two strikes about the forward, out-of-the-money sides, so that nothing is
    ever made up where quotes are missing.
    """
    chain = contracts.chain
    rows = np.flatnonzero(~np.isnan(contracts.iv) & (chain.expiry == expiry))
    if rows.size == 0:
        return None
    outside = np.where(
        chain.is_call[rows],
        chain.strike[rows] >= contracts.forward[rows],
        chain.strike[rows] < contracts.forward[rows],
    )
    rows = rows[outside] if outside.any() else rows
    nearest = rows[np.argsort(np.abs(chain.strike[rows] - contracts.forward[rows]), kind="stable")]
    return float(np.mean(contracts.iv[nearest[:2]]))
