"""Whether the usual rules say to act on a position: take the profit, close in time, defend it.

For: the rules with their limits. Not for: values (valuation.py) or assignment (assignment.py).
"""

from collections.abc import Sequence
from datetime import date, datetime

from ttai_analysis.models.options import CLOSE_AT_DTE, LEAST_DAYS_OPEN, Management
from ttai_analysis.models.positions import ManagementFlags, TestedBy
from ttai_analysis.timestamps import days_to

RULES = Management()


def management_flags(
    *,
    captured: float | None,
    dte: int | None,
    opened_dte: int | None,
    delta: float | None,
    cost: float | None,
) -> ManagementFlags:
    """Of a position with a short option that lives. `captured`: percent of the most that can be
    made; `opened_dte`: days to expiry when it was opened; `delta`: of the shorts; `cost`: what
    closing costs as a multiple of the credit."""
    tested, by = _tested(delta, cost)
    return ManagementFlags(
        take_profit=None if captured is None else captured >= RULES.profit_target_pct,
        close_by_dte=None if dte is None else dte <= CLOSE_AT_DTE and not _is_short(opened_dte),
        tested=tested,
        tested_by=by,
    )


def _is_short(opened_dte: int | None) -> bool:
    """Whether it began so late that the calendar says nothing: it would be closed at once. As long
    as that is not known, the rule holds."""
    return opened_dte is not None and 0 <= opened_dte <= CLOSE_AT_DTE + LEAST_DAYS_OPEN


def dte_at_opening(expiration: date | None, opened_at: datetime | None) -> int | None:
    """Calendar days in New York; None where either is not known."""
    return None if expiration is None or opened_at is None else days_to(expiration, opened_at)


def short_delta(deltas: Sequence[float | None]) -> float | None:
    """The largest |delta|; None without any, or when one is not known."""
    known = [abs(delta) for delta in deltas if delta is not None]
    return max(known, default=None) if len(known) == len(deltas) else None


def _tested(delta: float | None, cost: float | None) -> tuple[bool | None, TestedBy | None]:
    """Whether it is, and by what; unknown where one is and the other does not say so."""
    if delta is not None and delta > RULES.tested_delta:
        return True, "delta"
    if cost is not None and cost >= RULES.tested_credit_multiple:
        return True, "cost"
    return (None if delta is None or cost is None else False), None
