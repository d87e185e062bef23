"""What each leg of a position is worth now, from the chain of its underlying.

For: the mid of a two-sided quote, else the model's price (American) with the volatility of the
nearest strike of the same expiry; what is known by neither is unknown, never zero. What has expired
is worth its intrinsic value at the close of its last session (settlement.py). Not for: sums
(service.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from ttai_analysis.models.positions import LegValue, PositionLeg, Valuation
from ttai_analysis.options.contracts import Contracts, years_to_expiry
from ttai_analysis.options.early_exercise import american_delta, american_price
from ttai_analysis.options.pricing import greeks
from ttai_analysis.positions.payoff import leg_intrinsic
from ttai_analysis.timestamps import days_to, ordinal_of

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Market:
    """The underlying and its chain; either may be unknown. `agreed`: whether they say the same
    price; where not, nothing is said of options. `settled`: closes by expiry (settlement.py)."""

    spot: float | None
    contracts: Contracts | None
    rate: float
    as_of: datetime
    agreed: bool = True
    settled: Mapping[date, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """Of one share; None: not known."""

    gamma: float | None
    theta_per_day: float | None
    vega_per_point: float | None


FLAT = Sensitivities(0.0, 0.0, 0.0)
UNKNOWN = Sensitivities(None, None, None)


def value_leg(leg: PositionLeg, market: Market) -> tuple[LegValue, Sensitivities]:
    """The leg now, and the greeks that its row does not show."""
    if leg.kind == "stock" or leg.expiration is None or leg.strike is None:
        return _leg(
            leg, market, market.spot, "quoted" if market.spot else "unknown", delta=1.0
        ), FLAT
    days = np.array([ordinal_of(leg.expiration)], dtype=np.int64)
    years = float(years_to_expiry(days, market.as_of)[0])
    if years <= 0.0:
        close = market.settled.get(leg.expiration)
        worth = None if close is None else leg_intrinsic(leg, close)
        return _leg(leg, market, worth, "expired", delta=0.0), FLAT
    if not market.agreed:
        return _leg(leg, market, None, "unknown"), UNKNOWN
    row = row_of(leg, market.contracts)
    iv = _nearest_iv(leg, market.contracts, row)
    if market.spot is None or market.contracts is None or iv is None:
        quoted = None if row is None or market.contracts is None else _mid(market.contracts, row)
        known: Valuation = "unknown" if quoted is None else "quoted"
        return _leg(leg, market, quoted, known, row=row), UNKNOWN
    forward = float(market.contracts.forward[_member(leg, market.contracts)])
    # The chain's forward moves with the spot of the caller where that differs from the chain's.
    forward *= market.spot / market.contracts.chain.underlying_price
    yield_ = market.rate - np.log(forward / market.spot) / years
    common = (market.spot, leg.strike, years, market.rate, yield_, iv, leg.is_call)
    found = greeks(*common)
    quoted = None if row is None else _mid(market.contracts, row)
    worth = float(american_price(*common)) if quoted is None else quoted
    # Out of the money the two deltas are the same to the third digit; in it the other is right.
    in_the_money = leg_intrinsic(leg, market.spot) > 0.0
    delta = float(american_delta(*common)) if in_the_money else float(found.delta)
    return (
        _leg(
            leg,
            market,
            worth,
            "model" if quoted is None else "quoted",
            row=row,
            iv=iv,
            delta=delta,
        ),
        Sensitivities(
            float(found.gamma), float(found.theta) / DAYS_PER_YEAR, float(found.vega) / 100.0
        ),
    )


def _leg(
    leg: PositionLeg,
    market: Market,
    worth: float | None,
    valuation: Valuation,
    *,
    row: int | None = None,
    iv: float | None = None,
    delta: float | None = None,
) -> LegValue:
    option = leg.kind == "option"
    intrinsic = worth if valuation == "expired" else _intrinsic(leg, market)
    chain = market.contracts.chain if market.contracts is not None and row is not None else None
    return LegValue(
        kind=leg.kind,
        right=("call" if leg.is_call else "put") if option else None,
        strike=leg.strike,
        expiration=leg.expiration,
        dte=days_to(leg.expiration, market.as_of) if leg.expiration else None,
        quantity=leg.quantity,
        bid=float(chain.bid[row]) if chain is not None else None,
        ask=float(chain.ask[row]) if chain is not None else None,
        price=worth,
        valuation=valuation,
        iv=iv,
        delta=delta,
        intrinsic=intrinsic,
        extrinsic=None if worth is None or intrinsic is None else worth - intrinsic,
        in_the_money=None if intrinsic is None else intrinsic > 0.0,
    )


def _intrinsic(leg: PositionLeg, market: Market) -> float | None:
    """Of an option that lives, at a price that its chain does not contradict."""
    if leg.kind != "option" or market.spot is None or not market.agreed:
        return None
    return leg_intrinsic(leg, market.spot)


def row_of(leg: PositionLeg, contracts: Contracts | None) -> int | None:
    """Where the chain has this contract; None where it has not."""
    if contracts is None or leg.expiration is None:
        return None
    chain = contracts.chain
    rows = np.flatnonzero(
        (chain.expiry == ordinal_of(leg.expiration))
        & (np.abs(chain.strike - (leg.strike or 0.0)) < 1e-6)
        & (chain.is_call == leg.is_call)
    )
    return int(rows[0]) if rows.size else None


def _mid(contracts: Contracts, row: int) -> float | None:
    return float(contracts.mid[row]) if contracts.two_sided[row] else None


def _members(leg: PositionLeg, contracts: Contracts) -> np.ndarray:
    expiry = ordinal_of(leg.expiration) if leg.expiration else -1
    return np.flatnonzero((contracts.chain.expiry == expiry) & ~np.isnan(contracts.iv))


def _member(leg: PositionLeg, contracts: Contracts) -> int:
    return int(_members(leg, contracts)[0])


def _nearest_iv(leg: PositionLeg, contracts: Contracts | None, row: int | None) -> float | None:
    """The contract's own volatility, else that of the nearest strike of its expiry."""
    if contracts is None:
        return None
    if row is not None and not np.isnan(contracts.iv[row]):
        return float(contracts.iv[row])
    members = _members(leg, contracts)
    if members.size == 0:
        return None
    distance = np.abs(contracts.chain.strike[members] - (leg.strike or 0.0))
    return float(contracts.iv[members[int(np.argmin(distance))]])


def cost_to_close(legs: Sequence[PositionLeg], rows: Sequence[LegValue]) -> float | None:
    """What closing the options that live costs now as a multiple of the credit that they brought;
    0 where they brought none, None where a price is not known."""
    credit = cost = 0.0
    for leg, row in zip(legs, rows, strict=True):
        if leg.kind != "option" or row.valuation == "expired":
            continue
        if row.price is None:
            return None
        credit -= leg.quantity * leg.open_price
        cost -= leg.quantity * row.price
    return cost / credit if credit > 0.0 else 0.0
