"""The yahoo provider over given bodies: what is fetched, what is kept, what a moment may know."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from helpers import Client, error_of, parse
from yahoo_bodies import (
    DAY,
    IN_SESSION,
    LAST_CLOSE,
    PRE_MARKET,
    GivenTransport,
    chart_body,
    fair_contracts,
    options_body,
    quote_row,
    recorded,
    sessions_until,
)

from ttai_analysis.app import create_app
from ttai_analysis.context import ServiceContext
from ttai_analysis.errors import (
    ProviderUnavailableError,
    RateLimitError,
    SymbolNotFoundError,
)
from ttai_analysis.providers.resilience.breaker import Breaker
from ttai_analysis.providers.resilience.upstream import Upstream
from ttai_analysis.providers.snapshot import snapshot
from ttai_analysis.providers.yahoo.provider import YahooProvider
from ttai_analysis.settings import Settings
from ttai_analysis.timestamps import Clock, date_from_ordinal, ordinal_of, pinned_clock

STRATEGIES = ("csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor")
ANYTHING_GOES = {
    "minDelta": 0.0,
    "maxDelta": 1.0,
    "dteMin": 0,
    "dteMax": 365,
    "minBid": 0.0,
    "minOpenInterest": 0,
    "maxSpreadPct": 1000.0,
    "allowEarnings": True,
}


class Turned:
    """Two clocks turned by hand: the time of day and seconds that only grow."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def provider_of(transport: GivenTransport, clock: Turned) -> YahooProvider:
    upstream = Upstream(
        "Yahoo",
        requests_per_second=2.0,
        burst=40,
        breaker=Breaker("Yahoo", clock=clock.seconds),
        clock=clock.seconds,
        sleep=clock.turn,
    )
    return YahooProvider(transport, clock, upstream)


def market(moment: datetime = IN_SESSION) -> tuple[GivenTransport, Turned, YahooProvider]:
    transport, clock = GivenTransport(), Turned(moment)
    transport.rows["AAPL"] = quote_row()
    opens = sessions_until(moment, 120)
    transport.charts["AAPL"] = chart_body(opens, [100.0 + index % 5 for index in range(120)])
    day = ordinal_of(moment.date()) + 46
    transport.chains["AAPL"] = options_body(fair_contracts(day, 46), [day])
    return transport, clock, provider_of(transport, clock)


