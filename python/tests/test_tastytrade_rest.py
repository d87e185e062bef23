"""The REST side over a real socket: logins, tokens, backoff, and answers that are no answers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from helpers import NOW
from starlette.responses import JSONResponse, Response, StreamingResponse
from tastytrade_fixtures import Connect, connect, server, with_timing
from tastytrade_server import TastytradeServer, envelope, web_page

from ttai_analysis.deadline import deadline
from ttai_analysis.errors import (
    AuthError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)

__all__ = ["connect", "server"]

METRICS, ROWS, LOGIN = "/market-metrics", "/market-data/by-type", "/oauth/token"


class Seconds:
    """A steady clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def logged_in(server: TastytradeServer) -> None:
    server.wait(lambda it: ("GET", "/api-quote-tokens") in it.requests)


def paths(server: TastytradeServer, path: str) -> int:
    return sum(asked == path for _, asked in server.requests)


def test_many_threads_share_one_login(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    start = threading.Barrier(8)

    def ask(number: int) -> bool:
        start.wait()
        return provider.knows(f"BULK{number}")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    assert server.login_count == 1


def test_a_token_is_renewed_in_its_last_minute(server: TastytradeServer, connect: Connect) -> None:
    seconds = Seconds()
    provider = connect(seconds=seconds)
    assert provider.knows("AAPL")
    seconds.now = 839.0
    assert provider.knows("SPY")
    assert server.login_count == 1
    seconds.now = 841.0
    assert provider.knows("BULK1")
    assert server.login_count == 2


def test_a_refused_login_is_not_repeated_for_an_hour(
    server: TastytradeServer, connect: Connect
) -> None:
    server.refuse_login = True
    seconds = Seconds()
    provider = connect(seconds=seconds, timing=with_timing(backoff_after_refusal=0.001))
    for _ in range(5):
        with pytest.raises(AuthError, match=r"TT_SECRET and TT_REFRESH") as caught:
            provider.quote("AAPL", NOW)
        assert caught.value.code == "AUTH_ERROR"
    assert server.login_count == 1
    state = provider.state(NOW)
    assert not state.ready
    assert "TT_SECRET" in str(state.detail["loginRefused"])
    server.refuse_login = False
    seconds.now = 3601.0
    assert provider.knows("AAPL")
    assert server.login_count == 2


def test_a_token_that_is_withdrawn_is_replaced_once(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    logged_in(server)
    server.withdrawn = {"access-1"}
    assert provider.knows("AAPL")
    assert server.login_count == 2
    server.withdrawn |= {"access-2", "access-3"}
    with pytest.raises(AuthError):
        provider.knows("SPY")
    assert server.login_count == 3


def test_429_backs_off_with_jitter_and_then_succeeds(
    server: TastytradeServer, connect: Connect
) -> None:
    pauses: list[float] = []
    provider = connect(pauses=pauses)
    logged_in(server)
    server.answers[ROWS] = [envelope(429, "too_many"), envelope(429, "too_many")]
    assert provider.knows("AAPL")
    assert paths(server, ROWS) == 3
    first, second = pauses
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5


def test_429_that_lasts_is_a_rate_limit_and_opens_the_breaker(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    logged_in(server)
    server.answers[ROWS] = [envelope(429, "too_many") for _ in range(3)]
    with pytest.raises(RateLimitError) as caught:
        provider.knows("AAPL")
    assert caught.value.retry_after_seconds == 60
    with pytest.raises(ProviderUnavailableError):
        provider.knows("AAPL")
    assert paths(server, ROWS) == 3
    assert provider.state(NOW).detail["breaker"] == "open"


@pytest.mark.parametrize(
    ("answer", "kind", "requests"),
    [
        (envelope(503, "down"), ProviderUnavailableError, 3),
        (web_page(), ProviderError, 1),
        (JSONResponse([1]), ProviderError, 1),
        (JSONResponse({"context": "/"}), ProviderError, 1),
        (envelope(403, "not_permitted"), AuthError, 1),
    ],
)
def test_answers_that_are_none(
    server: TastytradeServer,
    connect: Connect,
    answer: Response,
    kind: type[ServiceError],
    requests: int,
) -> None:
    provider = connect()
    logged_in(server)
    server.answers[ROWS] = [answer] * 3
    with pytest.raises(kind):
        provider.knows("AAPL")
    assert paths(server, ROWS) == requests


def test_headers_name_the_product_and_the_version_of_the_interface(
    server: TastytradeServer, connect: Connect
) -> None:
    connect().knows("AAPL")
    for headers in server.headers:
        product, _, version = headers["user-agent"].partition("/")
        assert product == "ttai-analysis"
        assert version
        assert headers["accept-version"] == "20251101"
    assert "authorization" not in server.headers[0]


def test_a_hundred_symbols_at_most_go_into_one_request(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    symbols = [f"BULK{number}" for number in range(250)]
    assert list(provider.quotes([*symbols, "NOPE", "SPX"], NOW)) == symbols
    assert server.chunks == [100, 100, 52]
    assert all(provider.knows(symbol) for symbol in symbols)
    assert not provider.knows("NOPE")
    assert server.chunks == [100, 100, 52]


def test_a_slash_in_a_symbol_is_escaped_in_paths(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    assert provider.chain("BULK/B", NOW) is None
    assert ("GET", "/option-chains/BULK%2FB/nested") in server.requests


def test_unknown_symbols_are_not_found(connect: Connect) -> None:
    provider = connect()
    for ask in (provider.quote, provider.chain, provider.earnings, provider.metrics):
        with pytest.raises(SymbolNotFoundError):
            ask("NOPE", NOW)


def test_a_fund_has_no_report_to_come_and_a_lost_history_leaves_it_unknown(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    server.answers["/market-metrics/historic-corporate-events/earnings-reports/SPY"] = [web_page()]
    assert not provider.earnings("SPY", NOW).known
    assert provider.earnings("SPY", NOW).known
    assert provider.earnings("SPY", NOW).day is None


def test_without_a_rate_there_is_none(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    server.answers["/margin-requirements-public-configuration"] = [web_page()]
    assert provider.risk_free_rate(NOW) is None
    assert provider.risk_free_rate(NOW) == 0.04


def test_impatient_callers_do_not_open_the_breaker(
    server: TastytradeServer, connect: Connect
) -> None:
    """A fetch belongs to all who wait for it, and is not cut short by who asked first."""
    provider = connect()
    logged_in(server)
    for number in range(10):
        with suppress(ProviderTimeoutError), deadline(0.001):
            provider.knows(f"BULK{number}")
    assert provider.state(NOW).detail["consecutiveFailures"] == 0


def test_what_does_not_exist_is_not_subscribed_to(
    server: TastytradeServer, connect: Connect
) -> None:
    provider = connect()
    with pytest.raises(SymbolNotFoundError):
        provider.quote("NOSUCH", NOW)
    stream = provider.state(NOW).detail["stream"]
    assert isinstance(stream, dict)
    assert stream["subscriptions"] == 0


def test_a_provider_that_is_closed_says_so(server: TastytradeServer, connect: Connect) -> None:
    provider = connect()
    provider.close()
    with pytest.raises(ProviderUnavailableError, match="ending"):
        provider.knows("AAPL")


def test_an_answer_without_end_is_not_read_to_it(
    server: TastytradeServer, connect: Connect
) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b" " * 1_048_576

    server.answers[ROWS] = [StreamingResponse(endless(), media_type="application/json")]
    with pytest.raises(ProviderError, match="more than"):
        connect().knows("AAPL")
    assert sent < 100


def test_an_answer_without_bottom_is_no_fault_of_ours(
    server: TastytradeServer, connect: Connect
) -> None:
    deep = Response(b'{"data":' + b"[" * 100_000, media_type="application/json")
    server.answers[ROWS] = [deep]
    with pytest.raises(ProviderError):
        connect().knows("AAPL")
