"""A chain with everything that follows from it: time, forward, volatility, greeks, odds.

For: one column per figure, aligned with the chain's rows. Not for: choosing (gates.py, trades.py).
"""

from dataclasses import dataclass, fields, replace
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


def contracts_of(chain: Chain, as_of: datetime, rate: float) -> Contracts:
    """Work out every column at `as_of`; `rate` is continuously compounded. The rows are those of
    `standard_contracts(chain)`."""
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
    iv, american = _with_early_exercise(chain, mid, years, rate, yield_, iv)
    with np.errstate(invalid="ignore", divide="ignore"):
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
        american=american,
        delta=sensitivities.delta,
        gamma=sensitivities.gamma,
        theta_per_day=sensitivities.theta / DAYS_PER_YEAR,
        vega_per_point=sensitivities.vega / 100.0,
        prob_itm=np.where(chain.is_call, 1.0 - below, below),
        prob_touch=np.where(out_of_money, touch, 1.0),
    )


def standard_contracts(chain: Chain) -> Chain:
    """The chain without contracts on other than 100 shares (after a split or a merger their strike
    and price are not those of a share); how many were left out is among the warnings."""
    warnings = []
    if chain.shares_per_contract is not None:
        keep = chain.shares_per_contract == STANDARD_SHARES
        if not keep.all():
            warnings.append(f"non_standard_deliverable:{int((~keep).sum())}")
            columns = {
                item.name: getattr(chain, item.name)[keep]
                for item in fields(chain)
                if isinstance(getattr(chain, item.name), np.ndarray)
            }
            chain = replace(chain, **columns)
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
) -> tuple[FloatArray, BoolArray]:
    """The volatilities, those of the American price where that tells more than half the spread;
    and where that was. A price at which exercise is due has no volatility to tell: the European
    one stays."""
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
        rows = np.flatnonzero(in_the_money & ~np.isnan(iv) & (most > half_spread))
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
    forward = chain.underlying_price * np.exp(rate * np.maximum(years, 0.0))
    parity = np.zeros(len(chain), dtype=np.bool_)
    for expiry in np.unique(chain.expiry):
        rows = np.flatnonzero((chain.expiry == expiry) & ~np.isnan(mid) & (years > 0.0))
        is_call = chain.is_call[rows]
        calls = _last_of_each(chain.strike, rows[is_call])
        puts = _last_of_each(chain.strike, rows[~is_call])
        both, of_calls, of_puts = np.intersect1d(
            chain.strike[calls], chain.strike[puts], assume_unique=True, return_indices=True
        )
        if both.size:
            near = np.argsort(np.abs(both - chain.underlying_price), kind="stable")[:NEAR_STRIKES]
            call, put = calls[of_calls[near]], puts[of_puts[near]]
            votes = both[near] + np.exp(rate * years[call]) * (mid[call] - mid[put])
            mask = chain.expiry == expiry
            forward[mask], parity[mask] = float(np.median(votes)), True
    return np.asarray(forward), parity


def _last_of_each(strike: FloatArray, rows: IntArray) -> IntArray:
    """The rows with the strikes ascending; of several of one strike the last."""
    order = rows[np.argsort(strike[rows], kind="stable")]
    return order[np.append(np.diff(strike[order]) != 0.0, True)] if order.size else order


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
