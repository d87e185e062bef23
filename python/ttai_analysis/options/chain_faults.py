"""What is wrong with an option chain, as warnings in the words of quality.py.

For: leaving out contracts that cannot be judged, counting what is odd, and telling when a chain as
a whole is not to be trusted. Not for: which contract to sell (gates.py).
"""

from dataclasses import replace
from datetime import datetime

import numpy as np

from ttai_analysis.errors import InvalidMarketDataError
from ttai_analysis.market.faults import CLOCK_SKEW, MAX_AGE_IN_SESSION
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.models.common import MAX_PRICE
from ttai_analysis.options.contracts import Contracts, years_to_expiry
from ttai_analysis.options.sold import out_of_the_money
from ttai_analysis.providers.base import BoolArray, Chain, IntArray

SHARES = 100.0
LAST_SATURDAY_EXPIRY = 16_487
"""2015-02-21 in days since 1970: monthly options expired on Saturdays until then."""
FRIDAY = 4
MAX_FAULTY_SHARE = 0.25
"""Of the quoted contracts: with more of them crossed, locked, twice or below their intrinsic value,
none is trusted."""
MAX_CONTRADICTING_SHARE = 0.10
MIN_CONTRADICTING = 3
"""Of the strikes near the money with both sides quoted, and so many at least. An honest chain has
next to none (of 379 in a real chain of GOOG not one); puts that are all 30 % too dear make a
quarter."""
MAX_SPOT_MISS = 0.03
SPOT_MISS_SPREADS = 3.0
NEAR_YEARS = 0.25
NEAR_MONEY = 0.10
WIDE_PCT = 25.0
"""Of the mid, within a tenth of the money."""
IV_NEIGHBOURS = 5
IV_RATIO, IV_DISTANCE = 1.5, 0.10
"""A contract whose volatility is off its neighbours' median by both is an outlier."""


def sound_chain(chain: Chain, symbol: str, as_of: datetime) -> tuple[Chain, list[str]]:
    """The contracts that can be judged at all, and warnings. Raises InvalidMarketDataError for
    numbers that cannot be and for the chain of another symbol."""
    _check(chain, symbol)
    warnings = _age_faults(chain, as_of)
    quoted = max(1, int(np.sum((chain.bid > 0.0) | (chain.ask > 0.0))))
    crossed = (chain.bid > chain.ask) & (chain.ask > 0.0)
    locked = (chain.bid == chain.ask) & (chain.bid > 0.0)
    copies = _copies(chain)
    one_sided = (chain.bid > 0.0) ^ (chain.ask > 0.0)
    expired = years_to_expiry(chain.expiry, as_of, chain.am_settled) <= 0.0
    weekday = (chain.expiry + 3) % 7
    saturday = (weekday > FRIDAY) & (chain.expiry > LAST_SATURDAY_EXPIRY)
    adjusted = np.zeros(len(chain), dtype=np.bool_)
    if chain.shares_per_contract is not None:
        adjusted = chain.shares_per_contract != SHARES
    am_settled = np.zeros(len(chain), dtype=np.bool_)
    if chain.am_settled is not None:
        am_settled = chain.am_settled
    for code, rows in (
        ("crossed_quotes", crossed),
        ("locked_quotes", locked),
        ("one_sided_quotes", one_sided),
        ("duplicate_contracts", copies),
        ("expired_contracts", expired),
        ("saturday_expiry", saturday),
        ("non_standard_deliverable", adjusted),
        ("am_settled", am_settled),
    ):
        if rows.any():
            warnings.append(f"{code}:{int(rows.sum())}")
    if int((crossed | locked | copies).sum()) > MAX_FAULTY_SHARE * quoted:
        warnings.append("unreliable_chain")
    if len(chain) and not (np.nan_to_num(chain.open_interest, nan=0.0) > 0.0).any():
        warnings.append("no_open_interest")
    return chain.part(~(copies | expired | saturday | adjusted)), warnings


