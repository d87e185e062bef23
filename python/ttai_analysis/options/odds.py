"""The odds of a short option under its own implied volatility, and the expected move.

For: probabilities (decimals) of a lognormal price. Not for: a calibrated forecast: on SPX 2014-18
a put of delta .30 had a model probability of profit of .75 and a realised one of .90.
"""

import numpy as np

from ttai_analysis.options import normal
from ttai_analysis.options.pricing import FloatArray, Numbers, d1_d2

IMAGES = np.arange(-20.0, 21.0)
"""How often the levels mirror each other: enough for levels a tenth of a deviation apart."""


def probability_below(
    level: Numbers, forward: Numbers, t: Numbers, volatility: Numbers
) -> FloatArray:
    """P(S_t < level) = N(-d2(level)); 0 for a level that is not positive."""
    positive = np.maximum(np.asarray(level, dtype=np.float64), 1e-9)
    _, d2 = d1_d2(forward, positive, t, volatility)
    return np.asarray(np.where(np.asarray(level) > 0.0, normal.cdf(-d2), 0.0))


def probability_of_touch(
    level: Numbers, spot: Numbers, t: Numbers, r: Numbers, q: Numbers, volatility: Numbers
) -> FloatArray:
    """P(the price reaches `level` before expiry); 1 where it already has.

    Below: N((b - mt)/s) + e^{2mb/v^2} N((b + mt)/s), b = ln(level/spot), m = r - q - v^2/2,
    s = v sqrt t (reflection principle; Hull, chapter 26, barrier options); above: mirrored.
    """
    volatility = np.maximum(np.asarray(volatility, dtype=np.float64), 1e-9)
    barrier = np.asarray(np.log(np.divide(level, spot)), dtype=np.float64)
    drift = r - q - 0.5 * volatility**2
    deviation = np.maximum(volatility * np.sqrt(t), 1e-12)
    side = np.where(barrier < 0.0, 1.0, -1.0)
    shift = drift * np.asarray(t, dtype=np.float64)
    exponent = np.clip(2.0 * drift * barrier / volatility**2, -700.0, 700.0)
    first = normal.cdf(side * (barrier - shift) / deviation)
    second = np.exp(exponent) * normal.cdf(side * (barrier + shift) / deviation)
    return np.asarray(np.clip(first + second, 0.0, 1.0))


def probability_of_touching_either(
    lower: float, upper: float, spot: float, t: float, r: float, q: float, volatility: float
) -> float:
    """P(the price reaches `lower` or `upper` before expiry); 1 where it is not between them.

    One less the chance to stay between both, as a sum over mirrored paths: with a = ln(lower/spot),
    b = ln(upper/spot), w = b - a and c = 2nw or 2b + 2nw, each e^{mc/v^2} [N((b - mt - c)/s) -
    N((a - mt - c)/s)], the latter subtracted (Hull, chapter 26, double barriers; m, s as above).
    """
    if not lower < spot < upper:
        return 1.0
    volatility = max(volatility, 1e-9)
    low, high = float(np.log(lower / spot)), float(np.log(upper / spot))
    drift = r - q - 0.5 * volatility**2
    deviation = max(volatility * float(np.sqrt(t)), 1e-12)
    images = 2.0 * IMAGES * (high - low)
    places = np.concatenate([images, images + 2.0 * high])
    weights = np.exp(np.clip(drift * places / volatility**2, -700.0, 700.0))
    mass = normal.cdf((high - drift * t - places) / deviation) - normal.cdf(
        (low - drift * t - places) / deviation
    )
    terms = np.where(mass > 0.0, weights * mass, 0.0)
    inside = float(terms[: IMAGES.size].sum() - terms[IMAGES.size :].sum())
    return min(1.0, max(0.0, 1.0 - inside))


STRADDLE_SHARE = 0.85
WEIGHTS = (0.6, 0.3, 0.1)


def expected_move_of_straddle(straddle: Numbers) -> FloatArray:
    """The move that the market pays for: .85 of the straddle at the money, in currency. That
    straddle is about .80 of a deviation, so this is about .68 of one."""
    return np.asarray(STRADDLE_SHARE * np.asarray(straddle, dtype=np.float64))


def expected_move_of_strangles(
    straddle: Numbers, first_strangle: Numbers, second_strangle: Numbers
) -> FloatArray:
    """The same by three prices: .6 straddle + .3 first strangle + .1 second strangle."""
    share, first, second = WEIGHTS
    return np.asarray(
        share * np.asarray(straddle, dtype=np.float64)
        + first * np.asarray(first_strangle, dtype=np.float64)
        + second * np.asarray(second_strangle, dtype=np.float64)
    )


def expected_move(spot: Numbers, volatility: Numbers, t: Numbers) -> FloatArray:
    """One standard deviation in currency over `t` years: S * IV * sqrt(t)."""
    return np.asarray(spot * volatility * np.sqrt(np.asarray(t, dtype=np.float64)))
