"""How far back a named period reaches.

For: `1y`, `6mo`, `max`... as a first date. Not for: fetching bars.
"""

from datetime import date, timedelta

from ttai_analysis.errors import InvalidRequestError

DAYS_OF_PERIOD: dict[str, int] = {
    "1d": 1,
    "5d": 7,
    "1mo": 31,
    "3mo": 92,
    "6mo": 184,
    "1y": 366,
    "2y": 731,
    "3y": 1096,
    "5y": 1827,
    "10y": 3653,
}
PERIODS = (*DAYS_OF_PERIOD, "ytd", "max")
MAX_INTRADAY_DAYS = 60


def first_day_of(period: str, last_day: date, oldest: date) -> date:
    """The first calendar date that belongs to `period` when it ends on `last_day`.

    Raises InvalidRequestError for a period that is not one of PERIODS.
    """
    if period == "max":
        return oldest
    if period == "ytd":
        return date(last_day.year, 1, 1)
    days = DAYS_OF_PERIOD.get(period)
    if days is None:
        raise InvalidRequestError(
            f"period '{period}' is not one of {', '.join(PERIODS)}.", details={"field": "period"}
        )
    return max(oldest, last_day - timedelta(days=days))
