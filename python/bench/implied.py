"""Implied volatility of many contracts, beside what numpy needs for its bare arithmetic.

For: computing time and the error made in this process. Not for: chains and their checks.
"""

import numpy as np

from bench.timing import Figures, best_of
from ttai_analysis.options import normal
from ttai_analysis.options.implied_volatility import implied_volatility
from ttai_analysis.options.pricing import price
from ttai_analysis.providers.base import FloatArray

LOWER_BOUND_STEPS = 6


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
        "numpyLowerBoundMs": round(best_of(lambda: _bare_steps(moneyness, deviation), repeats), 2),
        "worstError": worst,
    }


def _bare_steps(x: FloatArray, s: FloatArray) -> FloatArray:
    """Six steps of two distributions, an exponential and a logarithm each; no start, no bracket."""
    total = np.zeros_like(x)
    for _ in range(LOWER_BOUND_STEPS):
        ratio = x / s
        value = normal.cdf(ratio + 0.5 * s) - normal.cdf(ratio - 0.5 * s)
        total += np.log(np.abs(value) + 1e-12) * np.exp(-0.5 * ratio * ratio)
    return total
