"""Trades that can be made of a chain's contracts: one short option, a vertical, a condor.

For: legs, credit at the bid (what can be had now), profit, loss, capital, odds, returns.
Not for: which contracts may be sold (gates.py) or which trade is best (scoring.py).
Prices are per share; maxProfit, maxLoss and capital are per contract of 100 shares.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.gates import SHARES
from ttai_analysis.options.odds import probability_below


@dataclass(frozen=True, slots=True)
class Trade:
    """One way to sell premium. `legs` are rows of the contracts, the main short leg first;
    `signs` are -1 for sold and +1 for bought. `risk` is the capital at risk per share, what returns
    are on; `capital` is what is held per contract: for a cash-secured put the whole strike,
    although its credit can not be lost. It loses beyond `breakeven` on the side `loses`; on both
    sides, `breakeven` is the lower and `breakeven_upper` the other."""

    legs: tuple[int, ...]
    signs: tuple[int, ...]
    credit: float
    mid_credit: float
    risk: float
    gross_base: float
    max_profit: float
    max_loss: float
    capital: float
    breakeven: float
    pop: float
    loses: Literal["below", "above", "both"] = "below"
    breakeven_upper: float | None = None
    if_called_pct: float | None = None

    @property
    def short(self) -> int:
        """The row of the contract that is sold for its premium."""
        return self.legs[0]

    @property
    def sold(self) -> tuple[int, ...]:
        """The rows of the contracts that are sold."""
        return tuple(leg for leg, sign in zip(self.legs, self.signs, strict=True) if sign < 0)

    @property
    def roc_pct(self) -> float:
        """Credit over capital at risk, percent."""
        return 100.0 * self.credit / self.risk

    @property
    def gross_roc_pct(self) -> float:
        """Credit over the strike, the price of the shares or the width, percent."""
        return 100.0 * self.credit / self.gross_base

    def room_pct(self, spot: float) -> float:
        """How far the price may move to the break-even, percent of it: positive while the trade is
        on the right side. Of two break-evens the nearer."""
        below = 100.0 * (spot - self.breakeven) / spot
        if self.loses == "above":
            return -below
        if self.breakeven_upper is None:
            return below
        return min(below, 100.0 * (self.breakeven_upper - spot) / spot)


def per_week(roc_pct: float, dte: int) -> float:
    """Return per week; a trade that expires today counts as one day."""
    return roc_pct * 7.0 / max(dte, 1)


def per_year(roc_pct: float, dte: int) -> float:
    """Simple annual return; a trade that expires today counts as one day."""
    return roc_pct * 365.0 / max(dte, 1)


def cash_secured_put(contracts: Contracts, row: int) -> Trade:
    """Sell a put and keep K - credit in cash: loss if the shares become worthless."""
    strike, credit = _strike(contracts, row), float(contracts.chain.bid[row])
    breakeven = strike - credit
    return Trade(
        legs=(row,),
        signs=(-1,),
        credit=credit,
        mid_credit=float(contracts.mid[row]),
        risk=breakeven,
        gross_base=strike,
        max_profit=credit * SHARES,
        max_loss=breakeven * SHARES,
        capital=strike * SHARES,
        breakeven=breakeven,
        pop=1.0 - _below(contracts, row, breakeven),
    )


def covered_call(contracts: Contracts, row: int, cost_basis: float | None) -> Trade:
    """Sell a call against 100 shares. All figures are on what the shares cost, or on today's price
    where the caller does not say."""
    strike, credit = _strike(contracts, row), float(contracts.chain.bid[row])
    basis = cost_basis or contracts.chain.underlying_price
    breakeven = basis - credit
    return Trade(
        legs=(row,),
        signs=(-1,),
        credit=credit,
        mid_credit=float(contracts.mid[row]),
        risk=basis,
        gross_base=basis,
        max_profit=(strike - basis + credit) * SHARES,
        max_loss=max(0.0, breakeven) * SHARES,
        capital=basis * SHARES,
        breakeven=breakeven,
        pop=1.0 - _below(contracts, row, breakeven),
        if_called_pct=100.0 * (strike - basis + credit) / basis,
    )


def vertical(contracts: Contracts, short: int, width: float) -> Trade | None:
    """Sell `short`, buy the contract `width` further out; None when no such wing is offered."""
    wing = _wing(contracts, short, width)
    if wing is None:
        return None
    chain = contracts.chain
    actual = abs(_strike(contracts, short) - _strike(contracts, wing))
    credit = float(chain.bid[short] - chain.ask[wing])
    if not 0.0 < credit < actual:
        return None
    sign = 1.0 if chain.is_call[short] else -1.0
    breakeven = _strike(contracts, short) + sign * credit
    below = _below(contracts, short, breakeven)
    loss = (actual - credit) * SHARES
    return Trade(
        legs=(short, wing),
        signs=(-1, 1),
        credit=credit,
        mid_credit=float(contracts.mid[short] - _middle(contracts, wing)),
        risk=actual - credit,
        gross_base=actual,
        max_profit=credit * SHARES,
        max_loss=loss,
        capital=loss,
        breakeven=breakeven,
        pop=below if sign > 0 else 1.0 - below,
        loses="above" if sign > 0 else "below",
    )


def iron_condor(contracts: Contracts, puts: Trade, calls: Trade) -> Trade:
    """A put vertical and a call vertical of one expiry; only one side can lose."""
    width = max(puts.gross_base, calls.gross_base)
    credit = puts.credit + calls.credit
    lower = _strike(contracts, puts.short) - credit
    upper = _strike(contracts, calls.short) + credit
    inside = _below(contracts, calls.short, upper) - _below(contracts, puts.short, lower)
    loss = (width - credit) * SHARES
    return Trade(
        legs=(*puts.legs, *calls.legs),
        signs=(*puts.signs, *calls.signs),
        credit=credit,
        mid_credit=puts.mid_credit + calls.mid_credit,
        risk=width - credit,
        gross_base=width,
        max_profit=credit * SHARES,
        max_loss=loss,
        capital=loss,
        breakeven=lower,
        pop=max(0.0, inside),
        loses="both",
        breakeven_upper=upper,
    )


def default_width(spot: float) -> float:
    """A usual distance between strikes for a share of that price."""
    steps = ((25.0, 1.0), (75.0, 2.5), (250.0, 5.0), (600.0, 10.0))
    return next((width for limit, width in steps if spot < limit), 20.0)


def _wing(contracts: Contracts, short: int, width: float) -> int | None:
    """The offered contract nearest to `width` beyond the short strike, within half a width."""
    chain = contracts.chain
    sign = 1.0 if chain.is_call[short] else -1.0
    target = chain.strike[short] + sign * width
    rows = np.flatnonzero(
        (chain.expiry == chain.expiry[short])
        & (chain.is_call == chain.is_call[short])
        & (chain.ask > 0.0)
        & (sign * (chain.strike - chain.strike[short]) > 0.0)
    )
    if rows.size == 0:
        return None
    miss = np.abs(chain.strike[rows] - target)
    best = int(np.argmin(miss))
    return int(rows[best]) if miss[best] <= 0.5 * width else None


def _strike(contracts: Contracts, row: int) -> float:
    return float(contracts.chain.strike[row])


def _middle(contracts: Contracts, row: int) -> float:
    chain = contracts.chain
    return 0.5 * float(max(chain.bid[row], 0.0) + chain.ask[row])


def _below(contracts: Contracts, row: int, level: float) -> float:
    """P(price < level at the row's expiry) under the row's own volatility."""
    return float(
        probability_below(level, contracts.forward[row], contracts.years[row], contracts.iv[row])
    )
