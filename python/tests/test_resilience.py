"""Cache, single flight, token bucket, breaker: with a clock turned by hand, and with threads."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ttai_analysis.deadline import deadline
from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    SymbolNotFoundError,
)
from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.cache import SingleFlightCache
from ttai_analysis.providers.resilience.rate_limit import TokenBucket
from ttai_analysis.providers.resilience.upstream import Upstream

PATIENCE = 20.0
"""Seconds until a test gives up waiting for an event that must come."""


class HandClock:
    """Stands until it is turned; sleeping on it turns it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def fails(error: Exception) -> Callable[[], str]:
    def work() -> str:
        raise error

    return work


class SlowFetch:
    """A fetch that tells when it began and ends when it is told to."""

    def __init__(self, outcome: Callable[[], str]) -> None:
        self.calls = 0
        self.began, self.may_end = threading.Event(), threading.Event()
        self._outcome = outcome

    def __call__(self) -> str:
        self.calls += 1
        self.began.set()
        assert self.may_end.wait(PATIENCE)
        return self._outcome()


class CountedWaiters(SingleFlightCache):
    """Tells how many threads wait for another's fetch."""

    def __init__(self, waiters: int) -> None:
        super().__init__()
        self._expected = waiters
        self.all_wait = threading.Event()

    def _wait(self, flight: Future[object]) -> object:
        with self._lock:
            self._expected -= 1
            if self._expected == 0:
                self.all_wait.set()
        return super()._wait(flight)


def ask_together(outcome: Callable[[], str], threads: int) -> tuple[int, list[Future[str]]]:
    cache, fetch = CountedWaiters(threads - 1), SlowFetch(outcome)
    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(cache.get, "key", 10.0, fetch) for _ in range(threads)]
        assert fetch.began.wait(PATIENCE)
        assert cache.all_wait.wait(PATIENCE)
        fetch.may_end.set()
    assert cache.get("key", 10.0, lambda: "after") in ("value", "after")
    return fetch.calls, asked


def test_concurrent_askers_share_one_fetch() -> None:
    calls, asked = ask_together(lambda: "value", 8)
    assert calls == 1
    assert [future.result() for future in asked] == ["value"] * 8


def test_a_failure_is_shared_but_not_kept() -> None:
    calls, asked = ask_together(fails(ProviderError("down")), 8)
    assert calls == 1
    assert all(isinstance(future.exception(), ProviderError) for future in asked)
    cache = SingleFlightCache()
    with pytest.raises(ProviderError):
        cache.get("key", 10.0, fails(ProviderError("down")))
    assert cache.get("key", 10.0, lambda: "well again") == "well again"


def test_one_slow_key_does_not_hold_up_another() -> None:
    cache, slow = SingleFlightCache(), SlowFetch(lambda: "slow")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cache.get, "slow", 10.0, slow)
        assert slow.began.wait(PATIENCE)
        assert cache.get("quick", 10.0, lambda: "quick") == "quick"
        slow.may_end.set()
        assert asked.result(PATIENCE) == "slow"


