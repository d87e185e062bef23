"""Numbers in a body that somebody else wrote.

For: what comes as number, text or nonsense. Not for: what a field means, nor how one provider wraps
its numbers (its own folder).
"""

import math


def number(value: object) -> float | None:
    """A finite number from a number or a text; None for everything else, NaN and Infinity too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def positive(value: object) -> float | None:
    """A number above zero: a price of 0 is a way to say that there is none."""
    found = number(value)
    return found if found is not None and found > 0.0 else None
