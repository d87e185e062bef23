"""What the right to exercise early is worth: American option prices, vectorised.

For: options in the money and the question of assignment. Not for: short options out of the money
(a 45-day put 10 % below the price is worth .0056 more on .746: pricing.py is right for it), nor for
single dividends: q is a continuous yield.

Method: N. Ju and R. Zhong, "An approximate formula for pricing American options", Journal of
Derivatives 7 (1999): the quadratic approximation of G. Barone-Adesi and R. Whaley (1987) with its
main error taken out. About a microsecond a contract, where a lattice takes a hundred. Written in
alpha/h and alpha dV/dh, which stay finite as the rate goes to zero. Units as in pricing.py.
"""

import numpy as np

from ttai_analysis.options import normal
from ttai_analysis.options.pricing import BoolArray, Flags, FloatArray, Numbers, greeks, price

NEWTON_STEPS = 30
NEAR = 1e-9
"""Of the strike: so exactly is the price known at which to exercise."""
BUMP = 1e-4
"""Of the spot: the step of the numerical delta."""
VOLATILITY_STEPS = 12
VOLATILITY_NEAR = 1e-8


def american_price(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> FloatArray:
    """The price of an option that may be exercised at any time; never below intrinsic value."""
    s, k, years, rate, carry, v = np.broadcast_arrays(
        *(np.asarray(number, dtype=np.float64) for number in (spot, strike, t, r, q, volatility)),
        is_call,
    )[:6]
    call = np.broadcast_to(is_call, s.shape)
    sign = np.where(call, 1.0, -1.0)
    result = np.array(price(s, k, years, rate, carry, v, call), dtype=np.float64)
    rows = _may_exercise(years, rate, carry, v, call)
    if rows.any():
        some = (column[rows] for column in (s, k, years, rate, carry, v, sign, result))
        result[rows] += _premium(*some)
        intrinsic = np.maximum(sign * (s - k), 0.0)
        result = np.where(rows, np.maximum(result, intrinsic), result)
    return np.asarray(result)


def early_exercise_premium(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> FloatArray:
    """What the American option is worth above the European one."""
    inputs = (spot, strike, t, r, q, volatility, is_call)
    return np.asarray(np.maximum(american_price(*inputs) - price(*inputs), 0.0))


def american_delta(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> FloatArray:
    """By central difference; -1 or 1 where exercise is due."""
    step = BUMP * np.asarray(spot, dtype=np.float64)
    above = american_price(spot + step, strike, t, r, q, volatility, is_call)
    below = american_price(spot - step, strike, t, r, q, volatility, is_call)
    return np.asarray((above - below) / (2.0 * step))


def exercise_is_due(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> BoolArray:
    """Whether holding on is worth no more than exercising now."""
    inputs = np.broadcast_arrays(spot, strike, t, r, q, volatility, is_call)
    s, k, years, rate, carry, v, call = inputs
    intrinsic = np.where(call, s - k, k - s)
    worth = american_price(s, k, years, rate, carry, v, call)
    due = (intrinsic > 0.0) & (worth <= intrinsic * (1.0 + 1e-12))
    return np.asarray(due & _may_exercise(years, rate, carry, v, call))


def american_implied_volatility(
    option_price: FloatArray,
    spot: Numbers,
    strike: FloatArray,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    is_call: Flags,
    start: FloatArray,
) -> FloatArray:
    """The volatility at which the American price is the given one, from the European volatility
    `start`; NaN where `start` is, or where no volatility has that price."""
    given = np.broadcast_arrays(option_price, spot, strike, t, r, q, is_call, start)
    worth, s, k, years, rate, carry, call, first = (column.ravel() for column in given)
    result = np.full(worth.shape, np.nan)
    with np.errstate(invalid="ignore"):
        # An American option is worth its intrinsic value at least: no step leads below it.
        below = np.where(call, s - k, k - s) - worth > VOLATILITY_NEAR * worth
        hopeless = below & _may_exercise(years, rate, carry, first, call)
    rows = np.flatnonzero(~(np.isnan(first) | hopeless))
    v = np.array(first[rows], dtype=np.float64)
    with np.errstate(all="ignore"):
        slope = greeks(s[rows], k[rows], years[rows], rate[rows], carry[rows], v, call[rows]).vega
        before, missed = v, np.full(v.shape, np.nan)
        for _ in range(VOLATILITY_STEPS):
            terms = (s[rows], k[rows], years[rows], rate[rows], carry[rows])
            miss = american_price(*terms, v, call[rows]) - worth[rows]
            # Near the price of exercise the true slope goes to zero and the European one does not.
            secant = (miss - missed) / (v - before)
            slope = np.where(secant > 0.0, secant, slope)
            following = v - np.clip(miss / slope, -0.5 * v, 0.5 * v)
            near = np.abs(miss) <= VOLATILITY_NEAR * worth[rows]
            # One more step makes a row exact that is near; what its neighbours do is nothing to it.
            result[rows[near]] = following[near]
            on = ~(near | np.isnan(following))
            if not on.any():
                break
            rows, slope, before, missed = rows[on], slope[on], v[on], miss[on]
            v = following[on]
    return result.reshape(given[0].shape)


def _may_exercise(
    t: FloatArray, r: FloatArray, q: FloatArray, volatility: FloatArray, call: BoolArray
) -> BoolArray:
    """Calls for a yield, puts for interest; where there is neither it never pays."""
    worth_it = np.where(call, q > 0.0, r > 0.0)
    return np.asarray(worth_it & (t > 0.0) & (volatility > 0.0))


def _premium(
    s: FloatArray,
    k: FloatArray,
    t: FloatArray,
    r: FloatArray,
    q: FloatArray,
    v: FloatArray,
    sign: FloatArray,
    european: FloatArray,
) -> FloatArray:
    call = sign > 0.0
    variance = v * v
    beta = 2.0 * (r - q) / variance - 1.0
    # alpha / h with alpha = 2r/v^2 and h = 1 - e^{-rt}; its limit without a rate is 2/(v^2 t).
    grown = np.where(np.abs(r * t) > 1e-12, r / -np.expm1(-r * t), 1.0 / t)
    ratio = 2.0 * grown / variance
    root = np.sqrt(beta * beta + 4.0 * ratio)
    power = 0.5 * (sign * root - beta)
    boundary, at_boundary = _boundary(k, t, r, q, v, sign, call, beta, power)
    gain = sign * (boundary - k) - at_boundary
    discount = np.exp(-r * t)
    forward = np.exp((r - q) * t)
    d1 = (np.log(boundary / k) + (r - q + 0.5 * variance) * t) / (v * np.sqrt(t))
    in_boundary, in_strike = normal.cdf(sign * np.stack((d1, d1 - v * np.sqrt(t))))
    slope = sign * root
    # alpha dV/dh, and alpha times the derivative of the power.
    turned = (2.0 / variance) * (
        boundary * normal.pdf(d1) * v * forward / (2.0 * np.sqrt(t))
        - sign * q * boundary * in_boundary * forward
        + sign * r * k * in_strike
    )
    bent = -sign * ratio * ratio / root
    with np.errstate(all="ignore"):
        b = discount * bent / (2.0 * slope)
        c = -discount / slope * (turned / gain + ratio + bent / slope)
        away = np.log(s / boundary)
        correction = 1.0 - b * away * away - c * away
        # Far from the boundary the correction may lose its sense; the plain formula holds there.
        correction = np.where(correction > 0.0, correction, 1.0)
        worth = gain * np.exp(power * away) / correction
    waits = sign * (boundary - s) > 0.0
    sound = np.isfinite(worth) & (gain > 0.0)
    premium = np.where(waits, np.where(sound, worth, 0.0), sign * (s - k) - european)
    return np.asarray(np.maximum(premium, 0.0))


def _boundary(
    k: FloatArray,
    t: FloatArray,
    r: FloatArray,
    q: FloatArray,
    v: FloatArray,
    sign: FloatArray,
    call: BoolArray,
    beta: FloatArray,
    power: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The spot at which holding and exercising are worth the same, by Newton's method between the
    strike and the boundary of an option without an end; with the European value there."""
    with np.errstate(all="ignore"):
        for_ever = 0.5 * (sign * np.sqrt(beta * beta + 8.0 * r / (v * v)) - beta)
        limit = np.where(call & (for_ever <= 1.0), 1e6 * k, k / (1.0 - 1.0 / for_ever))
        limit = np.where(call, np.minimum(limit, 1e6 * k), np.maximum(limit, 1e-6 * k))
        spread = sign * (r - q) * t + 2.0 * v * np.sqrt(t)
        weight = np.exp(-np.maximum(spread, 0.0) * k / np.maximum(np.abs(limit - k), 1e-12 * k))
    low, high = np.minimum(k, limit), np.maximum(k, limit)
    boundary = np.clip(limit + (k - limit) * weight, low, high)
    # What stays the same is worked out once: with few rows the calls are dear, not the numbers.
    carry, deviation = np.exp(-q * t), v * np.sqrt(t)
    signed_carry, signed_strike = sign * carry, sign * k * np.exp(-r * t)
    drift, half, raised = (r - q) * t, 0.5 * deviation, deviation * power
    inner = 1.0 - 1.0 / power
    worth, ends = boundary, np.empty((2, k.size))
    for _ in range(NEWTON_STEPS):
        d1 = (np.log(boundary / k) + drift) / deviation + half
        ends[0], ends[1] = d1, d1 - deviation
        in_delta, in_strike = normal.cdf(sign * ends)
        delta = signed_carry * in_delta
        worth = boundary * delta - signed_strike * in_strike
        rest = sign - delta
        miss = sign * (boundary - k) - worth - boundary * rest / power
        slope = rest * inner + carry * normal.pdf(d1) / raised
        with np.errstate(all="ignore"):
            step = miss / slope
        following = np.clip(boundary - np.where(np.isfinite(step), step, 0.0), low, high)
        done = bool(np.all(np.abs(following - boundary) <= NEAR * k))
        # The value at the new boundary, to the first order: what is left is smaller than rounding.
        worth += delta * (following - boundary)
        boundary = following
        if done:
            break
    return boundary, worth
