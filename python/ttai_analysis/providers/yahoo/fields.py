"""Reading one value out of a body that somebody else wrote.

For: numbers, texts, lists and moments, or None where they are absent or nonsense. Not for:
judging a whole body (the parse_* files).
"""

from collections.abc import Mapping
from datetime import datetime

from ttai_analysis.providers import numbers
from ttai_analysis.timestamps import from_epoch

Json = Mapping[str, object]

MAX_EPOCH = 4_102_444_800
"""The year 2100: what is later is no time."""


def number(value: object) -> float | None:
    """A finite number; Yahoo also writes it as text, or as `{"raw": ...}`."""
    if isinstance(value, Mapping):
        value = value.get("raw")
    return numbers.number(value)


def positive(value: object) -> float | None:
    """A finite number above zero."""
    found = number(value)
    return found if found is not None and found > 0.0 else None


def text(value: object) -> str | None:
    """Text that is not blank."""
    return value.strip() or None if isinstance(value, str) else None


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as a moment; 0 means that there is none."""
    found = positive(value)
    return from_epoch(found) if found is not None and found < MAX_EPOCH else None


def branch(value: object, *path: str) -> Json:
    """The object at the end of the path; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def rows(value: object) -> list[Json]:
    """The objects of a list; what is not an object is left out."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
