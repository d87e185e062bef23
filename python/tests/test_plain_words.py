"""Small things that callers stumble over: media types, plus signs, words and whole numbers."""

import pytest
from helpers import Client, error_of


@pytest.mark.parametrize("media", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_called_json_is_told_so(client: Client, media: str | None) -> None:
    headers = {} if media is None else {"content-type": media}
    response = client.call("POST", "/analyze/chart", content=b'{"symbol":"AAPL"}', headers=headers)
    error = error_of(response)
    assert (response.status_code, error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "application/json" in error["message"]
    assert error["retryable"] is False


def test_wrong_json_stays_a_wrong_request(client: Client) -> None:
    for media in ("application/json", "application/json; charset=utf-8", "application/x+json"):
        headers = {"content-type": media}
        response = client.call("POST", "/analyze/chart", content=b'{"symbol":', headers=headers)
        assert response.status_code == 400


def test_a_plus_sign_that_became_a_space_is_read(client: Client) -> None:
    plain = client.get("/market/clock?asOf=2026-03-18T15:30:00Z")
    told = client.get("/market/clock?asOf=2026-03-18T16:30:00+01:00")
    assert told.status_code == 200, told.text
    assert told.json() == plain.json()
    assert client.get("/market/clock?asOf=2026-03-18 nonsense").status_code == 400


def test_a_right_has_the_same_words_everywhere(client: Client) -> None:
    for short, long in (("P", "put"), ("C", "call")):
        body = {"symbol": "AAPL", "dteMax": 10}
        found = client.answer("/option-chain", body | {"right": short})
        assert found == client.answer("/option-chain", body | {"right": long})
        assert {row["right"] for row in found["options"]} == {long}


def test_counts_are_whole_numbers(client: Client) -> None:
    quote = client.answer("/quotes", {"symbols": ["AAPL"]})["AAPL"]
    bar = client.answer("/market-data", {"symbol": "AAPL"})["bars"][-1]
    contract = client.answer("/option-chain", {"symbol": "AAPL"})["options"][0]
    trade = client.answer("/analyze/options", {"symbol": "AAPL"})
    leg = {"right": "P", "strike": 300, "expiration": "2026-04-17", "quantity": -1, "openPrice": 1}
    body = {"positions": [{"id": "1", "symbol": "AAPL", "legs": [leg]}]}
    position = client.answer("/positions/evaluate", body)["positions"][0]["legs"][0]
    for row, names in (
        (quote, ["volume"]),
        (bar, ["volume"]),
        (contract, ["volume", "openInterest"]),
        (trade, ["volume", "openInterest"]),
        (position, ["quantity"]),
    ):
        for name in names:
            assert type(row[name]) is int, (name, row[name])


def test_without_news_there_is_no_sentiment_score(client: Client) -> None:
    found = client.answer("/analyze/research", {"symbol": "AAPL", "news": []})
    assert (found["sentiment"], found["sentimentScore"]) == ("unknown", None)
