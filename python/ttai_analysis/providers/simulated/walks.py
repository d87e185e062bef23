"""The random walks under the simulated prices: one per listing, one per sector, one for all.

For: each walk's level at the open and close of any weekday, in logs of one usual day's deviation,
and its path within days and nights. Not for: prices (prices.py).

A walk runs in windows of 512 slots (weekdays) that start and end on zero, so prices stay plausible
for years, and a window is computed alone, whenever it is asked, without any past before it.
"""

import threading

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.simulated import regimes
from ttai_analysis.providers.simulated.noise import (
    FloatArray,
    IntArray,
    bridges,
    normals,
)
from ttai_analysis.providers.simulated.roster import Roster

WINDOW = 512
WINDOWS = 4096
"""More than any stream has; a stream and a window make one number."""
OVERNIGHT_SHARE = 0.3
GAP_DEVIATIONS = 2.4
GAP_SHARE = 0.85
"""A day this far out is mostly a gap: the news came overnight."""
MAX_WINDOWS = 4096
BLOCK_SESSIONS = 64
MAX_BLOCKS = 512
DAY, NIGHT = "day", "night"


class Walks:
    """All walks of one seeded market; windows and blocks are kept, and safe between threads."""

    def __init__(self, roster: Roster, table: SessionTable) -> None:
        self._roster = roster
        self._table = table
        self._regimes = regimes.Regimes(roster.seed)
        self._keys = roster.stream_keys("walk")
        self._phase = roster.phases(roster.stream_keys("phase"), WINDOW)
        self._mood_keys = roster.stream_keys("mood")
        self._open_keys = roster.stream_keys("open")
        self._bridge_keys = {DAY: roster.stream_keys(DAY), NIGHT: roster.stream_keys(NIGHT)}
        self._windows: dict[int, FloatArray] = {}
        self._blocks: dict[tuple[str, int, int], FloatArray] = {}
        self._lock = threading.Lock()

    def common_mood(self, position: FloatArray) -> FloatArray:
        """The log multiplier of the factors' volatility at any position."""
        return self._regimes.common(position)

    def own_mood(self, stream: int, position: FloatArray, common: FloatArray) -> FloatArray:
        """The log multiplier of own volatility at any position, with the market's mood in it."""
        keys = self._mood_keys[stream : stream + 1]
        return np.asarray(regimes.own(keys, position) + regimes.COMMON_PULL * common)

    def levels(
        self, stream: IntArray, slot: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """For each row: the level at the close before the slot, at its open, at its close, and
        the deviation of that day."""
        shifted = slot + self._phase[stream]
        pair = stream * WINDOWS + shifted // WINDOW
        offset = shifted % WINDOW
        if (pair == pair[0]).all():
            found = self._stacked([int(pair[0])])[0]
            before, after = found[0, offset], found[0, offset + 1]
            deviation = found[1, offset]
        else:
            pairs, inverse = np.unique(pair, return_inverse=True)
            several = self._stacked(pairs.tolist())
            before, after = several[inverse, 0, offset], several[inverse, 0, offset + 1]
            deviation = several[inverse, 1, offset]
        move = after - before
        share = np.where(np.abs(move) > GAP_DEVIATIONS * deviation, GAP_SHARE, OVERNIGHT_SHARE)
        noise = np.sqrt(OVERNIGHT_SHARE * (1.0 - OVERNIGHT_SHARE)) * deviation
        opened = before + share * move + noise * normals(self._open_keys[stream], slot)
        return before, opened, after, deviation

    def nodes(self, kind: str, stream: IntArray, session: IntArray) -> FloatArray:
        """Rows of unit bridges within those sessions (`day`) or the nights before (`night`)."""
        if (stream < self._roster.market).all():
            return bridges(self._bridge_keys[kind][stream], session)
        number, place = session // BLOCK_SESSIONS, session % BLOCK_SESSIONS
        if (stream == stream[0]).all() and (number == number[0]).all():
            return self._block(kind, int(stream[0]), int(number[0]))[place]
        rows = zip(stream.tolist(), number.tolist(), place.tolist(), strict=True)
        return np.stack([self._block(kind, one, block)[at] for one, block, at in rows])

    def _block(self, kind: str, stream: int, number: int) -> FloatArray:
        found = self._blocks.get((kind, stream, number))
        if found is None:
            sessions = number * BLOCK_SESSIONS + np.arange(BLOCK_SESSIONS)
            key = np.full(BLOCK_SESSIONS, self._bridge_keys[kind][stream])
            found = bridges(key, sessions)
            with self._lock:
                if len(self._blocks) >= MAX_BLOCKS:
                    self._blocks.clear()
                self._blocks[kind, stream, number] = found
        return found

    def _stacked(self, wanted: list[int]) -> FloatArray:
        """Level (0 to 512) and deviation of each window, computed where not kept."""
        found = [self._windows.get(pair) for pair in wanted]
        missing = [pair for pair, one in zip(wanted, found, strict=True) if one is None]
        if missing:
            computed = dict(zip(missing, self._compute(missing), strict=True))
            with self._lock:
                if len(self._windows) + len(missing) > MAX_WINDOWS:
                    self._windows.clear()
                self._windows.update(computed)
            found = [
                computed[pair] if one is None else one
                for pair, one in zip(wanted, found, strict=True)
            ]
        return np.stack([one for one in found if one is not None])

    def _compute(self, wanted: list[int]) -> list[FloatArray]:
        stream, window = np.divmod(np.array(wanted, dtype=np.int64), WINDOWS)
        first = window * WINDOW - self._phase[stream]
        slots = first[:, None] + np.arange(WINDOW)
        common = self._common_over(slots)
        own = (stream < self._roster.market)[:, None]
        mood = np.where(own, regimes.COMMON_PULL, 1.0) * common
        mood += np.where(own, regimes.own_over_slots(self._mood_keys[stream], first, WINDOW), 0.0)
        deviation = np.exp(mood)
        draw = normals(self._keys[stream][:, None], slots)
        steps = deviation * draw * (0.88 + 0.045 * draw * draw)
        level = np.zeros((stream.size, WINDOW + 1))
        np.cumsum(steps, axis=1, out=level[:, 1:])
        level -= level[:, -1:] * (np.arange(WINDOW + 1) / WINDOW)
        rows = np.zeros((stream.size, 2, WINDOW + 1))
        rows[:, 0, :], rows[:, 1, :-1] = level, deviation
        return list(rows)

    def _common_over(self, slots: IntArray) -> FloatArray:
        first, last = int(slots.min()), int(slots.max()) + 1
        line = self._regimes.common(np.arange(first, last, dtype=np.float64))
        return np.asarray(line[slots - first])
