"""What a position pays at expiry: its most, its least, and where it breaks even.

For: positions whose options share one expiry, with or without stock. Not for: today's value.
Amounts are in currency for the whole position. The payoff is linear between strikes, so its
extremes lie at zero, at a strike, or without bound beyond the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ttai_analysis.models.positions import PositionLeg

SHARES = 100.0


@dataclass(frozen=True, slots=True)
class Payoff:
    """None: without bound. `max_loss` is positive."""

    max_profit: float | None
    max_loss: float | None
    breakevens: tuple[float, ...]


def multiplier(leg: PositionLeg) -> float:
    """Shares behind one unit of the quantity."""
    return SHARES if leg.kind == "option" else 1.0


def open_value(legs: Sequence[PositionLeg]) -> float:
    """What was paid at opening; negative when premium was received."""
    return sum(leg.quantity * multiplier(leg) * leg.open_price for leg in legs)


def payoff(legs: Sequence[PositionLeg]) -> Payoff | None:
    """None when the options expire on different days: then the value at the first expiry depends on
    the market of that day."""
    if len({leg.expiration for leg in legs if leg.kind == "option"}) > 1:
        return None
    paid = open_value(legs)
    corners = sorted({0.0, *(leg.strike for leg in legs if leg.strike is not None)})
    results = [_worth(legs, price) - paid for price in corners]
    slope = sum(
        leg.quantity * multiplier(leg) for leg in legs if leg.kind == "stock" or leg.is_call
    )
    return Payoff(
        max_profit=None if slope > 0.0 else max(results),
        max_loss=None if slope < 0.0 else max(0.0, -min(results)),
        breakevens=tuple(_crossings(corners, results, slope)),
    )


def _worth(legs: Sequence[PositionLeg], price: float) -> float:
    return sum(leg.quantity * multiplier(leg) * leg_intrinsic(leg, price) for leg in legs)


def leg_intrinsic(leg: PositionLeg, price: float) -> float:
    """What the leg is worth per share if it ended now at `price`."""
    if leg.kind == "stock" or leg.strike is None:
        return price
    return max(0.0, price - leg.strike if leg.is_call else leg.strike - price)


def _crossings(corners: list[float], results: list[float], slope: float) -> list[float]:
    points = []
    for (left, before), (right, after) in pairwise(zip(corners, results, strict=True)):
        if before == 0.0:
            points.append(left)
        if before * after < 0.0:
            points.append(left + (right - left) * before / (before - after))
    end, beyond = corners[-1], results[-1]
    if beyond == 0.0:
        points.append(end)
    elif slope != 0.0 and beyond * slope < 0.0:
        points.append(end - beyond / slope)
    return [point for point in points if point > 0.0]
