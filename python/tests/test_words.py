"""Every endpoint tells what is wrong with its data, in the words of quality.py and no others.

For: answers over a provider that lies, and usual ones. Not for: verdicts (test_fault_provider.py).
"""

from datetime import timedelta
from typing import Any

import pytest
from faulty_provider import FaultyProvider
from helpers import NOW, Client, error_of
from lies import LIES, Lie, Subject
from test_fault_provider import over

from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.quality import FORBIDDING, TELLING, code_of
from ttai_analysis.timestamps import format_rfc3339

SYMBOL = "AAPL"
LEGS = [
    {"right": "P", "strike": 200.0, "expiration": "2026-04-17", "quantity": -1, "openPrice": 1.5},
    {"right": "C", "strike": 999.0, "expiration": "2027-01-15", "quantity": 1, "openPrice": 1.5},
    {"right": "P", "strike": 200.0, "expiration": "2026-02-20", "quantity": 1, "openPrice": 1.5},
]
OF_SYMBOL = {"symbol": SYMBOL}
POSITIONS = {"positions": [{"id": "1", "symbol": SYMBOL, "legs": LEGS}]}
CALLS: dict[str, dict[str, Any]] = {
    "/market-data": OF_SYMBOL,
    "/quotes?meta=true": {"symbols": [SYMBOL, "NOWHERE"]},
    "/option-chain": OF_SYMBOL,
    "/news?meta=true": {"symbols": [SYMBOL]},
    "/positions/evaluate": POSITIONS,
    "/screener/candidates?detail=true": {"symbols": [SYMBOL, "NOWHERE"]},
    "/analyze/chart": OF_SYMBOL,
    "/analyze/options": {**OF_SYMBOL, "strategy": "csp"},
    "/analyze/research": OF_SYMBOL,
    "/analyze/quick": {**OF_SYMBOL, "strategy": "csp"},
    "/analyze/quick/batch": {"symbols": [SYMBOL, "NOWHERE"], "strategy": "csp"},
}
NAMED_BY: dict[str, frozenset[Subject]] = {
    "/market-data": frozenset({"bars", "quote"}),
    "/quotes?meta=true": frozenset({"quote"}),
    "/option-chain": frozenset({"chain"}),
    "/news?meta=true": frozenset({"news"}),
    "/positions/evaluate": frozenset({"quote", "chain"}),
    "/screener/candidates?detail=true": frozenset({"bars"}),
}
"""What each of the endpoints that give no verdict must not keep quiet about."""
UNSEEN: dict[str, set[str]] = {
    # Without bars a price cannot be far from their close; who has no quote is a missing symbol.
    "/quotes?meta=true": {"quote_far_from_close", "no_quote"},
    "/positions/evaluate": {"quote_far_from_close"},
    # Without a quote nor the other way round; what is too few leaves figures unknown.
    "/screener/candidates?detail=true": {"prices_in_cents", "bars_of_another", "too_few_bars"},
    "/market-data": {"too_few_bars"},
    # What is not there, or was before the days asked for; one story twice is usual.
    "/news?meta=true": {"no_news", "stale_news", "one_story_many_times"},
}
"""Lies by name that an endpoint cannot see."""


def warnings_of(answer: Any) -> list[str]:
    """All warnings, however deep they are."""
    if isinstance(answer, dict):
        found = [word for value in answer.values() for word in warnings_of(value)]
        return [*answer.get("warnings", []), *found]
    if isinstance(answer, list):
        return [word for value in answer for word in warnings_of(value)]
    return []


def ask(client: Client, path: str, *, hours_ago: int = 0, **more: Any) -> Any:
    as_of = format_rfc3339(NOW - timedelta(hours=hours_ago))
    return client.post(path, {**CALLS[path], "asOf": as_of, **more})


def unknown_words(words: list[str]) -> set[str]:
    return {code_of(word) for word in words} - FORBIDDING - TELLING


@pytest.mark.parametrize("path", CALLS)
def test_usual_answers(path: str, market: SimulatedProvider) -> None:
    client = over(market)
    for hours_ago in (0, 20, 90):
        response = ask(client, path, hours_ago=hours_ago)
        assert response.status_code == 200, response.text
        assert not unknown_words(warnings_of(response.json()))


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_told_in_known_words(market: SimulatedProvider, lie: Lie) -> None:
    client, honest = over(FaultyProvider(market, lie)), over(market)
    for path in CALLS:
        response = ask(client, path)
        if response.status_code != 200:
            assert error_of(response)["code"] in {*lie.names, "INSUFFICIENT_DATA"}, path
            continue
        answer = response.json()
        words = warnings_of(answer)
        assert not unknown_words(words), path
        if lie.about in NAMED_BY.get(path, ()) and lie.name not in UNSEEN.get(path, ()):
            news = set(words) - set(warnings_of(ask(honest, path).json()))
            assert news or answer.get("errors"), (path, words)


def test_a_price_of_the_caller_is_said(market: SimulatedProvider) -> None:
    response = ask(over(market), "/positions/evaluate", quotes={SYMBOL: {"price": 100.0}})
    words = warnings_of(response.json())
    assert "price_from_request" in words
    assert not unknown_words(words)
