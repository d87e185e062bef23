"""Moments and dates: RFC 3339 in UTC outside, aware datetimes and epoch seconds inside.

For: parsing, printing and New York dates. Not for: sessions and holidays (market_calendar/).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Gives the service's present moment, in UTC."""

SECONDS_PER_DAY = 86_400
EPOCH_DATE = date(1970, 1, 1)


def parse_rfc3339(text: str) -> datetime:
    """The moment in UTC; a time without an offset is refused (ValueError)."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no offset; write e.g. 2021-03-31T20:00:00Z")
    return moment.astimezone(UTC)


def format_rfc3339(moment: datetime) -> str:
    """UTC with a trailing Z, milliseconds only when there are some."""
    utc = moment.astimezone(UTC)
    spec = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def from_epoch(seconds: float) -> datetime:
    """The UTC moment at `seconds` since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def system_clock() -> datetime:
    """Now, cut to milliseconds so that what is answered can be asked again exactly."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def pinned_clock(moment: datetime) -> Clock:
    """A clock that stands still: for replays and tests."""
    return lambda: moment


@lru_cache(maxsize=1)
def new_york() -> ZoneInfo:
    """The exchange's time zone."""
    return ZoneInfo("America/New_York")


def new_york_date(moment: datetime) -> date:
    """The calendar date in New York at that moment."""
    return moment.astimezone(new_york()).date()


@lru_cache(maxsize=4096)
def new_york_epoch(day: date, hour: int, minute: int) -> int:
    """Epoch seconds of that wall-clock time in New York."""
    local = datetime.combine(day, time(hour, minute), tzinfo=new_york())
    return int(local.timestamp())


def days_to(day: date, moment: datetime) -> int:
    """Calendar days in New York from `moment` to `day`; 0 today, negative when past."""
    return (day - new_york_date(moment)).days


def date_from_ordinal(days_since_epoch: int) -> date:
    """The date that many days after 1970-01-01."""
    return EPOCH_DATE + timedelta(days=days_since_epoch)


def ordinal_of(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - EPOCH_DATE).days