def sound_contracts(contracts: Contracts, told: float | None) -> tuple[Contracts, list[str]]:
    """The contracts, with the volatility of outliers and of what contradicts parity unknown, and
    warnings. `told`: the price of the underlying that the chain must agree with; None where
    nothing but the chain tells of it."""
    warnings = []
    live = contracts.two_sided & (contracts.years > 0.0)
    below = live & np.isnan(contracts.iv)
    if below.any():
        warnings.append(f"sub_intrinsic:{int(below.sum())}")
        if int(below.sum()) > MAX_FAULTY_SHARE * int(live.sum()):
            warnings.append("unreliable_chain")
    with np.errstate(invalid="ignore"):
        near = np.abs(contracts.chain.strike / contracts.forward - 1.0) <= NEAR_MONEY
        wide = live & near & (contracts.spread_pct > WIDE_PCT)
    if wide.any():
        warnings.append(f"wide_quotes:{int(wide.sum())}")
    if _spot_is_off(contracts, told):
        warnings.append("spot_mismatch")
    pairs, contradicting = _parity_faults(contracts)
    strikes = contradicting.size // 2
    if strikes:
        warnings.append(f"parity_violated:{strikes}")
        if strikes >= max(MIN_CONTRADICTING, MAX_CONTRADICTING_SHARE * pairs):
            warnings.append("unreliable_chain")
    outliers = _iv_outliers(contracts)
    if outliers.any():
        warnings.append(f"iv_outlier:{int(outliers.sum())}")
    outliers[contradicting] = True
    if outliers.any():
        contracts = replace(contracts, iv=np.where(outliers, np.nan, contracts.iv))
    return contracts, warnings


def _check(chain: Chain, symbol: str) -> None:
    if chain.symbol != symbol:
        raise InvalidMarketDataError(
            f"Asked for the chain of {symbol}, the source gave that of {chain.symbol}.",
            details={"symbol": symbol},
        )
    spot = chain.underlying_price
    numbers = (chain.bid, chain.ask)
    wrong = any(np.isinf(column).any() or (column < 0.0).any() for column in numbers)
    if not (0.0 < spot <= MAX_PRICE) or wrong or not (chain.strike > 0.0).all():
        raise InvalidMarketDataError(
            f"The option chain of {symbol} holds a number that cannot be.",
            details={"symbol": symbol},
        )


def _age_faults(chain: Chain, as_of: datetime) -> list[str]:
    """In a session quotes may be 20 minutes old; outside they must reach up to its close."""
    table = session_table()
    if chain.as_of > as_of + CLOCK_SKEW:
        return ["future_chain"]
    newest = as_of
    if table.at(as_of) is None:
        completed = table.completed(as_of.timestamp())
        newest = table.session(completed - 1).closes_at if completed else as_of
    times = [chain.as_of, *([chain.underlying_as_of] if chain.underlying_as_of else [])]
    return ["stale_chain"] if newest - min(times) > MAX_AGE_IN_SESSION else []


def _copies(chain: Chain) -> BoolArray:
    """Contracts that come more than once: which of them is right cannot be known."""
    order = np.lexsort((chain.is_call, chain.strike, chain.expiry))
    same = (
        (np.diff(chain.expiry[order]) == 0)
        & (np.diff(chain.strike[order]) == 0.0)
        & (chain.is_call[order][1:] == chain.is_call[order][:-1])
    )
    copies = np.zeros(len(chain), dtype=np.bool_)
    copies[order[1:][same]] = True
    copies[order[:-1][same]] = True
    return copies


