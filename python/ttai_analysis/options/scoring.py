"""How trades are ranked: published weights over income, odds, liquidity, tenor, price, levels.

For: a score 0..100 and its evidence. Not for: gates.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from ttai_analysis.models.common import DECIMALS, Evidence
from ttai_analysis.models.options import Constraints, Liquidity
from ttai_analysis.options.contracts import Contracts, expiry_iv
from ttai_analysis.options.trades import Trade, per_year
from ttai_analysis.options.volatility_context import over_realised
from ttai_analysis.timestamps import date_from_ordinal

WEIGHTS = {
    "income": 0.25,
    "probability_of_profit": 0.20,
    "liquidity": 0.20,
    "tenor": 0.15,
    "implied_over_realised": 0.10,
    "level_protection": 0.10,
}
FULL_INCOME_PCT = 20.0
"""A simple annual return that earns the full share; for capital at risk of a spread 100."""
FULL_SPREAD_INCOME_PCT = 200.0
POP_FLOOR, POP_RANGE = 0.60, 0.30
CHEAP_RATIO, RICH_RATIO = 0.9, 1.2
GOOD_SPREAD_PCT, GOOD_SPREAD, GOOD_INTEREST = 5.0, 0.05, 500.0
FAIR_SPREAD_PCT, FAIR_INTEREST = 10.0, 100.0
LIQUIDITY_SHARE: dict[Liquidity, float] = {"good": 1.0, "fair": 0.6, "poor": 0.1, "unknown": 0.1}


Shares = dict[str, float]
Ratios = dict[int, float | None]


@dataclass(frozen=True, slots=True)
class MarketView:
    """What scoring knows beyond the chain; None means unknown and earns nothing."""

    supports: tuple[float, ...]
    resistances: tuple[float, ...]
    hv20: float | None


def ratios_by_expiry(contracts: Contracts, trades: list[Trade], view: MarketView) -> Ratios:
    """Implied over realised volatility of each expiry that one of the trades sells."""
    expiries = {int(contracts.chain.expiry[trade.short]) for trade in trades}
    return {day: over_realised(expiry_iv(contracts, day), view.hv20) for day in expiries}


def liquidity(contracts: Contracts, row: int) -> Liquidity:
    """Good: spread within 5 % or $.05 and 500 open; fair: 10 % and 100; unknown without OI."""
    interest = float(contracts.chain.open_interest[row])
    if np.isnan(interest):
        return "unknown"
    spread_pct = float(contracts.spread_pct[row])
    wide = float(contracts.chain.ask[row] - contracts.chain.bid[row])
    if (spread_pct <= GOOD_SPREAD_PCT or wide <= GOOD_SPREAD + 1e-9) and interest >= GOOD_INTEREST:
        return "good"
    return "fair" if spread_pct <= FAIR_SPREAD_PCT and interest >= FAIR_INTEREST else "poor"


def least_liquidity(contracts: Contracts, trade: Trade) -> Liquidity:
    """That of the sold contract with the least of it."""
    return min((liquidity(contracts, leg) for leg in trade.sold), key=LIQUIDITY_SHARE.__getitem__)


def score_trade(
    contracts: Contracts,
    trade: Trade,
    constraints: Constraints,
    view: MarketView,
    ratio: float | None,
) -> Shares:
    """By rule the share 0..1 of its weight that the trade earns; `ratio`: implied over realised
    volatility of its expiry."""
    row = trade.short
    dte = int(contracts.dte[row])
    full = FULL_SPREAD_INCOME_PCT if len(trade.legs) > 1 else FULL_INCOME_PCT
    reach = max(
        constraints.dte_max - constraints.target_dte,
        constraints.target_dte - constraints.dte_min,
        1,
    )
    return {
        "income": _unit(per_year(trade.roc_pct, dte) / full),
        "probability_of_profit": _unit((trade.pop - POP_FLOOR) / POP_RANGE),
        "liquidity": LIQUIDITY_SHARE[least_liquidity(contracts, trade)],
        "tenor": _unit(1.0 - abs(dte - constraints.target_dte) / reach),
        "implied_over_realised": 0.0
        if ratio is None
        else _unit((ratio - CHEAP_RATIO) / (RICH_RATIO - CHEAP_RATIO)),
        "level_protection": 1.0 if protected(contracts, trade, view) else 0.0,
    }


def evidence_of(shares: Shares) -> list[Evidence]:
    """The weighted rules as the answer shows them; of the best trade only, for they are dear."""
    return [
        Evidence(rule=rule, value=share, threshold=0.5, passed=share >= 0.5, weight=WEIGHTS[rule])
        for rule, share in shares.items()
    ]


def score_of(shares: Shares) -> float:
    """0..100, from the shares as the answer shows them."""
    return 100.0 * sum(WEIGHTS[rule] * round(share, DECIMALS) for rule, share in shares.items())


def protected(contracts: Contracts, trade: Trade, view: MarketView) -> bool:
    """Whether the price meets a level before every short strike: a support at or above a put's,
    a resistance at or below a call's."""
    chain = contracts.chain
    spot = chain.underlying_price
    return all(
        any(spot <= level <= chain.strike[leg] for level in view.resistances)
        if chain.is_call[leg]
        else any(chain.strike[leg] <= level <= spot for level in view.supports)
        for leg in trade.sold
    )


def expiration(contracts: Contracts, row: int) -> date:
    """The row's expiry as a date."""
    return date_from_ordinal(int(contracts.chain.expiry[row]))


def _unit(value: float) -> float:
    return float(min(1.0, max(0.0, value)))
