"""The move that the straddle of an expiry pays for.

For: straddle and strangle prices of a chain. Not for: the move that a volatility implies (odds.py).
"""

import numpy as np

from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.odds import expected_move_of_straddle, expected_move_of_strangles

STRANGLES = 2


def straddle_move(contracts: Contracts, expiry: int) -> float | None:
    """.85 of the mid of the straddle nearest to the forward, in currency; None without one."""
    prices = _straddle_and_strangles(contracts, expiry)
    return float(expected_move_of_straddle(prices[0])) if prices else None


def strangle_move(contracts: Contracts, expiry: int) -> float | None:
    """.6 straddle + .3 of the first strangle about it + .1 of the second; None where one of the
    three has no two-sided market."""
    prices = _straddle_and_strangles(contracts, expiry)
    if len(prices) <= STRANGLES:
        return None
    return float(expected_move_of_strangles(*prices))


def _straddle_and_strangles(contracts: Contracts, expiry: int) -> list[float]:
    """The straddle, then the strangles that follow it without a gap in quotes: the put one listed
    strike further down with the call one further up."""
    chain = contracts.chain
    rows = np.flatnonzero(chain.expiry == expiry)
    if rows.size == 0:
        return []
    strikes = np.unique(chain.strike[rows])
    mids = {
        (float(chain.strike[row]), bool(chain.is_call[row])): float(contracts.mid[row])
        for row in rows.tolist()
        if contracts.two_sided[row]
    }
    middle = int(np.argmin(np.abs(strikes - contracts.forward[rows[0]])))
    prices: list[float] = []
    for away in range(STRANGLES + 1):
        low, high = middle - away, middle + away
        if low < 0 or high >= strikes.size:
            break
        put, call = mids.get((float(strikes[low]), False)), mids.get((float(strikes[high]), True))
        if put is None or call is None:
            break
        prices.append(put + call)
    return prices
