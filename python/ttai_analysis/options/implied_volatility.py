"""Implied volatility from option prices, vectorised and safe at the edges.

For: inverting Black's formula on a forward. Not for: smoothing a surface, or guessing: a price at
or below intrinsic, or at or above its bound, gives NaN, never a default; every price strictly
between gives a number.

Method: fold each option onto its out-of-the-money side, normalise by sqrt(F K), and solve for the
total deviation s = v sqrt t. Below the price's inflection point the logarithm of the price is
solved, above it the logarithm of what is missing to the bound; both are well conditioned there
(P. Jaeckel, "By Implication", 2006). The start is the volatility of the normal model (a rational
fit of our own in the variable of J. Choi, K. Kim and M. Kwak, "Numerical approximation of the
implied volatility under arithmetic Brownian motion", 2009), turned into a lognormal one as if at
the money. It is so near that one or two steps of fourth order suffice; the few rows that need more
go on alone, and a bracket catches what is left. Rows are taken in blocks that stay in the cache.
A row's result does not depend on its neighbours.
"""

import numpy as np

from ttai_analysis.options import normal
from ttai_analysis.options.pricing import BoolArray, FloatArray, Numbers

BLOCK = 4096
STEPS = 6
"""Of fourth order, before the bracket takes over."""
NEAR = 1e-4
"""A step smaller than this, relative to s, leaves an error of its fourth power."""
SMALLEST, LARGEST = 1e-25, 100.0
"""Every deviation that doubles can tell lies between."""
BRACKET_STEPS = 120
LEAST = 1e-300
"""A normalised price that is smaller is taken as this: they differ by less than any tick."""

_ROOT_TWO_PI = 2.5066282746310002
_ROOT_TWO_OVER_PI = 0.7978845608028654
_NORMAL_TOP = (250.88341482586733, 57.23662016303964, 1.6753657562576314, 17.39602348675802,
               0.3993888659126905)  # fmt: skip
_NORMAL_BOTTOM = (82.03617699085959, 270.88229828506525, -67.16751747692089, 40.84223507249621, 1.0)
_INVERSE_TOP = (0.005834367308715685, 0.0533433345912561, 0.2969893860175807, 0.8862063679144714)
_INVERSE_BOTTOM = (0.0004372710532418167, 0.02847091323366821, 0.07310300656121815, 1.0)


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
    columns = np.broadcast_arrays(option_price, forward, strike, t, discount, is_call)
    shape = columns[0].shape
    value, future, level, years, factor, call = (np.ravel(column) for column in columns)
    result = np.full(value.size, np.nan)
    with np.errstate(all="ignore"):
        for start in range(0, value.size, BLOCK):
            rows = slice(start, start + BLOCK)
            result[rows] = _block(
                value[rows], future[rows], level[rows], years[rows], factor[rows], call[rows]
            )
    return result.reshape(shape)


def _block(
    value: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    discount: FloatArray,
    call: BoolArray,
) -> FloatArray:
    distance = forward - strike
    intrinsic = np.maximum(np.where(call, distance, -distance), 0.0)
    undiscounted = value / discount
    usable = (undiscounted > intrinsic) & (undiscounted < np.where(call, forward, strike))
    scale = np.sqrt(forward) * np.sqrt(strike)
    usable &= (years > 0.0) & (scale > 0.0) & (scale < np.inf)
    # Rounding must not push what lies inside the bounds onto one of them.
    bound = np.minimum(forward, strike) / scale
    target = np.maximum((undiscounted - intrinsic) / scale, LEAST)
    target = np.minimum(target, bound * (1.0 - 2.0**-52))
    moneyness = np.abs(np.log(forward / strike))
    distance = np.abs(distance) / scale
    if usable.all():
        return _solve(target, moneyness, distance, bound) / np.sqrt(years)
    result = np.full(value.size, np.nan)
    if usable.any():
        some = (column[usable] for column in (target, moneyness, distance, bound))
        result[usable] = _solve(*some) / np.sqrt(years[usable])
    return result