def test_a_value_lives_from_the_start_of_its_fetch() -> None:
    clock = HandClock()
    cache = SingleFlightCache(clock=clock)

    def slow() -> str:
        clock.now += 4.0
        return "first"

    assert cache.get("key", 10.0, slow) == "first"
    clock.now += 5.9
    assert cache.get("key", 10.0, lambda: "second") == "first"
    clock.now += 0.1
    assert cache.get("key", 10.0, lambda: "second") == "second"


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = SingleFlightCache(max_entries=2, clock=HandClock())
    for key in ("a", "b"):
        cache.get(key, 10.0, lambda: "old")
    cache.get("a", 10.0, lambda: "new")
    cache.get("c", 10.0, lambda: "old")
    assert len(cache) == 2
    assert cache.get("a", 10.0, lambda: "new") == "old"
    assert cache.get("b", 10.0, lambda: "new") == "new"


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    clock = HandClock()
    bucket = TokenBucket("Source", 2.0, 3, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        bucket.take()
    assert clock.slept == [0.5, 0.5]
    clock.now += 60.0
    for _ in range(3):
        bucket.take()
    assert clock.slept == [0.5, 0.5]


def test_a_bucket_promises_tokens_in_turn_and_refuses_a_long_wait() -> None:
    clock = HandClock()
    waits: list[float] = []
    bucket = TokenBucket("Source", 1.0, 1, clock=clock, sleep=waits.append, max_wait_seconds=2.0)
    for _ in range(3):
        bucket.take()
    assert waits == [1.0, 2.0]
    with pytest.raises(RateLimitError) as refused:
        bucket.take()
    assert refused.value.retry_after_seconds == 3
    clock.now += 1.0
    bucket.take()
    assert waits == [1.0, 2.0, 2.0]


def test_a_bucket_is_fair_to_threads() -> None:
    clock, threads = HandClock(), 8
    waits: list[float] = []
    bucket = TokenBucket("Source", 1.0, 1, clock=clock, sleep=waits.append, max_wait_seconds=99.0)
    barrier = threading.Barrier(threads)

    def take() -> None:
        barrier.wait(PATIENCE)
        bucket.take()

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(take) for _ in range(threads)]:
            future.result(PATIENCE)
    assert sorted(waits) == [float(second) for second in range(1, threads)]


def open_breaker(clock: HandClock) -> Breaker:
    breaker = Breaker("Source", failures_to_open=3, cool_down_seconds=30.0, clock=clock)
    for _ in range(3):
        with pytest.raises(ProviderError):
            breaker.call(fails(ProviderError("down")))
    return breaker


def test_a_breaker_opens_after_failures_in_a_row_and_says_for_how_long() -> None:
    clock = HandClock()
    breaker = open_breaker(clock)
    clock.now += 10.5
    with pytest.raises(ProviderUnavailableError, match="down") as refused:
        breaker.call(lambda: "never")
    assert refused.value.retry_after_seconds == 20
    assert breaker.detail() == {
        "breaker": "open",
        "consecutiveFailures": 3,
        "retryAfterSeconds": 20,
        "lastSuccessSecondsAgo": None,
        "lastError": "PROVIDER_ERROR",
    }


def test_failures_that_are_not_in_a_row_and_unknown_symbols_do_not_open_it() -> None:
    breaker = Breaker("Source", failures_to_open=2, clock=HandClock())
    for _ in range(5):
        with pytest.raises(ProviderError):
            breaker.call(fails(ProviderError("down")))
        with pytest.raises(SymbolNotFoundError):
            breaker.call(fails(SymbolNotFoundError("none")))
    assert breaker.state == "closed"


def test_a_trial_closes_it_or_doubles_the_wait() -> None:
    clock = HandClock()
    breaker = open_breaker(clock)
    clock.now += 30.0
    assert breaker.detail()["breaker"] == "half_open"
    with pytest.raises(ProviderError):
        breaker.call(fails(ProviderError("down")))
    clock.now += 59.0
    assert breaker.state == "open"
    clock.now += 1.0
    assert breaker.call(lambda: "up") == "up"
    assert breaker.state == "closed"
    assert breaker.detail()["lastSuccessSecondsAgo"] == 0.0


def test_only_one_thread_makes_the_trial() -> None:
    clock = HandClock()
    breaker = open_breaker(clock)
    clock.now += 30.0
    trial = SlowFetch(lambda: "up")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(breaker.call, trial)
        assert trial.began.wait(PATIENCE)
        with pytest.raises(ProviderUnavailableError) as refused:
            breaker.call(lambda: "second")
        assert refused.value.retry_after_seconds == 1
        trial.may_end.set()
        assert asked.result(PATIENCE) == "up"
    assert breaker.call(lambda: "third") == "third"


