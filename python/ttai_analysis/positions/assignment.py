"""How near a short option is to being assigned.

For: rules with their limits. A call is exercised early for a dividend that is worth more than the
time value given up; a put when the interest on the strike is (J. Hull, chapter 15), and surely when
the American model says that holding on is worth no more. Not for: probabilities.
"""

from datetime import date, timedelta
from math import exp

from ttai_analysis.models.positions import AssignmentRisk, LegValue
from ttai_analysis.options.early_exercise import exercise_is_due

NO_TIME_VALUE = 0.05
"""In currency: what is left of the time value is less than it costs to trade."""
NEAR_DTE = 3
DAYS_PER_YEAR = 365.0
NEAR_STRIKE = 0.02
"""Of the price: so near to the money that a day can make it in the money."""


def assignment_risk(
    legs: list[LegValue],
    spot: float | None,
    rate: float,
    dividend: float | None,
    ex_date: date | None,
    *,
    why_unknown: str = "no_price",
) -> tuple[AssignmentRisk, list[str]]:
    """The worst of the short options, and why. `dividend`: the next one per share, None unknown;
    `ex_date`: of it; `why_unknown`: the reason where there is no `spot`."""
    shorts = [leg for leg in legs if leg.kind == "option" and leg.quantity < 0]
    if not shorts:
        return "none", []
    found: list[tuple[AssignmentRisk, list[str]]] = []
    for leg in shorts:
        if leg.valuation == "expired":
            found.append(_of_expired(leg))
        elif spot is None:
            found.append(("unknown", [why_unknown]))
        else:
            found.append(_of_leg(leg, spot, rate, dividend, ex_date))
    order: tuple[AssignmentRisk, ...] = ("high", "moderate", "unknown", "low")
    worst = next(level for level in order if any(risk == level for risk, _ in found))
    reasons = [reason for risk, given in found if risk == worst for reason in given]
    return worst, list(dict.fromkeys(reasons))


def _of_expired(leg: LegValue) -> tuple[AssignmentRisk, list[str]]:
    if leg.in_the_money is None:
        return "unknown", ["no_settlement_price"]
    return ("high", ["expired_in_the_money"]) if leg.in_the_money else ("low", [])


def _of_leg(
    leg: LegValue, spot: float, rate: float, dividend: float | None, ex_date: date | None
) -> tuple[AssignmentRisk, list[str]]:
    dte, strike = leg.dte or 0, leg.strike or 0.0
    if not leg.in_the_money:
        near = dte <= NEAR_DTE and abs(spot - strike) <= NEAR_STRIKE * spot
        return ("moderate", ["near_the_money_at_expiry"]) if near else ("low", [])
    reasons = []
    if dte <= NEAR_DTE:
        reasons.append("in_the_money_at_expiry")
    inside = _still_to_come(leg, ex_date)
    if leg.right == "put" and not inside and _is_due(leg, spot, rate):
        reasons.append("exercise_is_due")
    extrinsic = leg.extrinsic
    if extrinsic is None:
        return ("high", reasons) if reasons else ("unknown", ["no_option_price"])
    if extrinsic <= NO_TIME_VALUE:
        reasons.append("no_time_value_left")
    if leg.right == "call" and inside and dividend is not None and extrinsic < dividend:
        reasons.append("dividend_exceeds_time_value")
    if leg.right == "put" and extrinsic < strike * (1.0 - exp(-rate * dte / DAYS_PER_YEAR)):
        reasons.append("interest_exceeds_time_value")
    if reasons:
        return "high", reasons
    if leg.right == "call" and inside and dividend is None:
        return "moderate", ["in_the_money", "dividend_unknown"]
    return "moderate", ["in_the_money"]


def _still_to_come(leg: LegValue, ex_date: date | None) -> bool:
    """Whether a holder can still exercise for the dividend: not on the ex-date itself or later."""
    if ex_date is None or leg.expiration is None:
        return False
    today = leg.expiration - timedelta(days=leg.dte or 0)
    return today < ex_date <= leg.expiration


def _is_due(leg: LegValue, spot: float, rate: float) -> bool:
    """By the model, for a put on a share that pays nothing before expiry: a dividend to come is a
    reason to wait."""
    if leg.iv is None or leg.strike is None or not leg.dte:
        return False
    years = leg.dte / DAYS_PER_YEAR
    return bool(exercise_is_due(spot, leg.strike, years, rate, 0.0, leg.iv, False))
