"""Dates, moments, texts and objects as tastytrade and dxFeed write them.

For: values that may be absent or nonsense. Not for: numbers (numbers.py of all providers) nor the
meaning of a field.
"""

from datetime import date, datetime

from ttai_analysis.providers.numbers import number
from ttai_analysis.timestamps import from_epoch, parse_rfc3339

OLDEST_EPOCH_MS = 1_000_000_000
"""A time in ms below this is no time: the feed writes 0 (or a few) where it does not know."""
NEWEST_EPOCH_MS = 4_102_444_800_000
"""The year 2100: what is later is no time."""


def day(value: object) -> date | None:
    """The date at the start of an ISO text."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """A moment from ms since 1970 (number or digits) or from RFC 3339."""
    milliseconds = number(value)
    if milliseconds is not None:
        told = OLDEST_EPOCH_MS < milliseconds < NEWEST_EPOCH_MS
        return from_epoch(milliseconds / 1000.0) if told else None
    if not isinstance(value, str):
        return None
    try:
        return parse_rfc3339(value)
    except ValueError:
        return None


def records(value: object) -> list[dict[str, object]]:
    """The JSON objects of a list; what is none is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def record(value: object) -> dict[str, object]:
    """The JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """The string, empty for anything else."""
    return value if isinstance(value, str) else ""