def _spot_is_off(contracts: Contracts, told: float | None) -> bool:
    """Whether the price of the underlying is not the one told, or not what put-call parity
    says; only expiries within three months vote where there are any, for later ones hold
    dividends."""
    chain = contracts.chain
    spot = chain.underlying_price
    if told is not None and abs(spot / told - 1.0) > MAX_SPOT_MISS:
        return True
    known = contracts.parity & (contracts.years > 0.0)
    near = known & (contracts.years <= NEAR_YEARS)
    rows = np.flatnonzero(near if near.any() else known)
    if rows.size == 0:
        return False
    implied = contracts.forward[rows] * np.exp(-contracts.rate * contracts.years[rows])
    _, first = np.unique(chain.expiry[rows], return_index=True)
    miss = float(np.abs(np.median(implied[first]) - spot))
    at_money = rows[
        contracts.two_sided[rows]
        & (np.abs(chain.strike[rows] / contracts.forward[rows] - 1.0) <= NEAR_MONEY)
    ]
    spread = float(np.median(chain.ask[at_money] - chain.bid[at_money])) if at_money.size else 0.0
    return miss > max(MAX_SPOT_MISS * spot, SPOT_MISS_SPREADS * spread)


def _parity_faults(contracts: Contracts) -> tuple[int, IntArray]:
    """How many strikes near the money have a call and a put with a market, and the rows of those
    where both say another forward than the rest of their expiry, by more than spreads and the right
    to exercise early can be worth: interest on the strike for the put, dividends for the call."""
    chain = contracts.chain
    near = np.abs(chain.strike / contracts.forward - 1.0) <= NEAR_MONEY
    rows = np.flatnonzero(near & contracts.two_sided & contracts.parity & (contracts.years > 0.0))
    rows = rows[np.lexsort((chain.is_call[rows], chain.strike[rows], chain.expiry[rows]))]
    puts, calls = rows[:-1], rows[1:]
    paired = (
        (chain.expiry[puts] == chain.expiry[calls])
        & (chain.strike[puts] == chain.strike[calls])
        & (chain.is_call[puts] != chain.is_call[calls])
    )
    puts, calls = puts[paired], calls[paired]
    strike, forward = chain.strike[calls], contracts.forward[calls]
    grown = np.exp(contracts.rate * contracts.years[calls])
    miss = strike + grown * (contracts.mid[calls] - contracts.mid[puts]) - forward
    width = chain.ask[calls] - chain.bid[calls] + chain.ask[puts] - chain.bid[puts]
    slack = 0.5 * grown * width
    interest = np.maximum(strike * (grown - 1.0), 0.0)
    dividends = np.maximum(chain.underlying_price * grown - forward, 0.0)
    contradicting = (miss > slack + dividends) | (miss < -slack - interest)
    return int(puts.size), np.concatenate([puts[contradicting], calls[contradicting]])


def _iv_outliers(contracts: Contracts) -> BoolArray:
    """Out-of-the-money contracts whose volatility is far from that of the strikes about them."""
    chain = contracts.chain
    outliers = np.zeros(len(contracts), dtype=np.bool_)
    known = ~np.isnan(contracts.iv) & out_of_the_money(
        chain.is_call, chain.strike, contracts.forward
    )
    rows = np.flatnonzero(known)
    rows = rows[np.lexsort((chain.strike[rows], chain.expiry[rows]))]
    _, first, size = np.unique(chain.expiry[rows], return_index=True, return_counts=True)
    enough = np.repeat(size >= IV_NEIGHBOURS, size)
    if not enough.any():
        return outliers
    # The five about each; at the ends of an expiry, the five there.
    start = np.arange(rows.size) - IV_NEIGHBOURS // 2
    start = np.clip(start, np.repeat(first, size), np.repeat(first + size - IV_NEIGHBOURS, size))
    iv = contracts.iv[rows]
    windows = np.lib.stride_tricks.sliding_window_view(iv, IV_NEIGHBOURS)
    usual = np.median(windows, axis=1)[start[enough]]
    rows, iv = rows[enough], iv[enough]
    far = np.abs(iv - usual) > IV_DISTANCE
    outliers[rows] = far & ((iv > IV_RATIO * usual) | (iv < usual / IV_RATIO))
    return outliers
