"""Implied volatility of many contracts, beside what numpy needs to price them once.

For: computing time and the error made in this process. Not for: chains and their checks.
"""

import numpy as np

from bench.timing import Figures, best_of
from ttai_analysis.options import normal
from ttai_analysis.options.implied_volatility import BLOCK, implied_volatility
from ttai_analysis.options.pricing import price
from ttai_analysis.providers.base import FloatArray


def measure(contracts: int, repeats: int) -> Figures:
    """Milliseconds, and the largest error where the time value can be told from rounding."""
    generator = np.random.default_rng(11)
    spot, rate = 100.0, 0.03
    strike = generator.uniform(60.0, 160.0, contracts)
    years = generator.uniform(7.0, 365.0, contracts) / 365.0
    volatility = generator.uniform(0.1, 0.9, contracts)
    is_call = generator.random(contracts) < 0.5
    value = price(spot, strike, years, rate, 0.0, volatility, is_call)
    forward, discount = spot * np.exp(rate * years), np.exp(-rate * years)

    def solve() -> FloatArray:
        return implied_volatility(value, forward, strike, years, discount, is_call)

    intrinsic = np.maximum(np.where(is_call, 1.0, -1.0) * (forward - strike), 0.0) * discount
    telling = value - intrinsic > 0.005
    worst = float(np.nanmax(np.abs(solve() - volatility)[telling]))
    deviation = volatility * np.sqrt(years)
    moneyness = np.log(forward / strike)
    return {
        "contracts": contracts,
        "oursMs": round(best_of(solve, repeats), 2),
        "numpyLowerBoundMs": round(best_of(lambda: _priced_once(moneyness, deviation), repeats), 2),
        "worstError": worst,
    }


def _priced_once(x: FloatArray, s: FloatArray) -> list[FloatArray]:
    """Each call's price over sqrt(F K) from its known deviation s and x = ln(F/K), once: no search
    can do without. In the same blocks as ours; nothing is checked, folded or kept."""
    prices = []
    for start in range(0, x.size, BLOCK):
        some, deviation = x[start : start + BLOCK], s[start : start + BLOCK]
        middle, half = some / deviation, 0.5 * deviation
        in_forward, in_strike = normal.cdf(np.stack((middle + half, middle - half)))
        scale = np.exp(0.5 * some)
        prices.append(scale * in_forward - in_strike / scale)
    return prices
