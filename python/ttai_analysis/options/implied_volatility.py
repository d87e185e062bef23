"""Implied volatility from option prices, vectorised and safe at the edges.

For: inverting Black's formula on a forward. Not for: smoothing a surface, or guessing: a price
without time value, below intrinsic or above its bound gives NaN, never a default.

Method: fold each option onto its out-of-the-money side, normalise, and solve for the total
deviation s = v sqrt t. Below the price's inflection point the logarithm of the price is solved,
above it the logarithm of what is missing to the bound; both are well conditioned there (P. Jaeckel,
"By Implication", 2006). Newton steps are kept inside a bracket, so every case converges.
"""

import numpy as np

from ttai_analysis.options import normal
from ttai_analysis.options.pricing import BoolArray, FloatArray, Numbers

MIN_TIME_VALUE = 1e-13
"""Of sqrt(F K): less than this is rounding, not a price."""
MAX_DEVIATION = 12.0
MAX_STEPS = 64
TOLERANCE = 1e-14


def implied_volatility(
    option_price: FloatArray,
    forward: Numbers,
    strike: FloatArray,
    t: Numbers,
    discount: Numbers,
    is_call: BoolArray | bool,
) -> FloatArray:
    """Volatility as a decimal for each price; NaN where the price has none.

    `forward`, `t` (years) and `discount` (e^{-rt}) broadcast against the prices.
    """
    value, future, level, years, factor, call = np.broadcast_arrays(
        option_price, forward, strike, t, discount, is_call
    )
    with np.errstate(all="ignore"):
        sign = np.where(call, 1.0, -1.0)
        undiscounted = value / factor
        intrinsic = np.maximum(sign * (future - level), 0.0)
        scale = np.sqrt(future * level)
        time_value = (undiscounted - intrinsic) / scale
        moneyness = -np.abs(np.log(future / level))
        bound = np.exp(0.5 * moneyness)
        usable = (time_value > MIN_TIME_VALUE) & (time_value < bound) & (years > 0.0)
        result = np.full(time_value.shape, np.nan)
        if usable.any():
            deviation = _solve(time_value[usable], moneyness[usable], bound[usable])
            result[usable] = deviation / np.sqrt(years[usable])
    return result


def _normalised_price(x: FloatArray, s: FloatArray) -> FloatArray:
    """An out-of-the-money call over sqrt(F K), for x = ln(F/K) <= 0 and deviation s."""
    half = np.exp(0.5 * x)
    return np.asarray(half * normal.cdf(x / s + 0.5 * s) - normal.cdf(x / s - 0.5 * s) / half)


def _solve(target: FloatArray, x: FloatArray, bound: FloatArray) -> FloatArray:
    inflection = np.sqrt(2.0 * np.abs(x))
    at_inflection = np.where(
        inflection > 0.0, _normalised_price(x, np.maximum(inflection, 1e-8)), 0.0
    )
    lower_side = target < at_inflection
    low = np.where(lower_side, 0.0, inflection)
    high = np.where(lower_side, inflection, MAX_DEVIATION)
    start = np.where(lower_side, inflection, inflection + 2.5 * (target - at_inflection))
    s = np.clip(start, np.maximum(low, 1e-9), high)
    for _ in range(MAX_STEPS):
        price = _normalised_price(x, s)
        slope = normal.pdf(x / s + 0.5 * s) * np.exp(0.5 * x)
        low = np.where(price < target, s, low)
        high = np.where(price < target, high, s)
        step = np.where(
            lower_side,
            np.log(target / price) * price / slope,
            np.log((bound - price) / (bound - target)) * (bound - price) / slope,
        )
        proposed = s + step
        inside = (proposed > low) & (proposed < high)
        following = np.where(inside, proposed, 0.5 * (low + high))
        done = np.abs(following - s) <= TOLERANCE * s
        s = np.where(price == target, s, following)
        if bool(np.all(done | (price == target))):
            break
    return np.asarray(s)
