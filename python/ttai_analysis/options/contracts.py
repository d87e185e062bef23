"""A chain with everything that follows from it: time, forward, volatility, greeks, odds.

For: one column per figure, aligned with the chain's rows. Not for: choosing (gates.py, trades.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.options.early_exercise import (
    american_implied_volatility,
    early_exercise_premium,
)
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.odds import probability_below, probability_of_touch
from ttai_analysis.options.pricing import greeks
from ttai_analysis.options.sold import (
    Sold,
    out_of_the_money,
    rows_of,
    rows_with_american_volatility,
)
from ttai_analysis.providers.base import BoolArray, Chain, FloatArray, IntArray
from ttai_analysis.timestamps import new_york_date, ordinal_of

MINUTES_PER_YEAR = 525_600.0
NEAR_STRIKES = 6
"""How many strikes about the money vote on the forward."""
DAYS_PER_YEAR = 365.0
STANDARD_SHARES = 100.0


@dataclass(frozen=True, slots=True)
class Contracts:
    """Columns over a chain's rows. Greeks are those of the option itself, not of its seller.

    NaN: not known. `two_sided`: bid above zero and not above the ask. `parity`: the forward came
    from put-call parity, not from an assumption. `american`: the volatility is that of the American
    price, because the right to exercise early is worth more than half the spread.
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
    american: BoolArray
    delta: FloatArray
    gamma: FloatArray
    theta_per_day: FloatArray
    vega_per_point: FloatArray
    prob_itm: FloatArray
    prob_touch: FloatArray

    def __len__(self) -> int:
        return len(self.chain)


def contracts_of(chain: Chain, as_of: datetime, rate: float, sold: Sold | None = None) -> Contracts:
    """Work out every column at `as_of`; `rate` is continuously compounded. The rows are those of
    `standard_contracts(chain)`.

    With `sold` only those contracts get greeks and odds, NaN elsewhere, and the American volatility
    only where an answer may rest on it (sold.py).
    """
    chain = standard_contracts(chain)
    dte = chain.expiry - ordinal_of(new_york_date(as_of))
    years = years_to_expiry(chain.expiry, as_of, chain.am_settled)
    two_sided = (chain.bid > 0.0) & (chain.ask >= chain.bid)
    with np.errstate(invalid="ignore", divide="ignore"):
        mid = np.where(two_sided, 0.5 * (chain.bid + chain.ask), np.nan)
        spread_pct = 100.0 * (chain.ask - chain.bid) / mid
    spot = chain.underlying_price
    forward, parity = forwards(chain, years, mid, rate)
    iv = implied_volatility(mid, forward, chain.strike, years, np.exp(-rate * years), chain.is_call)
    with np.errstate(invalid="ignore", divide="ignore"):
        yield_ = rate - np.log(forward / spot) / years
    asked = telling = np.ones(len(chain), dtype=np.bool_)
    if sold is not None:
        asked = rows_of(sold, chain, dte)
        telling = rows_with_american_volatility(sold, chain, asked, years, forward, yield_, iv)
    iv, american = _with_early_exercise(chain, mid, years, rate, yield_, iv, telling)
    strike, is_call = chain.strike[asked], chain.is_call[asked]
    terms = (years[asked], rate, yield_[asked], iv[asked])
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivities = greeks(spot, strike, *terms, is_call)
        below = probability_below(strike, forward[asked], years[asked], iv[asked])
        touch = probability_of_touch(strike, spot, *terms)
    out_of_money = np.where(is_call, strike > spot, strike < spot)

    def column(values: FloatArray) -> FloatArray:
        every = np.full(len(chain), np.nan)
        every[asked] = values
        return every

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
        american=american,
        delta=column(sensitivities.delta),
        gamma=column(sensitivities.gamma),
        theta_per_day=column(sensitivities.theta / DAYS_PER_YEAR),
        vega_per_point=column(sensitivities.vega / 100.0),
        prob_itm=column(np.where(is_call, 1.0 - below, below)),
        prob_touch=column(np.where(out_of_money, touch, 1.0)),
    )


def standard_contracts(chain: Chain) -> Chain:
    """The chain without contracts on other than 100 shares (after a split or a merger their strike
    and price are not those of a share); how many were left out is among the warnings."""
    warnings = []
    if chain.shares_per_contract is not None:
        keep = chain.shares_per_contract == STANDARD_SHARES
        if not keep.all():
            warnings.append(f"non_standard_deliverable:{int((~keep).sum())}")
            chain = chain.part(keep)
    if chain.am_settled is not None and chain.am_settled.any():
        warnings.append(f"am_settled:{int(chain.am_settled.sum())}")
    told = [warning for warning in warnings if warning not in chain.warnings]
    return replace(chain, warnings=(*chain.warnings, *told)) if told else chain


def years_to_expiry(
    expiry: IntArray, as_of: datetime, am_settled: BoolArray | None = None
) -> FloatArray:
    """Minutes to the close of the expiry's session over 525,600, to its open where it settles in
    the morning; 0 or less when it has passed.

    An expiry that is no session (Saturdays, before 2015) ends with the session before it; one from
    before the calendar has passed.
    """
    table = session_table()
    days, inverse = np.unique(expiry, return_inverse=True)
    index = np.searchsorted(table.days, days, side="right") - 1
    ends = table.closes[index][inverse]
    if am_settled is not None:
        ends = np.where(am_settled, table.opens[index][inverse], ends)
    ends = np.where(index[inverse] < 0, 0, ends)
    return np.asarray((ends - as_of.timestamp()) / 60.0 / MINUTES_PER_YEAR, dtype=np.float64)


