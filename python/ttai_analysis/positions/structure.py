"""What a position is called, by its legs.

For: the usual ways to sell premium. Not for: a judgement; what has no name here is `other`.
"""

from collections.abc import Sequence

from ttai_analysis.models.positions import PositionLeg, Structure


def structure_of(legs: Sequence[PositionLeg]) -> Structure:
    """By kinds, signs and the order of strikes; quantities must match."""
    stock = [leg for leg in legs if leg.kind == "stock"]
    options = sorted((leg for leg in legs if leg.kind == "option"), key=_by_right_and_strike)
    if not options:
        return "stock"
    if stock:
        return _with_stock(stock, options)
    if len(options) == 1:
        (leg,) = options
        if leg.quantity > 0:
            return "long_option"
        return "short_call" if leg.is_call else "short_put"
    if len({leg.expiration for leg in options}) > 1 or len({abs(x.quantity) for x in options}) > 1:
        return "other"
    rights = [leg.is_call for leg in options]
    signs = [leg.quantity > 0 for leg in options]
    if rights == [False, False]:
        return "bull_put_spread" if signs == [True, False] else "other"
    if rights == [True, True]:
        return "bear_call_spread" if signs == [False, True] else "other"
    condor = rights == [False, False, True, True] and signs == [True, False, False, True]
    return "iron_condor" if condor else "other"


def _with_stock(stock: list[PositionLeg], options: list[PositionLeg]) -> Structure:
    shares = sum(leg.quantity for leg in stock)
    sold = [leg for leg in options if leg.is_call and leg.quantity < 0]
    covered = shares >= 100.0 * sum(-leg.quantity for leg in sold)
    return "covered_call" if sold and len(sold) == len(options) and covered else "other"


def _by_right_and_strike(leg: PositionLeg) -> tuple[bool, float]:
    return leg.is_call, leg.strike or 0.0
