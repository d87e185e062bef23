"""One source behind a network, as its provider asks it: cache, single flight, limit, breaker.

For: every fetch of every provider that goes over a network. Threads may share one `Upstream`.
Not for: transport and parsing; `fetch` does both and raises our typed errors. Nothing is retried
here: who asked is told when to ask again.
A fetch belongs to all who wait for it, and what becomes of it to the breaker. So `fetch` takes the
time that it needs, never what its first asker has left: an impatient one is answered without it.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TypeVar, cast

from ttai_analysis.deadline import seconds_left
from ttai_analysis.errors import ProviderTimeoutError
from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.cache import SingleFlightCache
from ttai_analysis.providers.resilience.rate_limit import TokenBucket

T = TypeVar("T")

_NOTHING = object()
"""Told apart from None, which is kept for what the source does not have."""


class Upstream:
    """See the module. `name` is for messages, e.g. `Yahoo`."""

    def __init__(
        self,
        name: str,
        *,
        requests_per_second: float,
        burst: int,
        breaker: Breaker,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._clock = clock
        self._breaker = breaker
        self._bucket = TokenBucket(name, requests_per_second, burst, clock=clock, sleep=sleep)
        self._cache = SingleFlightCache(clock=clock)

    def get(self, key: Hashable, ttl_seconds: float, fetch: Callable[[], T]) -> T:
        """What is kept under `key`, else what `fetch` gives now; that is kept for `ttl_seconds`.

        `fetch` stands for one request to the source. Raises what `fetch` raises, and
        ProviderUnavailableError while the breaker is open, RateLimitError when too many wait.
        """
        return self._cache.get(key, ttl_seconds, lambda: self._fetch(fetch))

    def get_many(
        self,
        kind: str,
        names: Sequence[str],
        ttl_seconds: float,
        fetch: Callable[[Sequence[str]], Mapping[str, T]],
        *,
        at_once: int,
    ) -> dict[str, T | None]:
        """Each name with what is kept or fetched, None for what the source does not have.

        `fetch` stands for one request for up to `at_once` names. Raises as `get` does.
        """
        found: dict[str, T | None] = {}
        missing: list[str] = []
        for name in dict.fromkeys(names):
            value = self._cache.kept((kind, name), _NOTHING)
            if value is _NOTHING:
                missing.append(name)
            else:
                found[name] = cast("T | None", value)
        for start in range(0, len(missing), at_once):
            some = tuple(missing[start : start + at_once])
            fetched = self.get(
                (kind, some), 0.0, partial(self._fetch_many, kind, some, ttl_seconds, fetch)
            )
            found |= {name: fetched.get(name) for name in some}
        return found

    def _fetch_many(
        self,
        kind: str,
        names: Sequence[str],
        ttl_seconds: float,
        fetch: Callable[[Sequence[str]], Mapping[str, T]],
    ) -> Mapping[str, T]:
        until = self._clock() + ttl_seconds
        fetched = fetch(names)
        self._cache.keep({(kind, name): fetched.get(name) for name in names}, until)
        return fetched

    def detail(self) -> dict[str, object]:
        """For /readyz: the breaker's state and how much is kept."""
        return {**self._breaker.detail(), "cached": len(self._cache)}

    def _fetch(self, fetch: Callable[[], T]) -> T:
        left = seconds_left()
        if left is not None and left <= 0.0:
            raise ProviderTimeoutError("The deadline passed before this could be fetched.")
        # Before the bucket, so that nobody waits in order to be refused; our own limit is no
        # failure of the source, so it stays outside of the breaker.
        self._breaker.refuse_if_open()
        self._bucket.take()
        return self._breaker.call(fetch)
