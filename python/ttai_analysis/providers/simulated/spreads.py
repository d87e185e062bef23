"""How wide the simulated market quotes: stocks and options.

For: bid and ask about a fair price, in whole ticks. Not for: the fair price.
Wider: small companies, wild times, the first and last minutes of a session, contracts far from the
money and those about to expire.
"""

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import BoolArray, FloatArray

CENT, NICKEL = 0.01, 0.05
NICKELS_FROM = 3.0
PENNY_CAP = 5e10
"""Options of companies this large trade in cents at any price."""
STOCK_SHARE = 0.00012
OPTION_SHARE = 0.012
HURRY_SECONDS = 300.0


def hurry(table: SessionTable, now: float) -> float:
    """1 in the middle of a session and outside; up to 2.5 at the open and the close."""
    session = int(np.searchsorted(table.closes, now, side="right"))
    opens, closes = float(table.opens[session]), float(table.closes[session])
    if now < opens:
        return 1.0
    nearest = min(now - opens, closes - now)
    return 1.0 + 1.5 * float(np.exp(-nearest / HURRY_SECONDS))


def stock_half_spread(price: FloatArray, market_cap: FloatArray, factor: float) -> FloatArray:
    """Half the spread of stocks, in whole cents."""
    thin = np.clip((2e11 / market_cap) ** 0.25, 1.0, 3.0)
    return np.asarray(np.maximum(CENT, np.round(price * STOCK_SHARE * thin * factor, 2)))


def option_quotes(
    fair: FloatArray,
    intrinsic: FloatArray,
    deviations: FloatArray,
    days: FloatArray,
    market_cap: float,
    factor: float,
) -> tuple[FloatArray, FloatArray]:
    """Bid and ask; `deviations` is the distance of the strike from the forward.

    `fair` leaves out that a put may be exercised for interest. What may be exercised is worth no
    less than its intrinsic value, so the ask never lies below it: that premium is inside the
    spread, and so is put-call parity.
    """
    thin = float(np.clip((2e11 / market_cap) ** 0.25, 0.5, 2.5))
    far = 1.0 + 0.12 * np.maximum(0.0, np.minimum(np.abs(deviations), 5.0) - 1.0)
    soon = 1.0 + 0.5 * np.exp(-days / 2.0)
    half = CENT + OPTION_SHARE * thin * factor * far * soon * fair**0.75
    tick = ticks(fair, penny=market_cap >= PENNY_CAP)
    bid = np.floor(np.maximum(0.0, fair - half) / tick + 1e-9) * tick
    ask = np.ceil(np.maximum(fair + half, intrinsic) / tick - 1e-9) * tick
    return np.round(bid, 2), np.round(ask, 2)


def ticks(fair: FloatArray, *, penny: bool) -> FloatArray:
    """Cents for large companies and cheap options, else nickels."""
    nickel: BoolArray = (fair >= NICKELS_FROM) & (not penny)
    return np.where(nickel, NICKEL, CENT)