def _solve(
    target: FloatArray, k: FloatArray, distance: FloatArray, bound: FloatArray
) -> FloatArray:
    """The deviation s of each target, for k = |ln(F/K)| and distance = |F - K| / sqrt(F K)."""
    s = _start(target, k, distance)
    missing = bound - target
    rows: np.ndarray | None = None
    active = s
    for _ in range(STEPS):
        error, slope, second, third = _objective(active, k, target, missing)
        step = -error / slope
        step *= (1.0 + 0.5 * step * second) / (1.0 + step * (second + step * third / 6.0))
        step = np.minimum(np.maximum(step, -0.7 * active), 2.0 * active)
        following = active + step
        if rows is None:
            s = following
        else:
            s[rows] = following
        more = ~(np.abs(step) <= NEAR * active)
        if not more.any():
            return s
        rows = np.flatnonzero(more) if rows is None else rows[more]
        active, k = following[more], k[more]
        target, missing = target[more], missing[more]
    s[rows] = _bracketed(k, target, missing)
    return s


def _objective(
    s: FloatArray, k: FloatArray, target: FloatArray, missing: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """ln(model / target) below the inflection point, ln(model / missing) above it; its slope f',
    f''/f' and f'''/f'.

    Both models are G/2 (erfcx(|d1|/sqrt 2) -+ erfcx(|d2|/sqrt 2)), ln G = -(k^2/s^2 + s^2/4)/2, so
    nothing underflows in the tails.
    """
    h, half = k / s, 0.5 * s
    d = np.stack((half - h, half + h))
    side = np.copysign(1.0, d[0])
    near, far = normal.erfcx(np.abs(d) * normal.SQRT_HALF)
    total = near + side * far
    wanted = np.where(side < 0.0, target, missing)
    square = h * h
    error = np.log(0.5 * total / wanted) - 0.5 * (square + half * half)
    slope = -side * _ROOT_TWO_OVER_PI / total
    bend = square / s - 0.5 * half
    third = bend * bend - 3.0 * square / (s * s) - 0.25 - slope * (3.0 * bend - 2.0 * slope)
    return error, slope, bend - slope, third


def _start(target: FloatArray, k: FloatArray, distance: FloatArray) -> FloatArray:
    """The deviation by the normal model, carried over to the lognormal one."""
    apart = np.maximum(distance, 1e-9 * target)
    eta = apart / (target + target + apart) / (0.5 * np.log1p(apart / target))
    deviation = (target + target + apart) * np.sqrt(eta)
    deviation *= _ratio(_NORMAL_TOP, _NORMAL_BOTTOM, eta)
    # What follows is 2 sqrt 2 erfinv(p), the deviation whose price at the money is p.
    p = 0.5 * deviation * np.where(k > 1e-9, k / np.maximum(distance, 1e-300), 1.0)
    p = np.minimum(p, 1.0 - 1e-5)
    return np.asarray(
        2.8284271247461903 * p * _ratio(_INVERSE_TOP, _INVERSE_BOTTOM, -np.log1p(-p * p))
    )


def _bracketed(k: FloatArray, target: FloatArray, missing: FloatArray) -> FloatArray:
    """Halving in ln s, for targets so extreme that steps do not settle."""
    low, high = np.full(k.size, np.log(SMALLEST)), np.full(k.size, np.log(LARGEST))
    for _ in range(BRACKET_STEPS):
        middle = 0.5 * (low + high)
        s = np.exp(middle)
        error = _objective(s, k, target, missing)[0]
        too_high = np.where(0.5 * s < k / s, error > 0.0, error < 0.0)
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return np.asarray(np.exp(0.5 * (low + high)))


def _ratio(top: tuple[float, ...], bottom: tuple[float, ...], x: FloatArray) -> FloatArray:
    above, below = top[0] * x, bottom[0] * x
    for a, b in zip(top[1:-1], bottom[1:-1], strict=True):
        above += a
        above *= x
        below += b
        below *= x
    above += top[-1]
    below += bottom[-1]
    return np.asarray(above / below)