def test_what_began_before_it_opened_does_not_close_it() -> None:
    breaker = Breaker("Source", failures_to_open=1, clock=HandClock())
    early = SlowFetch(lambda: "late answer")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(breaker.call, early)
        assert early.began.wait(PATIENCE)
        with pytest.raises(ProviderError):
            breaker.call(fails(ProviderError("down")))
        early.may_end.set()
        assert asked.result(PATIENCE) == "late answer"
    assert breaker.state == "open"


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RateLimitError("no", retry_after_seconds=120), 120),
        (RateLimitError("no"), 30),
        (AuthError("no"), 900),
    ],
    ids=["429 with a time", "429", "401"],
)
def test_a_refusal_opens_it_at_once(error: Exception, seconds: int) -> None:
    breaker = Breaker("Source", clock=HandClock())
    with pytest.raises(type(error)):
        breaker.call(fails(error))
    with pytest.raises(ProviderUnavailableError) as refused:
        breaker.call(lambda: "never")
    assert refused.value.retry_after_seconds == seconds


def test_an_upstream_spends_no_token_on_what_is_kept_or_refused() -> None:
    clock = HandClock()
    breaker = Breaker("Source", failures_to_open=1, clock=clock)
    upstream = Upstream(
        "Source", requests_per_second=1.0, burst=2, breaker=breaker, clock=clock, sleep=clock.sleep
    )
    for _ in range(5):
        assert upstream.get("key", 10.0, lambda: "value") == "value"
    with pytest.raises(ProviderError):
        upstream.get("other", 10.0, fails(ProviderError("down")))
    for _ in range(5):
        with pytest.raises(ProviderUnavailableError):
            upstream.get("other", 10.0, lambda: "never")
    assert upstream.get("key", 10.0, lambda: "never") == "value"
    assert clock.slept == []
    assert upstream.detail()["breaker"] == "open"
    assert upstream.detail()["cached"] == 1


def test_our_own_limit_does_not_open_the_breaker() -> None:
    clock = HandClock()
    breaker = Breaker("Source", clock=clock)
    upstream = Upstream(
        "Source", requests_per_second=0.1, burst=1, breaker=breaker, clock=clock, sleep=clock.sleep
    )
    upstream.get("first", 1.0, lambda: "value")
    with pytest.raises(RateLimitError):
        upstream.get("second", 1.0, lambda: "never")
    assert breaker.state == "closed"


def test_who_waits_for_anothers_fetch_waits_no_longer_than_it_may() -> None:
    fetch, cache = SlowFetch(lambda: "value"), SingleFlightCache()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(cache.get, "key", 1.0, fetch)
        assert fetch.began.wait(PATIENCE)
        with deadline(0.01), pytest.raises(ProviderTimeoutError, match="another request"):
            cache.get("key", 1.0, fetch)
        fetch.may_end.set()
        assert first.result(PATIENCE) == "value"


def test_impatient_callers_do_not_open_the_breaker() -> None:
    clock = HandClock()
    upstream = Upstream(
        "source",
        requests_per_second=100.0,
        burst=100,
        breaker=Breaker("source", clock=clock),
        clock=clock,
        sleep=clock.sleep,
    )
    asked: list[str] = []
    for number in range(20):
        with deadline(0.0), pytest.raises(ProviderTimeoutError, match="deadline"):
            upstream.get(number, 1.0, lambda: asked.append("in vain"))
    assert asked == []
    assert upstream.detail()["consecutiveFailures"] == 0
    assert upstream.get("key", 1.0, lambda: "value") == "value"


def test_what_is_too_old_does_not_stay_until_the_cache_is_full() -> None:
    clock = HandClock()
    cache = SingleFlightCache(clock=clock)
    for number in range(100):
        cache.get(number, 30.0, lambda: "a large chain")
    cache.get("day", 86_400.0, lambda: "a fact")
    clock.now += 60.0
    cache.get("new", 30.0, lambda: "a chain")
    assert len(cache) == 2
