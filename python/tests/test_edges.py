"""Edges between rooms: what has passed, what is sent on, one bad item among many."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from faulty_provider import FaultyProvider
from helpers import AT_100, NOW, Client, chain_body, one_expiry_chain
from lies import LIES, Lie
from lies.base import Subject
from test_fault_provider import over

from ttai_analysis.options.chain_faults import sound_chain
from ttai_analysis.options.contracts import years_to_expiry
from ttai_analysis.options.volatility_context import iv_standing
from ttai_analysis.providers.base import Metrics, Quote
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.research.events import find_events
from ttai_analysis.research.sentiment import text_weight
from ttai_analysis.timestamps import format_rfc3339, ordinal_of

AS_OF = format_rfc3339(NOW)
OPTIONS, POSITIONS = "/analyze/options", "/positions/evaluate"
SOLD_PUT = {"right": "P", "strike": 300.0, "expiration": "2026-04-17", "quantity": -1}


def _lying(market: SimulatedProvider, about: Subject, change: Any) -> Client:
    return over(FaultyProvider(market, Lie("test", about, change, frozenset())))


def _position(client: Client, *legs: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"positions": [{"id": "1", "symbol": "AAPL", "legs": list(legs)}], "asOf": AS_OF}
    found: dict[str, Any] = client.answer(POSITIONS, {**body, **more})["positions"][0]
    return found


def test_a_report_that_has_passed_says_nothing_about_the_next(market: SimulatedProvider) -> None:
    client = over(FaultyProvider(market, LIES["earnings_in_the_past"]))
    found = _position(client, {**SOLD_PUT, "openPrice": 1.0})
    assert (found["earningsDate"], found["daysToEarnings"]) == (None, None)
    assert found["earningsInsideDte"] is None
    body = {"symbols": ["AAPL"], "maxPrice": 900, "maxDaysToEarnings": 30, "asOf": AS_OF}
    row = client.answer("/screener/candidates?detail=true", body)["rows"][0]
    assert row["daysToEarnings"] is None
    assert "earnings" in row["failed"]


def test_a_dividend_that_has_passed_is_not_the_next(market: SimulatedProvider) -> None:
    gone = NOW.date() - timedelta(days=2)
    client = _lying(market, "metrics", lambda m, _: replace(m, next_ex_dividend=gone))
    assert _position(client, {**SOLD_PUT, "openPrice": 1.0})["exDividendDate"] is None


def test_a_price_of_the_caller_is_as_old_as_the_caller_says(client: Client) -> None:
    leg = {**SOLD_PUT, "openPrice": 1.0}
    old = {"AAPL": {"price": 300.0, "asOf": "2026-03-13T15:00:00Z"}}
    assert _position(client, leg, quotes=old)["stale"] is True
    assert _position(client, leg, quotes={"AAPL": {"price": 300.0}})["stale"] is False


@pytest.mark.parametrize(("share", "tested"), [(0.45, True), (0.55, False)])
def test_a_position_that_costs_twice_its_credit_is_tested(
    client: Client, share: float, tested: bool
) -> None:
    far = {**SOLD_PUT, "strike": 250.0}
    price = _position(client, {**far, "openPrice": 1.0})["legs"][0]["price"]
    found = _position(client, {**far, "openPrice": round(share * price, 6)})
    assert found["shortDelta"] < 0.5
    assert found["management"]["tested"] is tested
    assert found["management"]["testedBy"] == ("cost" if tested else None)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, []),
        ({"strike": 300.123456}, ["not_in_chain:leg1"]),
        ({"strike": 99_999.0}, ["not_in_chain:leg1"]),
        ({"expiration": "2026-04-15"}, ["not_in_chain:leg1"]),
        ({"expiration": "2033-01-21"}, []),
    ],
)
def test_a_contract_that_the_chain_does_not_have_is_told(
    client: Client, more: dict[str, Any], told: list[str]
) -> None:
    found = _position(client, {**SOLD_PUT, "openPrice": 1.0, **more})
    assert [code for code in found["warnings"] if code.startswith("not_in_chain")] == told


def test_an_expiry_before_the_calendar_begins_has_passed() -> None:
    day = np.array([ordinal_of(date(1980, 1, 18))])
    assert years_to_expiry(day, NOW)[0] < 0.0


def test_what_settles_in_the_morning_has_expired_after_the_open() -> None:
    chain = replace(one_expiry_chain(dte=0), am_settled=np.ones(50, dtype=np.bool_))
    kept, warnings = sound_chain(chain, "TEST", NOW)
    assert len(kept) == 0
    assert f"expired_contracts:{len(chain)}" in warnings


def test_one_quote_that_cannot_be_fails_no_other(market: SimulatedProvider) -> None:
    def change(quote: Quote, _: datetime) -> Quote:
        return replace(quote, price=float("nan")) if quote.symbol == "MSFT" else quote

    client = _lying(market, "quote", change)
    body = {"symbols": ["AAPL", "MSFT", "SPY"], "asOf": AS_OF}
    response = client.post("/quotes?meta=true", body)
    assert response.status_code == 200
    assert set(response.json()) == {"AAPL", "SPY", "_meta"}
    assert response.headers["x-missing-symbols"] == "MSFT"
    assert response.json()["_meta"]["quality"]["warnings"] == ["unusable_quote:MSFT"]


def test_a_stale_chain_stays_stale_when_it_is_sent_on(market: SimulatedProvider) -> None:
    chain = over(FaultyProvider(market, LIES["hour_old_chain"])).answer(
        "/option-chain", {"symbol": "AAPL", "asOf": AS_OF}
    )
    assert "stale_chain" in chain["quality"]["warnings"]
    found = over(market).answer(OPTIONS, {"symbol": "AAPL", "optionChain": chain})
    assert "stale_chain" in found["rejectReasons"]


def test_what_was_said_of_a_chain_counts_when_it_is_sent_on(client: Client) -> None:
    said = chain_body(one_expiry_chain()) | {
        "quality": {"warnings": ["served_from_cache_after_failure", "no such word"]}
    }
    body = {"symbol": AT_100, "optionChain": said, "earnings": {"date": None}}
    assert client.answer(OPTIONS, body)["rejectReasons"] == ["served_from_cache_after_failure"]


def test_a_covered_calls_limits_are_on_the_price_of_the_shares(client: Client) -> None:
    """As its returns and its capital are."""
    body = {
        "symbol": AT_100,
        "strategy": "covered_call",
        "optionChain": chain_body(one_expiry_chain()),
        "earnings": {"date": None},
    }
    free = client.answer(OPTIONS, body)
    assert free["bestStrike"] > free["underlyingPrice"]
    returns = {"minWeeklyRocPct": free["weeklyRocPct"] - 1e-6}
    assert client.answer(OPTIONS, body | {"constraints": returns})["recommendation"] == "select"
    too_much = {"minWeeklyRocPct": 0.0, "maxCapital": free["capitalRequired"] - 1.0}
    assert client.answer(OPTIONS, body | {"constraints": too_much})["recommendation"] == "reject"
    enough = {"maxCapital": free["capitalRequired"]}
    assert client.answer(OPTIONS, body | {"constraints": enough})["recommendation"] == "select"


@pytest.mark.parametrize("hv20", [-0.3, 0.0])
def test_a_realised_volatility_that_cannot_be_is_not_taken(client: Client, hv20: float) -> None:
    plain = client.answer(OPTIONS, {"symbol": "AAPL"})
    told = {"indicators": {"hv20": hv20}}
    found = client.answer(OPTIONS, {"symbol": "AAPL", "chartContext": told})
    assert found["hv20"] == plain["hv20"] > 0.0


def test_iv_rank_is_of_one_year() -> None:
    """Of 252 sessions: what was before does not count."""
    year = np.linspace(0.20, 0.30, 252)
    rank, percentile = iv_standing(Metrics(iv_history=np.append(year, 0.25)))
    longer = np.concatenate([np.full(300, 0.9), year, [0.25]])
    assert iv_standing(Metrics(iv_history=longer)) == (rank, percentile)
    assert rank == pytest.approx(0.5)


def test_news_of_three_weeks_ago_is_stale(client: Client) -> None:
    articles = [
        {"id": str(n), "title": f"Profit rises {n}", "publishedAt": "2026-02-25T12:00:00Z"}
        for n in range(3)
    ]
    body = {"symbol": "AAPL", "news": articles, "asOf": AS_OF}
    found = client.answer("/analyze/research", body)
    assert "stale_news" in found["quality"]["warnings"]
    assert found["quality"]["stale"] is True


def test_phrases_are_turned_round_like_words() -> None:
    assert text_weight("results above expectations") > 0.0
    assert text_weight("results were not above expectations") < 0.0
    assert text_weight("it is not that results are above expectations") > 0.0
    assert [event.type for event in find_events("Class-action suit filed")] == ["lawsuit"]


def test_the_screener_is_as_old_as_its_bars(client: Client) -> None:
    saturday = datetime(2026, 3, 14, 16, tzinfo=UTC)
    body = {"symbols": ["AAPL", "MSFT"], "maxPrice": 900, "asOf": format_rfc3339(saturday)}
    quality = client.answer("/screener/candidates?detail=true", body)["quality"]
    assert quality["asOf"] == "2026-03-13T20:00:00Z"
    assert quality["ageSeconds"] == 20 * 3600.0


@pytest.mark.parametrize("name", ["news_is_html", "news_of_another", "one_story_many_times"])
def test_news_that_cannot_be_believed_is_no_news(market: SimulatedProvider, name: str) -> None:
    client = over(FaultyProvider(market, LIES[name]))
    body = {"symbols": ["AAPL"], "lookbackDays": 30, "asOf": AS_OF}
    found = client.answer("/news?meta=true", body)
    (code,) = LIES[name].names
    assert len(found["articles"]) == (1 if name == "one_story_many_times" else 0)
    assert f"{code}:AAPL" in found["quality"]["warnings"]


@pytest.mark.parametrize(
    ("constraints", "reason"),
    [
        ({"minOpenInterest": 1e8}, "stopped_by_oi"),
        ({"minBid": 1e6}, "stopped_by_bid"),
        ({"maxCapital": 1.0}, "stopped_by_capital"),
        ({"minDelta": 0.001, "maxDelta": 0.001}, "stopped_by_delta"),
        ({"dteMin": 900, "dteMax": 900}, "stopped_by_dte"),
    ],
)
def test_the_gate_that_stopped_the_last_contracts_comes_first(
    client: Client, constraints: dict[str, float], reason: str
) -> None:
    """Most contracts of a chain fail for their expiry, which tells nobody anything."""
    body = {"symbol": "AAPL", "earnings": {"date": None}, "constraints": constraints}
    assert client.answer(OPTIONS, body)["rejectReasons"][:2] == ["no_candidate", reason]
