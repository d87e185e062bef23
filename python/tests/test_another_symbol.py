"""Bars and chains that a caller sends are of the symbol that is asked, or nothing is said of it."""

from typing import Any

import pytest
from helpers import Client, chain_body, error_of, one_expiry_chain


def _sent(client: Client, told_by: str) -> tuple[str, dict[str, Any]]:
    """A request that asks about MSFT, with what was answered about AAPL."""
    if told_by == "marketData":
        data = client.answer("/market-data", {"symbol": "AAPL", "period": "2y"})
        return "/analyze/chart", {"symbol": "MSFT", "marketData": data}
    if told_by == "optionChain":
        data = client.answer("/option-chain", {"symbol": "AAPL"})
        return "/analyze/options", {"symbol": "MSFT", "optionChain": data}
    data = client.answer("/analyze/chart", {"symbol": "AAPL"})
    return "/analyze/options", {"symbol": "MSFT", "chartContext": data}


@pytest.mark.parametrize("told_by", ["marketData", "optionChain", "chartContext"])
def test_data_of_another_symbol_is_refused(client: Client, told_by: str) -> None:
    response = client.post(*_sent(client, told_by))
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")
    message = error_of(response)["message"]
    assert told_by in message
    assert "AAPL" in message
    assert "MSFT" in message


def test_articles_of_another_symbol_are_left_out(client: Client) -> None:
    rows = client.answer("/news?meta=true", {"symbols": ["AAPL"], "lookbackDays": 30})["articles"]
    found = client.answer("/analyze/research", {"symbol": "MSFT", "news": rows})
    assert found["articlesUsed"] == 0
    own = client.answer("/analyze/research", {"symbol": "AAPL", "news": rows})
    assert own["articlesUsed"] > 0


def test_a_chain_without_a_name_is_held_against_the_quote(client: Client) -> None:
    """AAPL is nowhere near the 100 of this chain."""
    body = {
        "symbol": "AAPL",
        "optionChain": chain_body(one_expiry_chain()),
        "earnings": {"date": None},
    }
    found = client.answer("/analyze/options", body)
    assert found["rejectReasons"] == ["spot_mismatch"]
