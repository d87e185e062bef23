"""The gates that a contract must pass to be sold, and what stopped those that did not.

For: one boolean per contract, and counts by the first gate that failed. Not for: ranking.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.models.options import Constraints, RejectedCounts, Strategy
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.providers.base import BoolArray, Earnings
from ttai_analysis.timestamps import ordinal_of

TIGHT_SPREAD = 0.05
"""In currency: a nickel wide is tight whatever the percentage says."""
SHARES = 100.0
SIDES: dict[Strategy, tuple[bool, ...]] = {
    "csp": (False,),
    "covered_call": (True,),
    "bull_put_spread": (False,),
    "bear_call_spread": (True,),
    "iron_condor": (False, True),
}
"""Which sides a strategy sells: False the puts, True the calls."""
GATES = (
    "dte", "bid", "iv", "delta", "spread", "oi", "wing", "roc", "capital", "basis", "earnings",
)  # fmt: skip
"""In the order in which a contract, and what is made of it, meets them."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """`passed`: all gates. `sound`: all but earnings, which may be waived or unknown."""

    passed: BoolArray
    sound: BoolArray
    considered: int
    rejected: RejectedCounts


def short_gates(
    contracts: Contracts,
    constraints: Constraints,
    earnings: Earnings,
    *,
    is_call: bool,
    min_strike: float | None = None,
    capital: bool = True,
) -> GateResult:
    """Gates for the contract to be sold. `min_strike` guards a covered call's cost basis;
    `capital` applies the least return and the budget to what one contract holds: the strike in
    cash, or the shares under a call; spreads apply them to the loss of the whole trade."""
    chain = contracts.chain
    side = (chain.is_call == is_call) & (contracts.years > 0.0)
    size = np.abs(contracts.delta)
    days = np.maximum(contracts.dte, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        at_risk = chain.underlying_price if is_call else chain.strike - chain.bid
        weekly = 100.0 * chain.bid / at_risk * 7.0 / days
        tests = {
            "dte": (contracts.dte >= constraints.dte_min) & (contracts.dte <= constraints.dte_max),
            "bid": contracts.two_sided & (chain.bid >= constraints.min_bid),
            "iv": ~np.isnan(contracts.iv),
            "delta": (size >= constraints.min_delta) & (size <= constraints.max_delta),
            "spread": (contracts.spread_pct <= constraints.max_spread_pct)
            | (chain.ask - chain.bid <= TIGHT_SPREAD + 1e-9),
            "oi": np.nan_to_num(chain.open_interest, nan=0.0) >= constraints.min_open_interest,
            "roc": (weekly >= constraints.min_weekly_roc_pct)
            if capital
            else np.ones(len(contracts), dtype=np.bool_),
            "capital": _within_budget(contracts, constraints, is_call=is_call)
            if capital
            else np.ones(len(contracts), dtype=np.bool_),
            "basis": chain.strike >= (min_strike or 0.0),
            "earnings": earnings_gate(contracts, constraints, earnings),
        }
    alive = side.copy()
    counts: dict[str, int] = {}
    sound = alive
    for name, test in tests.items():
        if name == "earnings":
            sound = alive.copy()
        counts[name] = int(np.sum(alive & ~test))
        alive = alive & test
    return GateResult(
        passed=alive, sound=sound, considered=int(side.sum()), rejected=RejectedCounts(**counts)
    )


def earnings_gate(contracts: Contracts, constraints: Constraints, earnings: Earnings) -> BoolArray:
    """True where no report can fall within the life of the contract.

    A report today counts as inside. Not knowing the date is not the same as there being none.
    """
    everything = np.ones(len(contracts), dtype=np.bool_)
    if constraints.allow_earnings or (earnings.known and earnings.day is None):
        return everything
    if not earnings.known or earnings.day is None:
        return everything if constraints.unknown_earnings == "warn" else ~everything
    return np.asarray(contracts.chain.expiry < ordinal_of(earnings.day))


def _within_budget(contracts: Contracts, constraints: Constraints, *, is_call: bool) -> BoolArray:
    if constraints.max_capital is None:
        return np.ones(len(contracts), dtype=np.bool_)
    chain = contracts.chain
    held = np.where(is_call, chain.underlying_price, chain.strike) * SHARES
    return np.asarray(held <= constraints.max_capital)
