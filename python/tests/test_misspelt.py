"""Fields that nobody knows are refused by name; answers that are sent on may hold more."""

import json
from typing import Any

import pytest
from helpers import AT_100, Client, chain_body, error_of, one_expiry_chain

from ttai_analysis.web.documentation import EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_field_that_nobody_knows_is_refused_by_name(client: Client, path: str) -> None:
    response = client.post(path, EXAMPLES[path] | {"symbl": "AAPL"})
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")
    assert "symbl" in error_of(response)["message"]


LEG = {"right": "P", "strike": 300.0, "expiration": "2026-04-17", "quantity": -1, "openPrice": 1}
POSITION = {"id": "1", "symbol": "AAPL", "legs": [LEG]}


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/analyze/options", {"symbol": "AAPL", "constraints": {"maxdelta": 0.2}}, "maxdelta"),
        ("/analyze/chart", {"symbol": "AAPL", "options": {"swingk": 3}}, "swingk"),
        ("/screener/candidates", {"criteria": {"minprice": 20}}, "minprice"),
        ("/positions/evaluate", {"positions": [POSITION | {"opened": "x"}]}, "opened"),
        ("/positions/evaluate",
         {"positions": [POSITION | {"legs": [LEG | {"expiry": "x"}]}]}, "expiry"),
    ],
)  # fmt: skip
def test_also_within_another(client: Client, path: str, body: dict[str, Any], name: str) -> None:
    response = client.post(path, body)
    assert response.status_code == 400
    assert f"{name}: there is no such field" in error_of(response)["message"]


def test_answers_can_be_sent_on_whole(client: Client) -> None:
    chart = client.answer("/analyze/chart", {"symbol": "AAPL"})
    quotes = client.answer("/quotes", {"symbols": ["AAPL"]})
    research = client.answer("/analyze/research", {"symbol": "AAPL"})
    news = client.answer("/news?meta=true", {"symbols": ["AAPL"]})["articles"]
    bars = client.answer("/market-data", {"symbol": "AAPL"})
    chain = client.answer("/option-chain", {"symbol": "AAPL"})
    client.answer("/analyze/chart", {"symbol": "AAPL", "marketData": bars})
    client.answer("/analyze/options", {"symbol": "AAPL", "optionChain": chain})
    told = {"chartContext": chart, "earnings": research["earnings"]}
    client.answer("/analyze/options", {"symbol": "AAPL", **told})
    client.answer("/analyze/research", {"symbol": "AAPL", "news": news})
    client.answer("/positions/evaluate", {"positions": [POSITION], "quotes": quotes})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["underlyingPrice", "bid", "maxDelta"])
def test_numbers_that_are_none_are_refused(client: Client, name: str, number: float) -> None:
    chain = chain_body(one_expiry_chain())
    body: dict[str, Any] = {"symbol": AT_100, "optionChain": chain, "constraints": {}}
    place = {"underlyingPrice": body, "bid": chain["options"][3], "maxDelta": body["constraints"]}
    place[name][name] = number
    headers = {"content-type": "application/json"}
    response = client.call("POST", "/analyze/options", content=json.dumps(body), headers=headers)
    assert response.status_code == 400
    assert f"{name}: Input should be a finite number" in error_of(response)["message"]
