"""The next dividend, and how near the contracts to be sold are to early assignment.

For: fields of /analyze/options. Not for: the rules of assignment (positions/assignment.py).
"""

from datetime import date, datetime
from typing import TypedDict

from ttai_analysis.models.positions import AssignmentRisk, LegValue
from ttai_analysis.options.contracts import Contracts
from ttai_analysis.options.inputs import OptionInputs
from ttai_analysis.options.scoring import expiration
from ttai_analysis.options.selection import Ranked
from ttai_analysis.positions.assignment import assignment_risk
from ttai_analysis.timestamps import days_to


class DividendFigures(TypedDict):
    """Fields of OptionsAnalysis about the next dividend and early assignment."""

    ex_dividend_date: date | None
    ex_dividend_inside: bool | None
    assignment_risk: AssignmentRisk
    assignment_reasons: list[str]


def dividend_figures(inputs: OptionInputs, best: Ranked | None, as_of: datetime) -> DividendFigures:
    """The next ex-date and what it means for the options that would be sold. Inside is null where
    the date is unknown or there is no trade."""
    ex_date, contracts = inputs.metrics.next_ex_dividend, inputs.contracts
    if ex_date is not None and days_to(ex_date, as_of) < 0:
        ex_date = None
    if best is None or contracts is None:
        return DividendFigures(
            ex_dividend_date=ex_date,
            ex_dividend_inside=None,
            assignment_risk="unknown",
            assignment_reasons=[],
        )
    risk, reasons = assignment_risk(
        [_leg_value(contracts, leg) for leg in best.trade.sold],
        contracts.chain.underlying_price,
        contracts.rate,
        inputs.metrics.next_dividend,
        ex_date,
    )
    inside = None if ex_date is None else ex_date <= expiration(contracts, best.trade.short)
    return DividendFigures(
        ex_dividend_date=ex_date,
        ex_dividend_inside=inside,
        assignment_risk=risk,
        assignment_reasons=reasons,
    )


def _leg_value(contracts: Contracts, leg: int) -> LegValue:
    """The contract as a sold leg, at its mid."""
    chain = contracts.chain
    spot, strike = chain.underlying_price, float(chain.strike[leg])
    is_call = bool(chain.is_call[leg])
    intrinsic = max(0.0, spot - strike if is_call else strike - spot)
    mid = float(contracts.mid[leg])
    return LegValue(
        kind="option",
        right="call" if is_call else "put",
        strike=strike,
        expiration=expiration(contracts, leg),
        dte=int(contracts.dte[leg]),
        quantity=-1.0,
        bid=float(chain.bid[leg]),
        ask=float(chain.ask[leg]),
        price=mid,
        valuation="quoted",
        iv=float(contracts.iv[leg]),
        delta=float(contracts.delta[leg]),
        intrinsic=intrinsic,
        extrinsic=mid - intrinsic,
        in_the_money=intrinsic > 0.0,
    )
