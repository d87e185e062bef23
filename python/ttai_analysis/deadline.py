"""How long the request that is being answered may still take.

For: what fetches, deep below the routes, to bound its own waiting. Not for: ending a request
(web/middleware.py does). A context variable, which goes along into the thread of a route.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Within it at most `seconds` are left; None leaves what is."""
    if seconds is None:
        yield
        return
    mine = time.monotonic() + seconds
    outer = _ends_at.get()
    token = _ends_at.set(mine if outer is None else min(mine, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """What is left, negative when it has passed; None without a deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else ends_at - time.monotonic()


def remaining_seconds(at_most: float) -> float:
    """What is left, never more than `at_most` and never negative."""
    left = seconds_left()
    return at_most if left is None else max(0.0, min(at_most, left))
