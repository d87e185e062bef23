"""The gates that a contract must pass to be sold, and what stopped those that did not.

For: one boolean per contract, and counts by the first gate that failed. Not for: ranking.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.models.options import Constraints, RejectedCounts, Strategy
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.providers.base import BoolArray, Earnings, FloatArray
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
    "dte", "bid", "iv", "delta", "spread", "oi", "wing", "pair", "credit", "roc", "capital",
    "basis", "earnings",
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
    cost_basis: float | None = None,
    capital: bool = True,
) -> GateResult:
    """Gates for the contract to be sold. `cost_basis`: of the shares under a covered call, today's
    price without it; no call below it is sold. `capital` applies the least return and the budget to
    what one contract holds: the strike in cash, or those shares; spreads apply them to the loss of
    the whole trade."""
    chain = contracts.chain
    side = (chain.is_call == is_call) & (contracts.years > 0.0)
    size = np.abs(contracts.delta)
    days = np.maximum(contracts.dte, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = cost_basis or chain.underlying_price
        at_risk = shares if is_call else chain.strike - chain.bid
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
            "capital": _within_budget(constraints, shares if is_call else chain.strike)
            if capital
            else np.ones(len(contracts), dtype=np.bool_),
            "basis": chain.strike >= (cost_basis or 0.0),
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


def _within_budget(constraints: Constraints, held: float | FloatArray) -> BoolArray:
    """`held` per share."""
    most = np.inf if constraints.max_capital is None else constraints.max_capital
    return np.asarray(np.multiply(held, SHARES) <= most)
