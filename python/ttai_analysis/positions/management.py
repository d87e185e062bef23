"""Whether the usual rules say to act on a position: take the profit, close in time, defend it.

For: the rules with their limits. Not for: values (valuation.py) or assignment (assignment.py).
"""

from collections.abc import Sequence
from datetime import date, datetime

from ttai_analysis.models.options import CLOSE_AT_DTE, LEAST_DAYS_OPEN, Management
from ttai_analysis.models.positions import ManagementFlags
from ttai_analysis.timestamps import days_to

RULES = Management()


def management_flags(
    *, captured: float | None, dte: int | None, opened_dte: int | None, tested: bool | None
) -> ManagementFlags:
    """Of a position with a short option that lives. `captured`: percent of the most that can be
    made; `opened_dte`: days to expiry when it was opened."""
    return ManagementFlags(
        take_profit=None if captured is None else captured >= RULES.profit_target_pct,
        close_by_dte=None if dte is None else dte <= CLOSE_AT_DTE and not _is_short(opened_dte),
        tested=tested,
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


def is_tested(delta: float | None, cost: float | None) -> bool | None:
    """By the short delta, or by what closing costs as a multiple of the credit; unknown where one
    is and the other does not say so."""
    by_delta = None if delta is None else delta > RULES.tested_delta
    by_cost = None if cost is None else cost >= RULES.tested_credit_multiple
    if by_delta or by_cost:
        return True
    return None if by_delta is None or by_cost is None else False
