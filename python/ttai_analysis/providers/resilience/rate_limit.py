"""A token bucket: so many requests a second, with a burst.

For: being a polite client. Not for: what to do when the other side refuses (breaker.py).
"""

import math
import threading
import time
from collections.abc import Callable

from ttai_analysis.errors import RateLimitError

MAX_WAIT_SECONDS = 5.0


class TokenBucket:
    """Tokens come steadily, up to `burst`; who finds none waits for its own."""

    def __init__(
        self,
        name: str,
        requests_per_second: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._name = name
        self._rate = requests_per_second
        self._burst = float(burst)
        self._clock = clock
        self._sleep = sleep
        self._max_wait = max_wait_seconds
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._filled_at = clock()

    def take(self) -> None:
        """Take one token, waiting for it in turn.

        Raises RateLimitError, at once and without taking one, when the wait would be too long.
        """
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            wait = max(0.0, (1.0 - self._tokens) / self._rate)
            if wait > self._max_wait:
                raise RateLimitError(
                    f"Too many requests wait for {self._name} already. Try again later.",
                    retry_after_seconds=math.ceil(wait),
                )
            # Below zero: tokens that are promised to those who sleep, in the order they came.
            self._tokens -= 1.0
        if wait > 0.0:
            self._sleep(wait)
