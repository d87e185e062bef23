"""A whole trade as one thing that is sold: its market, its greeks, its odds of being tested.

For: figures over all legs, a single option being a package of one. Not for: profit and loss
(trades.py). Signs are those of the thing sold, not of its seller: what is sold less what is bought.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.odds import probability_of_touch, probability_of_touching_either
from ttai_analysis.options.trades import Trade
from ttai_analysis.providers.base import FloatArray


@dataclass(frozen=True, slots=True)
class Market:
    """What selling the whole brings now, what buying it back costs, and what is between them in
    percent of the middle. Prices per share."""

    bid: float
    ask: float
    spread_pct: float


def market_of(contracts: Contracts, trade: Trade) -> Market:
    """Sold legs at their own side of the market, bought ones at the other."""
    bids, asks = contracts.chain.bid, contracts.chain.ask
    bid = ask = 0.0
    for leg, sign in zip(trade.legs, trade.signs, strict=True):
        bid += float(bids[leg] if sign < 0 else -asks[leg])
        ask += float(asks[leg] if sign < 0 else -bids[leg])
    middle = 0.5 * (bid + ask)
    return Market(bid, ask, 100.0 * (ask - bid) / middle if middle > 0.0 else float("nan"))


def net(trade: Trade, column: FloatArray) -> float:
    """A greek of the whole; NaN where that of one leg is."""
    return float(
        sum(-sign * column[leg] for leg, sign in zip(trade.legs, trade.signs, strict=True))
    )


def least(trade: Trade, column: FloatArray) -> float | None:
    """The least open interest or volume of the contracts sold; None where one is unknown."""
    value = float(np.min(column[list(trade.sold)]))
    return None if np.isnan(value) else value


def probability_in_the_money(contracts: Contracts, trade: Trade) -> float:
    """That one of the sold contracts ends in the money. Of a condor's two never both can, so that
    they add up."""
    return min(1.0, float(sum(contracts.prob_itm[leg] for leg in trade.sold)))


def probability_tested(contracts: Contracts, trade: Trade) -> float:
    """That the price reaches one of the sold strikes before expiry.

    For two strikes each one's own odds, less those of both, which are worked out at the mean of
    the two volatilities.
    """
    each = [float(contracts.prob_touch[leg]) for leg in trade.sold]
    if len(each) == 1:
        return each[0]
    put, call = trade.sold
    chain = contracts.chain
    spot, t, rate = chain.underlying_price, float(contracts.years[put]), contracts.rate
    lower, upper = float(chain.strike[put]), float(chain.strike[call])
    if not lower < spot < upper:
        return 1.0
    yield_ = rate - float(np.log(contracts.forward[put] / spot)) / t
    volatility = 0.5 * float(contracts.iv[put] + contracts.iv[call])
    terms = (spot, t, rate, yield_, volatility)
    alone = sum(float(probability_of_touch(level, *terms)) for level in (lower, upper))
    both = max(0.0, alone - probability_of_touching_either(lower, upper, *terms))
    return min(1.0, max(*each, sum(each) - both))
