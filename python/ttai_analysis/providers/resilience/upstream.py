"""One source behind a network, as its provider asks it: cache, single flight, limit, breaker.

For: every fetch of every provider that goes over a network. Threads may share one `Upstream`.
Not for: transport and parsing; `fetch` does both and raises our typed errors. Nothing is retried
here: who asked is told when to ask again.
"""

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.cache import SingleFlightCache
from ttai_analysis.providers.resilience.rate_limit import TokenBucket

T = TypeVar("T")


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
        self._breaker = breaker
        self._bucket = TokenBucket(name, requests_per_second, burst, clock=clock, sleep=sleep)
        self._cache = SingleFlightCache(clock=clock)

    def get(self, key: Hashable, ttl_seconds: float, fetch: Callable[[], T]) -> T:
        """What is kept under `key`, else what `fetch` gives now; that is kept for `ttl_seconds`.

        `fetch` stands for one request to the source. Raises what `fetch` raises, and
        ProviderUnavailableError while the breaker is open, RateLimitError when too many wait.
        """
        return self._cache.get(key, ttl_seconds, lambda: self._fetch(fetch))

    def detail(self) -> dict[str, object]:
        """For /readyz: the breaker's state and how much is kept."""
        return {**self._breaker.detail(), "cached": len(self._cache)}

    def _fetch(self, fetch: Callable[[], T]) -> T:
        # Before the bucket, so that nobody waits in order to be refused; our own limit is no
        # failure of the source, so it stays outside of the breaker.
        self._breaker.refuse_if_open()
        self._bucket.take()
        return self._breaker.call(fetch)