def client_of(provider: YahooProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(
        "ttai_analysis.providers.factory.create_provider", lambda *_, **__: provider
    )
    return Client(create_app(ServiceContext(Settings(provider="yahoo"), clock)))


def test_quotes_are_kept_for_half_a_minute() -> None:
    transport, clock, provider = market()
    for _ in range(3):
        assert provider.knows("AAPL")
        assert provider.quote("AAPL", clock()) is not None
        assert provider.earnings("AAPL", clock()).known
    assert transport.asked == {("quotes", "AAPL"): 1}
    clock.turn(30.0)
    provider.quote("AAPL", clock())
    assert transport.asked == {("quotes", "AAPL"): 2}


def test_many_quotes_are_one_request_and_unknown_symbols_are_absent() -> None:
    transport, clock, provider = market()
    transport.rows["BRK-B"] = quote_row("BRK-B")
    transport.rows["SAP"] = quote_row("SAP", currency="EUR")
    found = provider.quotes(["AAPL", "BRK.B", "NONE", "SAP"], clock())
    assert list(found) == ["AAPL", "BRK.B"]
    assert found["BRK.B"].symbol == "BRK.B"
    assert transport.asked == {("quotes", "AAPL", "BRK-B", "NONE", "SAP"): 1}
    assert provider.quote("BRK.B", clock()) is not None
    assert not provider.knows("NONE")
    assert not provider.knows("SAP")
    assert len(transport.asked) == 1
    many = [f"S{index}" for index in range(250)]
    provider.quotes([*many, "AAPL"], clock())
    assert [len(key) - 1 for key in transport.asked] == [4, 100, 100, 50]


def test_the_service_asks_for_many_quotes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, clock, provider = market()
    client = client_of(provider, clock, monkeypatch)
    response = client.post("/quotes", {"symbols": ["AAPL", "NONE"]})
    assert list(parse(response)) == ["AAPL"]
    assert response.headers["x-missing-symbols"] == "NONE"
    assert transport.asked == {("quotes", "AAPL", "NONE"): 1}


def test_unknown_symbols_are_not_found_everywhere() -> None:
    _, clock, provider = market()
    for call in (
        lambda: provider.quote("NONE", clock()),
        lambda: provider.chain("NONE", clock()),
        lambda: provider.earnings("NONE", clock()),
        lambda: provider.metrics("NONE", clock()),
        lambda: provider.bars("NONE", "daily", "1y", clock(), adjusted=True),
    ):
        with pytest.raises(SymbolNotFoundError):
            call()


def test_a_chain_is_of_the_expiries_that_matter() -> None:
    transport, clock, provider = market()
    today = ordinal_of(clock().date())
    days = [today + ahead for ahead in (4, 25, 46, 200)]
    transport.chains["AAPL"] = options_body(fair_contracts(days[0], 4), days)
    chain = provider.chain("AAPL", clock())
    assert chain is not None
    assert sorted(set(chain.expiry.tolist())) == days[:3]
    assert chain.warnings == ("expiries_not_fetched:1",)
    asked = [key[2] for key in transport.asked if key[0] == "options"]
    assert asked == [None, days[1] * DAY, days[2] * DAY]
    assert not chain.complete
    far = provider.chain("AAPL", clock(), held=[date_from_ordinal(days[3])])
    assert far is not None
    assert sorted(set(far.expiry.tolist())) == days
    assert far.complete
    # What was fetched is kept.
    assert len([key for key in transport.asked if key[0] == "options"]) == 4


def test_a_position_has_a_price_however_far_off_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, clock, provider = market()
    today = ordinal_of(clock().date())
    days = [today + ahead for ahead in (4, 25, 46, 200)]
    transport.chains["AAPL"] = options_body(fair_contracts(days[0], 4), days)
    client = client_of(provider, clock, monkeypatch)
    leg = {"kind": "option", "right": "put", "quantity": -1, "openPrice": 1.0}
    legs = [
        leg | {"strike": 100.0, "expiration": date_from_ordinal(day).isoformat()} for day in days
    ]
    positions = [{"id": str(n), "symbol": "AAPL", "legs": [one]} for n, one in enumerate(legs)]
    found = client.answer("/positions/evaluate", {"positions": positions})
    assert [row["legs"][0]["valuation"] for row in found["positions"]] == ["quoted"] * 4


def test_the_past_has_bars_but_no_market() -> None:
    transport, clock, provider = market()
    transport.articles["AAPL"] = {
        "news": [
            {
                "uuid": str(at),
                "title": "Title",
                "providerPublishTime": at,
                "relatedTickers": ["AAPL"],
            }
            for at in (LAST_CLOSE - 9 * DAY, LAST_CLOSE - DAY)
        ]
    }
    past = clock() - timedelta(days=7)
    assert provider.quote("AAPL", past) is None
    assert provider.quotes(["AAPL"], past) == {}
    assert provider.chain("AAPL", past) is None
    assert not provider.earnings("AAPL", past).known
    assert provider.metrics("AAPL", past).market_cap is None
    assert provider.risk_free_rate(past) is None
    assert [item.id for item in provider.news("AAPL", past, 30)] == [str(LAST_CLOSE - 9 * DAY)]
    bars = provider.bars("AAPL", "daily", "1y", past, adjusted=True)
    assert bars.as_of == datetime(2025, 2, 14, 21, 0, tzinfo=UTC)
    assert transport.spans[0][1] > clock().timestamp()


def test_a_request_that_had_to_wait_is_for_the_present() -> None:
    _, clock, provider = market()
    as_of = clock()
    clock.turn(20.0)
    assert provider.quote("AAPL", as_of) is not None
    clock.turn(11.0)
    assert provider.quote("AAPL", as_of) is None


def test_history_is_kept_until_a_session_ends() -> None:
    transport, clock, provider = market(datetime(2025, 2, 24, 20, 59, tzinfo=UTC))
    key = ("chart", "AAPL", "1d")
    for period in ("3mo", "1y", "2y"):
        provider.bars("AAPL", "daily", period, clock(), adjusted=True)
        provider.bars("AAPL", "weekly", period, clock(), adjusted=True)
    assert transport.asked[key] == 1
    clock.turn(61.0)
    provider.bars("AAPL", "daily", "1y", clock(), adjusted=True)
    assert transport.asked[key] == 2
    clock.turn(900.0)
    provider.bars("AAPL", "daily", "1y", clock(), adjusted=True)
    assert transport.asked[key] == 3
    clock.turn(3_000.0)
    provider.bars("AAPL", "daily", "1y", clock(), adjusted=True)
    assert transport.asked[key] == 3
    provider.bars("AAPL", "daily", "5y", clock(), adjusted=True)
    assert transport.asked[key] == 4


def test_intraday_history_reaches_back_two_months() -> None:
    transport, clock, provider = market()
    opens = sessions_until(clock(), 2)
    times = [opens[0] + 300 * index for index in range(10)]
    transport.charts["AAPL"] = chart_body(times, [100.0] * 10, interval="5m")
    bars = provider.bars("AAPL", "intraday", "1y", clock(), adjusted=True)
    assert len(bars) == 10
    assert bars.warnings == ("period_clamped",)
    assert transport.spans[0][0] >= clock().timestamp() - 60 * DAY
    assert provider.bars("AAPL", "intraday", "5d", clock(), adjusted=True).warnings == ()


def test_the_rate_is_that_of_bills_or_unknown() -> None:
    transport, clock, provider = market()
    assert provider.risk_free_rate(clock()) is None
    clock.turn(DAY)
    transport.rows["^IRX"] = quote_row(
        "^IRX", regularMarketPrice=4.2, exchangeTimezoneName="America/Chicago"
    )
    assert provider.risk_free_rate(clock()) == pytest.approx(0.04114, abs=1e-5)
    clock.turn(DAY)
    transport.failure = ProviderUnavailableError("down")
    assert provider.risk_free_rate(clock()) is None


def test_a_refusal_is_not_repeated_and_readyz_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, clock, provider = market()
    client = client_of(provider, clock, monkeypatch)
    loading = client.get("/readyz")
    assert (loading.status_code, parse(loading)["status"]) == (503, "starting")
    assert client.post("/quotes", {"symbols": ["AAPL"]}).status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert parse(ready)["provider"]["detail"]["breaker"] == "closed"

    transport.failure = RateLimitError("Too many.", retry_after_seconds=60)
    clock.turn(30.0)
    body = {"symbols": ["AAPL"]}
    refused = client.post("/quotes", body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert error_of(refused)["code"] == "RATE_LIMIT"
    asked = transport.asked.total()
    later = client.post("/quotes", body)
    assert (later.status_code, later.headers["retry-after"]) == (503, "60")
    assert error_of(later)["code"] == "PROVIDER_UNAVAILABLE"
    assert transport.asked.total() == asked
    unready = parse(client.get("/readyz"))
    assert unready["status"] == "unavailable"
    detail = unready["provider"]["detail"]
    assert (detail["breaker"], detail["lastSuccessSecondsAgo"]) == ("open", 30.0)
    assert detail["lastError"] == "RATE_LIMIT"

    transport.failure = None
    clock.turn(60.0)
    assert client.post("/quotes", body).status_code == 200
    assert parse(client.get("/readyz"))["provider"]["detail"]["breaker"] == "closed"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_live_chain_is_selected_from(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, clock, provider = market()
    client = client_of(provider, clock, monkeypatch)
    body = {"symbol": "AAPL", "strategy": strategy, "constraints": {"allowEarnings": True}}
    assert client.answer("/analyze/options", body)["recommendation"] == "select"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_before_the_open_nothing_is_selected(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where Yahoo still shows the quotes of the day before."""
    transport, clock, provider = market()
    row = quote_row(marketState="PRE")
    transport.chains["AAPL"]["optionChain"]["result"][0]["quote"] = row
    client = client_of(provider, clock, monkeypatch)
    assert_nothing_is_selected(client, "AAPL", strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("symbol", ["AAPL", "AMZN", "QQQ"])
def test_on_the_real_bodies_from_before_the_open_nothing_is_selected(
    shared_data: Path, symbol: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AAPL has a recorded quote, and the contracts of AMZN: its own chain was not recorded.

    Each recorded body has one expiry; the others that it names are given the same contracts.
    """
    transport, clock = GivenTransport(), Turned(PRE_MARKET)
    body = recorded(shared_data, "AMZN" if symbol == "AAPL" else symbol)
    result = body["optionChain"]["result"][0]
    if symbol == "AAPL":
        quote = recorded(shared_data, "AAPL")["quoteResponse"]["result"][0]
        result |= {"underlyingSymbol": symbol, "quote": quote | {"marketState": "PRE"}}
    transport.rows[symbol] = result["quote"]
    transport.chains[symbol] = body
    chart = chart_body(sessions_until(PRE_MARKET, 120), [100.0 + day % 5 for day in range(120)])
    transport.charts[symbol] = chart
    client = client_of(provider_of(transport, clock), clock, monkeypatch)
    assert_nothing_is_selected(client, symbol, strategy)
    assert len([key for key in transport.asked if key[0] == "options"]) > 5


def assert_nothing_is_selected(client: Client, symbol: str, strategy: str) -> None:
    limits: list[dict[str, Any]] = [{}, ANYTHING_GOES]
    for constraints in limits:
        body = {"symbol": symbol, "strategy": strategy, "constraints": constraints}
        found = client.answer("/analyze/options", body)
        assert found["recommendation"] == "reject"
        assert "no_live_quotes" in found["rejectReasons"]
        assert (found["bestStrike"], found["premium"], found["iv"]) == (None, None, None)
        assert found["ivHvRatio"] is None
        assert found["legs"] == []
        assert found["alternativeStrikes"] == []
        assert "no_live_quotes" in found["quality"]["warnings"]
    quick = client.answer("/analyze/quick", {"symbol": symbol, "strategy": strategy})
    assert quick["recommendation"] == "reject"


def test_a_snapshot_has_bars_as_traded_and_the_chain_or_fails_whole() -> None:
    transport, clock, provider = market()
    opens = sessions_until(clock(), 4)
    body = chart_body(opens, [25.0, 26.0, 26.5, 27.0])
    split = {"date": opens[2], "numerator": 4, "denominator": 1}
    body["chart"]["result"][0]["events"] = {"splits": {"0": split}}
    transport.charts["AAPL"] = body
    kept = snapshot(provider, "AAPL", clock(), period="1y")
    assert (kept.symbol, kept.source, kept.as_of) == ("AAPL", "yahoo", IN_SESSION)
    assert kept.bars.close.tolist() == [100.0, 104.0, 26.5, 27.0]
    assert (len(kept.bars.splits), kept.bars.adjusted) == (1, False)
    assert kept.chain is not None
    assert kept.quote is not None
    assert kept.earnings.known
    clock.turn(61.0)
    transport.failure = ProviderUnavailableError("down")
    with pytest.raises(ProviderUnavailableError):
        snapshot(provider, "AAPL", clock(), period="1y")


def test_a_stopped_clock_shows_no_live_market(monkeypatch: pytest.MonkeyPatch) -> None:
    _, clock, provider = market()
    client = client_of(provider, pinned_clock(clock() - timedelta(days=3)), monkeypatch)
    found = client.answer("/market-data", {"symbol": "AAPL"})
    assert found["lastPrice"] is None
    assert found["quality"]["warnings"] == ["no_quote"]
    assert found["bars"][-1]["timestamp"] < (clock() - timedelta(days=3)).timestamp()


def test_a_service_on_a_stopped_clock_asks_yahoo_by_the_real_one() -> None:
    from ttai_analysis.providers.factory import create_provider

    provider = create_provider(Settings(provider="yahoo", as_of=IN_SESSION))
    assert isinstance(provider, YahooProvider)
    assert provider.state(IN_SESSION).ready
    assert provider.risk_free_rate(pinned_clock(IN_SESSION)()) is None