def _with_early_exercise(
    chain: Chain,
    mid: FloatArray,
    years: FloatArray,
    rate: float,
    yield_: FloatArray,
    iv: FloatArray,
    telling: BoolArray,
) -> tuple[FloatArray, BoolArray]:
    """The volatilities, those of the American price where that tells more than half the spread;
    and where that was. Only the `telling` rows are looked at. A price at which exercise is due has
    no volatility to tell: the European one stays."""
    spot, american = chain.underlying_price, np.zeros(len(chain), dtype=np.bool_)
    with np.errstate(invalid="ignore", over="ignore"):
        in_the_money = np.where(chain.is_call, spot > chain.strike, spot < chain.strike)
        # Never more than the interest on the strike, or the dividends on the share.
        most = np.where(
            chain.is_call,
            spot * -np.expm1(-yield_ * years),
            chain.strike * -np.expm1(-rate * years),
        )
        half_spread = 0.5 * (chain.ask - chain.bid)
        rows = np.flatnonzero(telling & in_the_money & ~np.isnan(iv) & (most > half_spread))
    if rows.size == 0:
        return iv, american
    terms = (spot, chain.strike[rows], years[rows], rate, yield_[rows])
    premium = early_exercise_premium(*terms, iv[rows], chain.is_call[rows])
    rows = rows[premium > half_spread[rows]]
    if rows.size == 0:
        return iv, american
    found = american_implied_volatility(
        mid[rows], spot, chain.strike[rows], years[rows], rate, yield_[rows],
        chain.is_call[rows], iv[rows],
    )  # fmt: skip
    known = ~np.isnan(found)
    iv, american[rows[known]] = iv.copy(), True
    iv[rows[known]] = found[known]
    return iv, american


def forwards(
    chain: Chain, years: FloatArray, mid: FloatArray, rate: float
) -> tuple[FloatArray, BoolArray]:
    """Each row's forward: the median of K + e^{rt}(C - P) over the strikes about the money.

    Where no strike has both sides quoted, spot grown at the rate stands in and `parity` is False.
    """
    spot = chain.underlying_price
    forward = spot * np.exp(rate * np.maximum(years, 0.0))
    call, put = _pairs(chain, ~np.isnan(mid) & (years > 0.0))
    if call.size == 0:
        return np.asarray(forward), np.zeros(len(chain), dtype=np.bool_)
    strike = chain.strike[call]
    votes = strike + np.exp(rate * years[call]) * (mid[call] - mid[put])
    days, expiry = np.unique(chain.expiry[call], return_inverse=True)
    order = np.lexsort((np.abs(strike - spot), expiry))
    first = np.searchsorted(expiry, np.arange(days.size))
    nearest = order[np.arange(order.size) - first[expiry] < NEAR_STRIKES]
    median = _medians(votes[nearest], expiry[nearest], days.size)
    place = np.minimum(np.searchsorted(days, chain.expiry), days.size - 1)
    parity = days[place] == chain.expiry
    return np.where(parity, median[place], forward), np.asarray(parity)


def _pairs(chain: Chain, usable: BoolArray) -> tuple[IntArray, IntArray]:
    """The rows of the usable calls and puts of one expiry and strike, both ascending; of several of
    the same contract the last."""
    rows = np.flatnonzero(usable)
    rows = rows[np.lexsort((chain.is_call[rows], chain.strike[rows], chain.expiry[rows]))]

    def together(left: IntArray, right: IntArray) -> BoolArray:
        same = chain.strike[left] == chain.strike[right]
        return np.asarray(same & (chain.expiry[left] == chain.expiry[right]))

    is_call = chain.is_call[rows]
    again = together(rows[:-1], rows[1:]) & (is_call[:-1] == is_call[1:])
    rows = rows[np.append(~again, True)] if rows.size else rows
    put = np.flatnonzero(together(rows[:-1], rows[1:]))
    return rows[put + 1], rows[put]


def _medians(values: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """The median of each group 0, 1, ...; none is empty."""
    order = np.lexsort((values, group))
    ordered, size = values[order], np.bincount(group, minlength=groups)
    first = np.cumsum(size) - size
    return np.asarray(0.5 * (ordered[first + (size - 1) // 2] + ordered[first + size // 2]))


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
    rows = np.flatnonzero(chain.expiry == expiry)
    rows = rows[~np.isnan(contracts.iv[rows])]
    if rows.size == 0:
        return None
    strike, forward = chain.strike[rows], contracts.forward[rows]
    away = np.abs(strike - forward)
    outside = out_of_the_money(chain.is_call[rows], strike, forward)
    away = np.where(outside, away, np.inf) if outside.any() else away
    nearest = np.argsort(away, kind="stable")[:2]
    return float(np.mean(contracts.iv[rows[nearest[np.isfinite(away[nearest])]]]))
