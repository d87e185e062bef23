"""The service over tastytrade, from HTTP to HTTP; and that nothing of it can trade."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import NOW, Client, error_of, parse
from tastytrade_fixtures import server
from tastytrade_market import EXPIRIES, IV, STRIKES
from tastytrade_server import REFRESH, SECRET, TastytradeServer

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.providers import tastytrade
from ttai_analysis.providers.tastytrade.provider import TastytradeProvider
from ttai_analysis.settings import Settings, SettingsError, TastytradeSettings
from ttai_analysis.settings import settings_from_environment as read_settings

__all__ = ["server"]

READ_ONLY = re.compile(
    r"/(api-quote-tokens|market-data/by-type|market-metrics|option-chains/[^/]+/nested"
    r"|margin-requirements-public-configuration"
    r"|market-metrics/historic-corporate-events/(dividends|earnings-reports)/[^/]+)"
)
ENVIRONMENT = {"MARKET_DATA": "tastytrade", "TT_SECRET": SECRET, "TT_REFRESH": REFRESH}


@pytest.fixture
def context(server: TastytradeServer) -> Iterator[ServiceContext]:
    account = TastytradeSettings(SECRET, REFRESH, server.url)
    made = ServiceContext(Settings(provider="tastytrade", as_of=NOW, tastytrade=account))
    yield made
    if made.provider_is_built:
        assert isinstance(made.provider, TastytradeProvider)
        made.provider.close()


@pytest.fixture
def service(context: ServiceContext) -> Client:
    return Client(create_app(context))


def test_quotes(server: TastytradeServer, service: Client) -> None:
    symbols = ["AAPL", "NOPE", *(f"BULK{number}" for number in range(150))]
    response = service.post("/quotes", {"symbols": symbols})
    assert response.headers["x-missing-symbols"] == "NOPE"
    quotes = parse(response)
    assert len(quotes) == 151
    apple = quotes["AAPL"]
    assert (apple["price"], apple["bid"], apple["ask"]) == (100.0, 99.99, 100.01)
    assert (apple["source"], apple["session"], apple["stale"]) == ("tastytrade", "regular", False)
    assert server.chunks == [100, 52]


def test_options(service: Client) -> None:
    body = {"symbol": "AAPL", "strategy": "csp", "constraints": {"dteMin": 21, "dteMax": 60}}
    found = service.answer("/analyze/options", body)
    assert found["recommendation"] == "select"
    assert found["bestStrike"] in STRIKES
    assert found["bestExpiration"] in [expiry.isoformat() for expiry in EXPIRIES]
    assert found["iv"] == pytest.approx(IV, abs=0.02), "ours, from the prices"
    assert (found["ivRank"], found["ivPercentile"]) == (0.41, 0.63)
    assert found["openInterest"] == 1200
    assert (found["earningsDate"], found["earningsInsideDte"]) == ("2026-06-30", False)
    assert found["quality"]["source"] == "tastytrade"
    assert not any("rate_assumed" in warning for warning in found["quality"]["warnings"])


def test_market_data_and_chart(service: Client) -> None:
    data = service.answer("/market-data", {"symbol": "AAPL"})
    assert len(data["bars"]) == 252
    assert data["quality"]["stale"] is False
    assert data["lastPrice"] == 100.0
    assert data["dividends"] == [{"exDate": "2026-02-09", "amount": 0.26}]
    chart = service.answer("/analyze/chart", {"symbol": "AAPL"})
    assert chart["quality"]["barsUsed"] > 252


def test_an_unknown_symbol_is_not_found(service: Client) -> None:
    unknown = service.post("/market-data", {"symbol": "NOPE"})
    assert error_of(unknown)["code"] == "SYMBOL_NOT_FOUND"


def test_a_refused_login_is_an_auth_error_each_time(
    server: TastytradeServer, service: Client
) -> None:
    server.refuse_login = True
    for _ in range(3):
        response = service.post("/quotes", {"symbols": ["AAPL"]})
        assert response.status_code == 401
        error = error_of(response)
        assert (error["code"], error["retryable"]) == ("AUTH_ERROR", False)
        assert SECRET not in response.text
        assert REFRESH not in response.text
    assert server.login_count == 1


def test_readyz_tells_the_token_the_stream_and_the_breaker(
    server: TastytradeServer, context: ServiceContext, service: Client
) -> None:
    assert service.get("/readyz").status_code == 503
    provider = context.provider
    server.wait(lambda it: any(m["type"] == "FEED_SETUP" for m in it.stream_log))
    assert provider.knows("AAPL")
    ready = service.get("/readyz")
    assert ready.status_code == 200
    detail = parse(ready)["provider"]["detail"]
    assert detail["tokenValidUntil"].startswith("2026-03-18T15:4")
    assert detail["breaker"] == "closed"
    assert detail["loginRefused"] is None
    assert {"connected", "alive", "subscriptions", "lastError", "greeks"} <= detail["stream"].keys()
    assert SECRET not in ready.text


def test_it_only_reads(server: TastytradeServer, service: Client) -> None:
    """All that it says of the market: what reaches tastytrade is the login and GETs of market data,
    nothing of an account."""
    service.post("/quotes", {"symbols": ["AAPL", "SPY"]})
    for path in ("/market-data", "/analyze/chart", "/analyze/research"):
        service.answer(path, {"symbol": "AAPL"})
    for path in ("/analyze/options", "/analyze/quick"):
        service.answer(path, {"symbol": "SPY", "strategy": "csp"})
        service.answer(path, {"symbol": "AAPL", "strategy": "csp"})
    assert len(server.requests) > 8
    for method, path in server.requests:
        if method == "POST":
            assert path == "/oauth/token"
        else:
            assert method == "GET"
            assert READ_ONLY.fullmatch(path), path


def test_no_word_of_orders_in_its_source() -> None:
    folder = Path(tastytrade.__path__[0])
    sources = {path.name: path.read_text() for path in folder.glob("*.py")}
    assert len(sources) > 10
    for name, source in sources.items():
        assert "/orders" not in source, name
        # What is held there is read, by one file, and nothing else of an account.
        assert "/accounts" not in source or name == "accounts.py", name
        assert not re.search(r"\.(post|put|patch|delete)\(", source), name
    assert [name for name, source in sources.items() if '"POST"' in source] == ["rest.py"]
    assert set(re.findall(r"/accounts\S*", sources["accounts.py"])) == {
        "/accounts`",
        "/accounts/NUMBER/positions`.",
        '/accounts"',
        "/accounts/{url_quote(account_number,",
    }


def test_settings() -> None:
    assert read_settings(ENVIRONMENT).tastytrade == TastytradeSettings(SECRET, REFRESH)
    changed = read_settings({**ENVIRONMENT, "TASTYTRADE_URL": "https://api.cert.tastyworks.com/"})
    assert changed.tastytrade is not None
    assert changed.tastytrade.url == "https://api.cert.tastyworks.com"
    assert SECRET not in repr(changed)
    assert REFRESH not in repr(changed)
    assert read_settings({"TT_SECRET": SECRET}).tastytrade is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"TT_SECRET": ""}, "TT_SECRET must"),
        ({"TT_SECRET": "", "TT_REFRESH": " "}, "TT_SECRET and TT_REFRESH"),
        ({"TASTYTRADE_URL": "api.tastyworks.com"}, "TASTYTRADE_URL"),
        ({"MARKET_DATA_AS_OF": "2026-03-18T15:30:00Z"}, "MARKET_DATA_AS_OF"),
    ],
)
def test_settings_that_are_refused(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_settings({**ENVIRONMENT, **change})
