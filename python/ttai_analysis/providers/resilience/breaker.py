"""A circuit breaker: who fails again and again is left alone for a while, then tried once.

For: not piling requests (and logins) on a source that is down or refuses us. Not for: retries;
callers are told how long to wait. Errors about one request (an unknown symbol) are no failures.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Literal, TypeVar

from ttai_analysis.errors import (
    AuthError,
    InsufficientDataError,
    InvalidRequestError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

FAILURES_TO_OPEN = 5
COOL_DOWN_SECONDS = 30.0
MAX_COOL_DOWN_SECONDS = 900.0
NO_FAILURES = (InsufficientDataError, InvalidRequestError, SymbolNotFoundError)
OPENS_AT_ONCE = (AuthError, RateLimitError)
"""The source said no to us: asking on makes it worse (blocked addresses, locked accounts)."""


class Breaker:
    """Closed; open for a cool-down that doubles while trials fail; half open for one trial."""

    def __init__(
        self,
        name: str,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        max_cool_down_seconds: float = MAX_COOL_DOWN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._failures_to_open = failures_to_open
        self._first_cool_down = cool_down_seconds
        self._max_cool_down = max_cool_down_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._cool_down = cool_down_seconds
        self._open_until: float | None = None
        self._on_trial = False
        self._last_success: float | None = None
        self._last_failure: ServiceError | None = None

    def call(self, work: Callable[[], T]) -> T:
        """What `work` gives, or raises. Raises ProviderUnavailableError while open."""
        on_trial = self._admit()
        try:
            value = work()
        except NO_FAILURES:
            self._succeeded(on_trial)
            raise
        except BaseException as error:
            self._failed(error, on_trial)
            raise
        self._succeeded(on_trial)
        return value

    def refuse_if_open(self) -> None:
        """Raises ProviderUnavailableError when `call` would; changes nothing."""
        with self._lock:
            self._refuse_if_open()

    def detail(self) -> dict[str, object]:
        """For /readyz: the state, how long it stays so, the last success and the last failure."""
        with self._lock:
            now = self._clock()
            failure = self._last_failure
            return {
                "breaker": self._state(now),
                "consecutiveFailures": self._failures,
                "retryAfterSeconds": self._seconds_left(now),
                "lastSuccessSecondsAgo": None
                if self._last_success is None
                else round(now - self._last_success, 3),
                "lastError": failure.code if failure else None,
            }

    @property
    def state(self) -> str:
        """At this moment: closed, open or half_open."""
        with self._lock:
            return self._state(self._clock())

    def _state(self, now: float) -> State:
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def _seconds_left(self, now: float) -> int | None:
        if self._open_until is None:
            return None
        return max(1, math.ceil(self._open_until - now))

    def _refuse_if_open(self) -> None:
        now = self._clock()
        state = self._state(now)
        if state == "closed" or (state == "half_open" and not self._on_trial):
            return
        cause = f" {self._last_failure.message}" if self._last_failure else ""
        raise ProviderUnavailableError(
            f"{self.name} is left alone for a while because it failed.{cause}",
            retry_after_seconds=self._seconds_left(now),
        )

    def _admit(self) -> bool:
        """Whether this call is the trial of a breaker that was open."""
        with self._lock:
            self._refuse_if_open()
            self._on_trial = self._open_until is not None
            return self._on_trial

    def _succeeded(self, on_trial: bool) -> None:
        with self._lock:
            self._last_success = self._clock()
            if self._open_until is not None and not on_trial:
                return  # it began before the breaker opened: no news
            self._failures = 0
            self._cool_down = self._first_cool_down
            self._open_until = None
            self._on_trial = False

    def _failed(self, error: BaseException, on_trial: bool) -> None:
        with self._lock:
            if self._open_until is not None and not on_trial:
                return
            self._failures += 1
            self._last_failure = error if isinstance(error, ServiceError) else None
            self._on_trial = False
            at_once = on_trial or isinstance(error, OPENS_AT_ONCE)
            if not at_once and self._failures < self._failures_to_open:
                return
            if isinstance(error, AuthError):
                self._cool_down = self._max_cool_down
            told = error.retry_after_seconds if isinstance(error, ServiceError) else None
            self._open_until = self._clock() + max(self._cool_down, float(told or 0))
            self._cool_down = min(self._max_cool_down, 2.0 * self._cool_down)
