"""A lie: one named way in which market data is false, and what must then be said of it.

For: the shape of a lie and a list of them by name. Not for: any lie of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Subject = Literal["bars", "quote", "chain", "earnings", "metrics", "rate", "news", "transport"]
Change = Callable[[Any, datetime], Any]

INVALID = "INVALID_MARKET_DATA"


@dataclass(frozen=True)
class Lie:
    """`change(truth, as_of)` falsifies one `about`; `names`: the warnings, reject reasons or error
    codes of which one must be in every answer that rests on it."""

    name: str
    about: Subject
    change: Change
    names: frozenset[str]


class Lies:
    """Lies about one subject, by name."""

    def __init__(self, about: Subject) -> None:
        self._about: Subject = about
        self.by_name: dict[str, Lie] = {}

    def add(self, name: str, change: Change, *names: str) -> None:
        """One more."""
        self.by_name[name] = Lie(name, self._about, change, frozenset(names))

    def named(self, *names: str) -> Callable[[Change], Change]:
        """The same for a function, whose name is that of the lie."""

        def register(change: Change) -> Change:
            self.add(change.__name__, change, *names)
            return change

        return register
