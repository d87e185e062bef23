"""Which contracts of a chain an option analysis can rest on, so that the rest is not worked out.

For: the rows to be sold or bought as a wing, and those whose American volatility may matter.
Not for: whether one may be sold (gates.py).
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.options import normal
from ttai_analysis.options.pricing import d1_d2
from ttai_analysis.providers.base import BoolArray, Chain, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sold:
    """Contracts of these days and sides may be sold, up to this absolute delta, or bought as a wing
    further out."""

    dte_min: int
    dte_max: int
    calls: bool
    puts: bool
    max_delta: float = 1.0


def rows_of(sold: Sold, chain: Chain, dte: IntArray) -> BoolArray:
    """The contracts of those days and sides."""
    side = np.where(chain.is_call, sold.calls, sold.puts)
    return np.asarray(side & (dte >= sold.dte_min) & (dte <= sold.dte_max))


def rows_with_american_volatility(
    sold: Sold, chain: Chain, asked: BoolArray, years: FloatArray, forward: FloatArray,
    yield_: FloatArray, iv: FloatArray,
) -> BoolArray:  # fmt: skip
    """The rows whose American volatility an answer may rest on; `iv` is the European one.

    Contracts in the money are left out when all of those asked for have too large a delta at any
    volatility up to the European one, for the American one is never above it. With d1 = ln(F/K)/s +
    s/2 a put's e^{-qt} N(-d1) only grows as s falls, a call's e^{-qt} N(d1) is never below half of
    e^{-qt}. If a single one may pass, its wing may lie in the money too: then all are taken.
    """
    telling = _tells_volatility(chain, forward, iv)
    inside = np.flatnonzero(asked & ~telling & ~np.isnan(iv))
    d1, _ = d1_d2(forward[inside], chain.strike[inside], years[inside], iv[inside])
    least = np.where(chain.is_call[inside], 0.5, normal.cdf(-d1))
    least = least * np.exp(-yield_[inside] * years[inside])
    return telling if bool((least > sold.max_delta).all()) else np.asarray(asked | telling)


def out_of_the_money(is_call: BoolArray, strike: FloatArray, forward: FloatArray) -> BoolArray:
    """Which contracts are out of the money by the forward."""
    return np.asarray(np.where(is_call, strike >= forward, strike < forward))


def _tells_volatility(chain: Chain, forward: FloatArray, iv: FloatArray) -> BoolArray:
    """The contracts that an expiry's volatility is read from: out of the money by the forward, and
    all of an expiry that has none of those."""
    outside = out_of_the_money(chain.is_call, chain.strike, forward)
    days, expiry = np.unique(chain.expiry, return_inverse=True)
    known = np.bincount(expiry[outside & ~np.isnan(iv)], minlength=days.size)
    return np.asarray(outside | (known == 0)[expiry])
