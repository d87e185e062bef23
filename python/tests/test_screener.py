"""/screener/candidates: criteria, order, and what is not known."""

from dataclasses import replace
from typing import Any

import pytest
from faulty_provider import FaultyProvider
from helpers import Client, error_of
from lies.base import Lie
from test_fault_provider import over

from ttai_analysis.models.screener import Criteria
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.screener.criteria import CRITERIA, Figures, failures

PATH = "/screener/candidates"
FIT = Figures(
    is_fund=False,
    price=50.0,
    volume=2e6,
    market_cap=5e9,
    rsi14=50.0,
    sma50=48.0,
    iv_rank=0.4,
    earnings_known=True,
    days_to_earnings=60,
)
CRITERIA_OF_ALL = Criteria(min_iv_rank=0.3, max_days_to_earnings=45)
UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("universe", {"is_fund": True}),
    ("universe", {"is_fund": None}),
    ("marketCap", {"market_cap": 9e8}),
    ("marketCap", {"market_cap": None}),
    ("ivRank", {"iv_rank": 0.29}),
    ("ivRank", {"iv_rank": None}),
    ("price", {"price": 9.99, "sma50": 9.0}),
    ("price", {"price": 100.01}),
    ("volume", {"volume": 999_999.0}),
    ("volume", {"volume": None}),
    ("sma50", {"sma50": 50.01}),
    ("sma50", {"sma50": None}),
    ("rsi", {"rsi14": 70.1}),
    ("rsi", {"rsi14": 29.9}),
    ("rsi", {"rsi14": None}),
    ("earnings", {"days_to_earnings": 0}),
    ("earnings", {"days_to_earnings": 45}),
    ("earnings", {"earnings_known": False, "days_to_earnings": None}),
]


def test_a_fitting_symbol_fails_nothing() -> None:
    assert failures(CRITERIA_OF_ALL, FIT, CRITERIA) == []
    none_to_come = replace(FIT, days_to_earnings=None)
    assert failures(CRITERIA_OF_ALL, none_to_come, CRITERIA) == []


@pytest.mark.parametrize(("name", "change"), UNFIT, ids=str)
def test_each_criterion_stops_what_it_should(name: str, change: dict[str, Any]) -> None:
    assert failures(CRITERIA_OF_ALL, replace(FIT, **change), CRITERIA) == [name]


def test_the_answer_is_a_list_of_symbols_by_volume(client: Client) -> None:
    plain = client.post(PATH, {}).json()
    detail = client.answer(f"{PATH}?detail=true", {})
    assert plain == detail["symbols"]
    assert 0 < len(plain) <= 50
    passed = [row for row in detail["rows"] if not row["failed"]]
    assert [row["symbol"] for row in passed[: len(plain)]] == plain
    volumes = [row["volume"] for row in passed]
    assert volumes == sorted(volumes, reverse=True)
    assert detail["universeSize"] == len(detail["rows"])
    assert len(passed) + sum(detail["failedCounts"].values()) == detail["universeSize"]
    for row in passed:
        assert 10 <= row["price"] <= 100
        assert row["price"] >= row["sma50"]
        assert 30 <= row["rsi14"] <= 70


def test_the_usual_highest_price_is_of_a_universe_not_of_named_symbols(client: Client) -> None:
    anything = {"aboveSma50": False, "rsiMin": 0, "rsiMax": 100, "minVolume": 0}
    dear = [row for row in _rows(client, anything).values() if "price" in row["failed"]]
    symbols = [row["symbol"] for row in dear if (row["price"] or 0) > 100][:5]
    assert len(symbols) == 5
    named = _rows(client, anything | {"symbols": symbols})
    assert not any("price" in row["failed"] for row in named.values())
    bounded = _rows(client, anything | {"symbols": symbols, "maxPrice": 100})
    assert all("price" in row["failed"] for row in bounded.values())
    for body in ({"minPrice": 101}, {"symbols": symbols, "minPrice": 101, "maxPrice": 100}):
        assert client.post(PATH, body).status_code == 400
    assert client.post(PATH, {"symbols": symbols, "minPrice": 101}).status_code == 200


