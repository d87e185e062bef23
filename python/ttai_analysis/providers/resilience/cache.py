"""A bounded cache with lifetimes, in which concurrent askers of one key share one fetch.

For: threads of one process. A failure reaches everybody who waited for that fetch, and is not
kept: the next asker fetches again. Not for: limits and breakers (upstream.py), nor for disks.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from typing import TypeVar, cast

from ttai_analysis.deadline import seconds_left
from ttai_analysis.errors import ProviderTimeoutError

T = TypeVar("T")

MAX_ENTRIES = 2_048
SWEEP_SECONDS = 60.0


class SingleFlightCache:
    """What is too old leaves within a minute; when it is full, what was used least recently."""

    def __init__(
        self, max_entries: int = MAX_ENTRIES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, object]] = OrderedDict()
        self._flights: dict[Hashable, Future[object]] = {}
        self._swept_at = clock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def get(self, key: Hashable, ttl_seconds: float, fetch: Callable[[], T]) -> T:
        """The kept value of `key`, else what `fetch` gives, kept for `ttl_seconds`.

        The lifetime counts from when the fetch began: an answer that took long is old already. One
        of 0 shares the fetch without keeping what it gives. Raises what `fetch` raises.
        """
        with self._lock:
            now = self._clock()
            entry = self._entries.get(key)
            if entry is not None and now < entry[0]:
                self._entries.move_to_end(key)
                return cast(T, entry[1])
            flight = self._flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not leads:
            return cast(T, self._wait(flight))
        try:
            value = fetch()
        except BaseException as error:
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            raise
        with self._lock:
            del self._flights[key]
            if ttl_seconds > 0.0:
                self._keep(key, now + ttl_seconds, value)
        flight.set_result(value)
        return value

    def kept(self, key: Hashable, otherwise: object) -> object:
        """The kept value of `key`, else `otherwise`; never fetches."""
        with self._lock:
            entry = self._entries.get(key)
            return entry[1] if entry is not None and self._clock() < entry[0] else otherwise

    def keep(self, values: Mapping[Hashable, object], until: float) -> None:
        """Keep values that came along with another fetch, until the clock shows `until`."""
        with self._lock:
            for key, value in values.items():
                self._keep(key, until, value)

    def _keep(self, key: Hashable, until: float, value: object) -> None:
        now = self._clock()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            for old in [old for old, entry in self._entries.items() if now >= entry[0]]:
                del self._entries[old]
        self._entries[key] = (until, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def _wait(self, flight: Future[object]) -> object:
        """What another thread's fetch gives, or raises; no longer than this request has."""
        left = seconds_left()
        try:
            return flight.result(None if left is None else max(0.0, left))
        except TimeoutError as error:
            if flight.done():
                raise
            raise ProviderTimeoutError(
                "The deadline passed while another request was fetching this."
            ) from error
