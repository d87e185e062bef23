"""NYSE sessions, holidays and half days as plain arrays, as exchange_calendars has them.

For: every question about sessions. Not for: request handling. The library brings pandas, a third of
a second and 40 MB; so what it says is kept in sessions.txt, which generate.py writes and a test
holds against the library.
"""

import threading
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ttai_analysis.timestamps import (
    SECONDS_PER_DAY,
    date_from_ordinal,
    from_epoch,
    ordinal_of,
)

SESSIONS_FILE = Path(__file__).with_name("sessions.txt")
"""A line a session: its day, its open and its close as HHMM in UTC of that day."""
FULL_SESSION_SECONDS = 6.5 * 3600

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Session:
    """One trading day, with its open and close in UTC."""

    day: date
    opens_at: datetime
    closes_at: datetime

    @property
    def half_day(self) -> bool:
        """True when the close is before the usual 16:00 New York."""
        return (self.closes_at - self.opens_at).total_seconds() < FULL_SESSION_SECONDS


@dataclass(frozen=True)
class SessionTable:
    """All sessions in order: day (days since 1970), open and close (epoch seconds)."""

    days: IntArray
    opens: IntArray
    closes: IntArray

    def __len__(self) -> int:
        return int(self.days.size)

    @cached_property
    def weekday_numbers(self) -> IntArray:
        """Monday-to-Friday count since 1970-01-05: steady even if a closure is added later."""
        shifted = self.days - 4
        return np.asarray(shifted // 7 * 5 + np.minimum(shifted % 7, 4), dtype=np.int64)

    def completed(self, epoch_seconds: float) -> int:
        """How many sessions had closed by that moment (a close at that second counts)."""
        return int(np.searchsorted(self.closes, epoch_seconds, side="right"))

    def index_of(self, day: date) -> int | None:
        """The position of that day's session, None on a holiday or at a weekend."""
        ordinal = ordinal_of(day)
        index = int(np.searchsorted(self.days, ordinal))
        return index if index < len(self) and int(self.days[index]) == ordinal else None

    def first_on_or_after(self, day: date) -> int:
        """The position of the first session not before that day."""
        return int(np.searchsorted(self.days, ordinal_of(day)))

    def session(self, index: int) -> Session:
        """The session at that position."""
        return Session(
            day=date_from_ordinal(int(self.days[index])),
            opens_at=from_epoch(int(self.opens[index])),
            closes_at=from_epoch(int(self.closes[index])),
        )

    def at(self, moment: datetime) -> Session | None:
        """The session that is open at that moment, if one is."""
        index = self.completed(moment.timestamp())
        if index >= len(self):
            return None
        session = self.session(index)
        return session if session.opens_at <= moment < session.closes_at else None


_lock = threading.Lock()
_table: SessionTable | None = None


def session_table() -> SessionTable:
    """The one table of the process; the first call reads it."""
    global _table
    if _table is None:
        with _lock:
            if _table is None:
                _table = _load()
    return _table


def is_loaded() -> bool:
    """Whether a call of `session_table` answers at once."""
    return _table is not None


def _load() -> SessionTable:
    words = SESSIONS_FILE.read_text(encoding="ascii").split()
    days = np.array(words[0::3], dtype="datetime64[D]").astype(np.int64)
    return SessionTable(
        days=days,
        opens=days * SECONDS_PER_DAY + _seconds(words[1::3]),
        closes=days * SECONDS_PER_DAY + _seconds(words[2::3]),
    )


def _seconds(times: list[str]) -> IntArray:
    """Of the day, from HHMM in UTC."""
    clock = np.array(times, dtype=np.int64)
    return np.asarray(clock // 100 * 3600 + clock % 100 * 60, dtype=np.int64)
