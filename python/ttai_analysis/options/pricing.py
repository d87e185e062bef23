"""European option prices and greeks after Black, Scholes and Merton, vectorised.

For: prices in currency per share. Not for: early exercise (early_exercise.py) or implied
volatility. Units: t in years, r, q and volatility as decimals, continuous compounding; theta per
year, vega per 1.00 of volatility, rho per 1.00 of rate. Broadcasts like numpy.
Formulas: J. Hull, Options, Futures and Other Derivatives, chapters 17 and 19.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ttai_analysis.options import normal

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Numbers = FloatArray | float
Flags = BoolArray | bool

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities, each an array of the inputs' common shape."""

    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray
    vega: FloatArray
    rho: FloatArray


def d1_d2(
    forward: Numbers, strike: Numbers, t: Numbers, volatility: Numbers
) -> tuple[FloatArray, FloatArray]:
    """d1 = (ln(F/K) + v^2 t / 2) / (v sqrt t) and d2 = d1 - v sqrt t."""
    deviation = np.maximum(np.asarray(volatility * np.sqrt(t), dtype=np.float64), _TINY)
    d1 = np.log(np.divide(forward, strike)) / deviation + 0.5 * deviation
    return np.asarray(d1), np.asarray(d1 - deviation)


def price_from_forward(
    forward: Numbers,
    strike: Numbers,
    t: Numbers,
    discount: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> FloatArray:
    """The price on a forward (Black 1976); `discount` is e^{-rt}."""
    sign = np.where(is_call, 1.0, -1.0)
    d1, d2 = d1_d2(forward, strike, t, volatility)
    in_forward, in_strike = normal.cdf(np.stack((sign * d1, sign * d2)))
    undiscounted = sign * (forward * in_forward - strike * in_strike)
    return np.asarray(discount * np.maximum(undiscounted, 0.0))


def price(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> FloatArray:
    """The price on a spot with a continuous dividend yield q."""
    years = np.asarray(t, dtype=np.float64)
    forward = spot * np.exp((r - q) * years)
    return price_from_forward(forward, strike, years, np.exp(-r * years), volatility, is_call)


def greeks(
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers,
    volatility: Numbers,
    is_call: Flags,
) -> Greeks:
    """Delta, gamma, theta (per year), vega (per 1.00) and rho (per 1.00)."""
    years = np.asarray(t, dtype=np.float64)
    sign = np.where(is_call, 1.0, -1.0)
    carry = np.exp(-q * years)
    discount = np.exp(-r * years)
    d1, d2 = d1_d2(spot * np.exp((r - q) * years), strike, years, volatility)
    root = np.sqrt(np.maximum(years, _TINY))
    density = normal.pdf(d1)
    in_spot, in_strike = normal.cdf(np.stack((sign * d1, sign * d2)))
    theta = (
        -spot * carry * density * volatility / (2.0 * root)
        - sign * r * strike * discount * in_strike
        + sign * q * spot * carry * in_spot
    )
    return Greeks(
        delta=np.asarray(sign * carry * in_spot),
        gamma=np.asarray(carry * density / (spot * np.maximum(volatility * root, _TINY))),
        theta=np.asarray(theta),
        vega=np.asarray(spot * carry * density * root),
        rho=np.asarray(sign * strike * years * discount * in_strike),
    )