def test_named_symbols_may_cost_as_little_as_they_do() -> None:
    assert Criteria().least_price == 10
    assert Criteria(symbols=["NOK"]).least_price == 0
    assert Criteria(symbols=["NOK"], min_price=7).least_price == 7


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, True),
        ({"strategy": "bear_call_spread"}, False),
        ({"strategy": "bear_call_spread", "aboveSma50": True}, True),
        ({"aboveSma50": False}, False),
    ],
)
def test_who_sells_calls_alone_is_not_asked_for_a_rise(
    client: Client, more: dict[str, Any], asked: bool
) -> None:
    rows = _rows(client, {"rsiMin": 0, "maxPrice": 1000} | more)
    below = [row for row in rows.values() if row["price"] and row["price"] < (row["sma50"] or 0)]
    assert any("sma50" in row["failed"] for row in below) is asked
    assert any(not row["failed"] for row in below) is not asked


LOOSE = {"symbols": ["BAC", "KO", "PFE"], "aboveSma50": False, "rsiMin": 0, "rsiMax": 100,
         "minPrice": 1, "maxPrice": 1000, "minVolume": 0}  # fmt: skip


def _rows(client: Client, body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = client.answer(f"{PATH}?detail=true", body)["rows"]
    return {row["symbol"]: row for row in rows}


def test_the_days_to_a_report_are_told_whether_or_not_they_are_a_criterion(
    client: Client,
) -> None:
    plain, asked = _rows(client, LOOSE), _rows(client, LOOSE | {"maxDaysToEarnings": 0})
    days = {symbol: row["daysToEarnings"] for symbol, row in plain.items()}
    assert days == {symbol: row["daysToEarnings"] for symbol, row in asked.items()}
    assert None not in days.values()


def test_who_fails_before_its_bars_are_read_has_neither_price_nor_score(client: Client) -> None:
    dear = LOOSE | {"minMarketCap": 1e17, "symbols": ["BAC", "ZZZZ"]}
    found = client.answer(f"{PATH}?detail=true", dear)
    assert [(row["price"], row["score"]) for row in found["rows"]] == [(None, None)] * 2
    assert found["rows"][0]["failed"] == ["marketCap"]
    assert found["quality"]["warnings"] == []


def test_who_has_no_price_is_counted_where_it_was_looked_for(market: SimulatedProvider) -> None:
    lie = Lie("no_bars", "bars", lambda bars, _: replace(bars, close=-bars.close), frozenset())
    found = over(FaultyProvider(market, lie)).answer(f"{PATH}?detail=true", LOOSE)
    assert "without_price:3" in found["quality"]["warnings"]


def test_evidence_tells_what_the_first_symbol_earns(client: Client) -> None:
    found = client.answer(f"{PATH}?detail=true", LOOSE)
    first = _rows(client, LOOSE)[found["symbols"][0]]
    earned = sum(100.0 * rule["weight"] * rule["value"] for rule in found["evidence"])
    assert earned == pytest.approx(first["score"], abs=1e-3)
    nobody = client.answer(f"{PATH}?detail=true", LOOSE | {"minMarketCap": 1e17})
    for rule in nobody["evidence"]:
        assert (rule["value"], rule["threshold"], rule["pass"]) == ("no symbol passes", 0.5, False)


def test_criteria_may_stand_under_their_name_and_not_twice(client: Client) -> None:
    criteria = {"symbols": ["F", "BAC", "PFE"], "sortBy": "symbol", "aboveSma50": False,
                "rsiMin": 0, "rsiMax": 100, "minPrice": 1}  # fmt: skip
    bare = client.post(PATH, criteria).json()
    assert bare == ["BAC", "F", "PFE"]
    assert client.post(PATH, {"criteria": criteria}).json() == bare
    both = client.post(PATH, {"criteria": criteria, "maxPrice": 50})
    assert (both.status_code, error_of(both)["code"]) == (400, "VALIDATION_ERROR")


def test_an_unknown_symbol_is_counted_and_not_an_error(client: Client) -> None:
    found = client.answer(f"{PATH}?detail=true", {"symbols": ["BAC", "ZZZZ"]})
    assert found["failedCounts"]["symbol"] == 1
    assert found["symbols"] == ["BAC"] or found["failedCounts"] != {"symbol": 1}
    assert "ZZZZ" not in found["symbols"]


def test_a_batch_of_quick_looks_keeps_failures_apart(client: Client) -> None:
    found = client.answer("/analyze/quick/batch", {"symbols": ["AAPL", "ZZZZ", "MSFT", "AAPL"]})
    assert list(found["results"]) == ["AAPL", "MSFT"]
    assert found["errors"]["ZZZZ"]["code"] == "SYMBOL_NOT_FOUND"
    alone = client.answer("/analyze/quick", {"symbol": "MSFT"})
    assert found["results"]["MSFT"] == alone
