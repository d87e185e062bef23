"""The transport through yfinance and curl_cffi as they are, against a local Yahoo."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import Client, client_for, error_of
from yahoo_bodies import (
    IN_SESSION,
    chart_body,
    fair_contracts,
    not_found,
    options_body,
    quote_row,
    quotes_body,
    sessions_until,
)
from yahoo_server import (
    CONSENT,
    COOKIES,
    CRUMB,
    DATA,
    DOWN_PAGE,
    GOOD_CRUMB,
    MEBIBYTE,
    Answer,
    YahooServer,
    gives,
    hangs_up_midway,
    is_silent,
    local_yahoo,
    never_ends,
    resets,
    says,
    session_to,
    stops_midway,
)

from ttai_analysis.errors import (
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceError,
    SymbolNotFoundError,
)
from ttai_analysis.providers.yahoo import transport as transport_file
from ttai_analysis.providers.yahoo.parse_chart import parse_chart
from ttai_analysis.providers.yahoo.provider import YahooProvider
from ttai_analysis.providers.yahoo.transport import YFinanceTransport
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import ordinal_of

CHART = f"{DATA}/v8/finance/chart/AAPL"
PATIENCE_SECONDS = 0.4


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[YahooServer]:
    """A local Yahoo and a yfinance that remembers nothing."""
    from yfinance import cache, data

    monkeypatch.setattr(data.SingletonMeta, "_instances", {})
    monkeypatch.setattr(cache._CookieCacheManager, "_Cookie_cache", cache._CookieCacheDummy())
    monkeypatch.setattr(transport_file, "TIMEOUT_SECONDS", 20.0)
    with local_yahoo() as server:
        yield server


@pytest.fixture
def transport(yahoo: YahooServer) -> YFinanceTransport:
    return YFinanceTransport(session_to(yahoo))


def test_each_request_goes_where_it_should_with_the_crumb(
    yahoo: YahooServer, transport: YFinanceTransport
) -> None:
    yahoo.answers[DATA] = gives({"whole": True})
    assert transport.chart("AAPL", "1d", 1, 2) == {"whole": True}
    transport.options("AAPL", None)
    transport.options("AAPL", 86_400)
    transport.quotes(["AAPL", "BRK-B"])
    transport.summary("AAPL")
    transport.news("AAPL")
    asked = yahoo.asked(DATA)
    assert [path.partition("?")[0].removeprefix(DATA) for path in asked] == [
        "/v8/finance/chart/AAPL",
        "/v7/finance/options/AAPL",
        "/v7/finance/options/AAPL",
        "/v7/finance/quote",
        "/v10/finance/quoteSummary/AAPL",
        "/v1/finance/search",
    ]
    assert all(f"crumb={GOOD_CRUMB}" in path for path in asked)
    assert "period1=1&period2=2" in asked[0]
    assert "includePrePost=false" in asked[0]
    assert "date=86400" in asked[2]
    assert "AAPL%2CBRK-B" in asked[3]
    assert len(yahoo.asked(CRUMB)) == 1
    assert len(yahoo.asked(COOKIES)) >= 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(429, b"Too Many Requests\r\n", "text/plain"), RateLimitError),
        (says(200, b"Edge: Too Many Requests", "text/plain"), RateLimitError),
        (says(200, DOWN_PAGE, "text/html"), ProviderUnavailableError),
        (says(200, b"<html><body>Welcome</body></html>"), ProviderUnavailableError),
        (says(500, b'{"chart": {}}'), ProviderUnavailableError),
        (says(401, b'{"finance": {"error": {"code": "Unauthorized"}}}'), ProviderUnavailableError),
        (says(200, b'{"chart": {"result": ['), ProviderError),
        (says(200, b"[1, 2]"), ProviderError),
        (says(200, b"\xff\xfe\x00", "image/png"), ProviderError),
        (says(200, b""), ProviderError),
        (hangs_up_midway, ProviderUnavailableError),
        (resets, ProviderUnavailableError),
    ],
    ids=[
        "429",
        "refused in words",
        "down",
        "web page",
        "500",
        "no crumb",
        "half JSON",
        "a list",
        "no text",
        "nothing",
        "hangs up midway",
        "reset",
    ],
)
def test_misbehaviour_is_a_typed_error(
    yahoo: YahooServer, transport: YFinanceTransport, answer: Answer, error: type[ServiceError]
) -> None:
    yahoo.answers[DATA] = answer
    with pytest.raises(error) as raised:
        transport.chart("AAPL", "1d", 1, 2)
    assert type(raised.value) is error
    assert raised.value.retryable
    yahoo.answers[DATA] = gives({"well": "again"})
    assert transport.chart("AAPL", "1d", 1, 2) == {"well": "again"}


def test_an_answer_that_never_ends_is_cut_off(
    yahoo: YahooServer, transport: YFinanceTransport
) -> None:
    sent: list[int] = []
    yahoo.answers[DATA] = never_ends(sent)
    with pytest.raises(ProviderUnavailableError):
        transport.chart("AAPL", "1d", 1, 2)
    assert sum(sent) < 100 * MEBIBYTE
    yahoo.answers[DATA] = gives({"well": "again"})
    assert transport.chart("AAPL", "1d", 1, 2) == {"well": "again"}


@pytest.mark.parametrize("answer", [is_silent, stops_midway], ids=["silence", "stops midway"])
def test_silence_is_a_timeout(
    yahoo: YahooServer,
    transport: YFinanceTransport,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yahoo.answers[DATA] = gives({})
    transport.chart("AAPL", "1d", 1, 2)
    yahoo.answers[DATA] = answer
    monkeypatch.setattr(transport_file, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    with pytest.raises(ProviderTimeoutError):
        transport.chart("AAPL", "1d", 1, 2)


def test_silence_of_the_cookies_host_is_bounded_too(
    yahoo: YahooServer, transport: YFinanceTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """yfinance gives these 30 s each; bars need neither cookie nor crumb."""
    yahoo.answers |= {COOKIES: is_silent, CONSENT: is_silent, DATA: gives({"bars": True})}
    monkeypatch.setattr(transport_file, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    assert transport.chart("AAPL", "1d", 1, 2) == {"bars": True}


def test_a_wrong_content_type_does_not_matter(
    yahoo: YahooServer, transport: YFinanceTransport
) -> None:
    yahoo.answers[DATA] = says(200, b'{"whole": true}', "text/html")
    assert transport.chart("AAPL", "1d", 1, 2) == {"whole": True}


def test_an_unknown_symbol_is_an_answer(yahoo: YahooServer, transport: YFinanceTransport) -> None:
    import json

    yahoo.answers[DATA] = says(404, json.dumps(not_found("XXXX")).encode())
    with pytest.raises(SymbolNotFoundError):
        parse_chart("XXXX", "1d", transport.chart("XXXX", "1d", 1, 2))


@pytest.mark.parametrize("status", [429, 200])
def test_a_refusal_is_never_sent_as_a_crumb(
    yahoo: YahooServer, transport: YFinanceTransport, status: int
) -> None:
    yahoo.answers |= {
        CRUMB: says(status, b"Edge: Too Many Requests", "text/plain"),
        DATA: gives({"bars": True}),
    }
    for _ in range(3):
        assert transport.chart("AAPL", "1d", 1, 2) == {"bars": True}
    assert not [path for path in yahoo.asked(DATA) if "crumb" in path]
    yahoo.answers[CRUMB] = says(200, GOOD_CRUMB.encode(), "text/plain")
    transport.chart("AAPL", "1d", 1, 2)
    assert f"crumb={GOOD_CRUMB}" in yahoo.asked(DATA)[-1]


def test_the_time_to_wait_is_the_one_told() -> None:
    with pytest.raises(RateLimitError) as told:
        transport_file.read_body(429, b"", "120")
    assert told.value.retry_after_seconds == 120
    with pytest.raises(RateLimitError) as untold:
        transport_file.read_body(429, b"", "Wed, 21 Oct 2015 07:28:00 GMT")
    assert untold.value.retry_after_seconds == transport_file.REFUSED_SECONDS


def service(transport: YFinanceTransport, monkeypatch: pytest.MonkeyPatch) -> Client:
    provider = YahooProvider(transport, lambda: IN_SESSION)
    monkeypatch.setattr(
        "ttai_analysis.providers.factory.create_provider", lambda *_, **__: provider
    )
    return client_for(Settings(provider="yahoo", as_of=IN_SESSION))


def test_from_the_wire_to_an_answer(
    yahoo: YahooServer, transport: YFinanceTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = ordinal_of(IN_SESSION.date()) + 46
    closes = [100.0 + index % 5 for index in range(120)]
    yahoo.answers |= {
        CHART: gives(chart_body(sessions_until(IN_SESSION, 120), closes)),
        f"{DATA}/v7/finance/quote": gives(quotes_body(quote_row())),
        f"{DATA}/v7/finance/options/AAPL": gives(options_body(fair_contracts(day, 46), [day])),
        f"{DATA}/v10/finance/quoteSummary/AAPL": gives({"quoteSummary": {"result": [{}]}}),
    }
    client = service(transport, monkeypatch)
    data = client.answer("/market-data", {"symbol": "AAPL"})
    assert (len(data["bars"]), data["lastPrice"], data["quality"]["source"]) == (
        120,
        100.0,
        "yahoo",
    )
    body = {"symbol": "AAPL", "constraints": {"allowEarnings": True}}
    assert client.answer("/analyze/options", body)["recommendation"] == "select"


def test_when_yahoo_is_gone_the_answer_says_so_and_when_to_come_back(
    yahoo: YahooServer, transport: YFinanceTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    yahoo.answers[DATA] = resets
    client = service(transport, monkeypatch)
    for _ in range(5):
        error = error_of(client.post("/quotes", {"symbols": ["AAPL"]}))
        assert error["code"] == "PROVIDER_UNAVAILABLE"
        assert "retryAfterSeconds" not in error
    asked = len(yahoo.requests)
    error = error_of(client.post("/quotes", {"symbols": ["AAPL"]}))
    assert (error["code"], error["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert 1 <= error["retryAfterSeconds"] <= 30
    assert len(yahoo.requests) == asked
