"""HTTP: the envelope of every error, limits, headers, heads of answers."""

import json
import math
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from helpers import NOW, Client, error_of, input_bars, parse, series_of

ANSWERS = (
    ("/market-data", {"symbol": "AAPL"}),
    ("/analyze/chart", {"symbol": "AAPL"}),
    ("/analyze/options", {"symbol": "AAPL"}),
    ("/analyze/research", {"symbol": "AAPL"}),
    ("/analyze/quick", {"symbol": "AAPL"}),
)
HEAD = ["schemaVersion", "engineVersion", "asOf", "inputHash", "quality", "evidence"]


@pytest.mark.parametrize(("path", "body"), ANSWERS, ids=[path for path, _ in ANSWERS])
def test_every_answer_has_its_head(client: Client, path: str, body: dict[str, str]) -> None:
    found = client.answer(path, body)
    assert list(found)[:6] == HEAD
    assert found["asOf"] == "2026-03-18T15:30:00Z"
    assert len(found["inputHash"]) == 64
    quality = found["quality"]
    assert quality["source"] == "simulated"
    assert set(quality) == {
        "source", "asOf", "ageSeconds", "stale", "adjusted", "barsUsed", "warnings",
    }  # fmt: skip
    for rule in found["evidence"]:
        assert set(rule) == {"rule", "value", "threshold", "pass", "weight"}


@pytest.mark.parametrize(("path", "body"), ANSWERS, ids=[path for path, _ in ANSWERS])
def test_the_same_request_gives_the_same_bytes(
    client: Client, path: str, body: dict[str, str]
) -> None:
    assert client.post(path, body).content == client.post(path, body).content


def test_published_weights_sum_to_one(client: Client) -> None:
    for path in ("/analyze/chart", "/analyze/options"):
        rules = client.answer(path, {"symbol": "MSFT"})["evidence"]
        assert sum(rule["weight"] for rule in rules) == pytest.approx(1.0)


def test_a_market_data_answer_can_be_sent_to_the_chart(client: Client) -> None:
    data = client.answer("/market-data", {"symbol": "AAPL", "period": "2y"})
    sent = client.answer("/analyze/chart", {"symbol": "AAPL", "marketData": data})
    own = client.answer("/analyze/chart", {"symbol": "AAPL"})
    for name in ("recommendation", "score", "indicators", "supportLevels", "fib"):
        assert sent[name] == own[name]
    assert sent["quality"]["source"] == "simulated"


def test_too_few_bars_are_a_reject_not_an_error(client: Client) -> None:
    for count in (0, 1, 10, 40):
        bars = input_bars(series_of(np.linspace(90.0, 100.0, count)))
        found = client.answer("/analyze/chart", {"symbol": "AAPL", "marketData": {"bars": bars}})
        assert found["recommendation"] == "reject"
        assert "insufficient_data" in found["rejectReasons"]


@pytest.mark.parametrize("fault", ["high_below_low", "unsorted", "nan", "half_empty", "negative"])
def test_contradicting_bars_are_invalid_market_data(client: Client, fault: str) -> None:
    bars = input_bars(series_of(np.linspace(90.0, 100.0, 80)))
    if fault == "high_below_low":
        bars[5]["high"] = bars[5]["low"] - 1.0
    elif fault == "unsorted":
        bars[5], bars[6] = bars[6], bars[5]
    elif fault == "nan":
        bars[5]["close"] = math.nan
    elif fault == "half_empty":
        del bars[5]["open"]
    else:
        bars[5]["low"] = -1.0
    body = json.dumps({"symbol": "AAPL", "marketData": {"bars": bars}})
    response = client.call(
        "POST", "/analyze/chart", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422
    error = error_of(response)
    assert (error["code"], error["retryable"]) == ("INVALID_MARKET_DATA", False)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/market-data", {}),
        ("/market-data", {"symbol": "bad symbol"}),
        ("/market-data", {"symbol": "1ABC"}),
        ("/market-data", {"symbol": "ABCDEFGHIJK"}),
        ("/market-data", {"symbol": 5}),
        ("/market-data", {"symbol": "AAPL", "timeframe": "hourly"}),
        ("/market-data", {"symbol": "AAPL", "period": "7w"}),
        ("/market-data", {"symbol": "AAPL", "asOf": "yesterday"}),
        ("/market-data", {"symbol": "AAPL", "asOf": "2026-03-18T15:30:00"}),
        ("/market-data", {"symbol": "AAPL", "asOf": "2026-03-19T15:30:00Z"}),
        ("/quotes", {"symbols": []}),
        ("/quotes", {"symbols": ["AAPL"] * 501}),
        ("/analyze/options", {"symbol": "AAPL", "strategy": "yolo"}),
        ("/analyze/options", {"symbol": "AAPL", "constraints": {"minDelta": 0.5}}),
        ("/analyze/options", {"symbol": "AAPL", "constraints": {"dteMin": 90}}),
        ("/analyze/research", {"symbol": "AAPL", "horizonDays": 0}),
    ],
    ids=str,
)
def test_bad_requests_are_validation_errors(client: Client, path: str, body: object) -> None:
    response = client.post(path, body)
    assert response.status_code == 400
    error = error_of(response)
    assert (error["code"], error["retryable"]) == ("VALIDATION_ERROR", False)


def test_malformed_json_is_a_validation_error(client: Client) -> None:
    response = client.call(
        "POST", "/quotes", content=b"{oops", headers={"content-type": "application/json"}
    )
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "path", ["/market-data", "/analyze/chart", "/analyze/options", "/analyze/research",
             "/analyze/quick"]
)  # fmt: skip
def test_an_unknown_symbol_is_404(client: Client, path: str) -> None:
    response = client.post(path, {"symbol": "ZZZZ"})
    assert response.status_code == 404
    error = error_of(response)
    assert (error["code"], error["retryable"]) == ("SYMBOL_NOT_FOUND", False)


def test_unknown_routes_and_methods_have_the_envelope(client: Client) -> None:
    missing = client.get("/nowhere")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "NOT_FOUND")
    method = client.get("/quotes")
    assert (method.status_code, error_of(method)["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_a_large_body_is_refused(client: Client) -> None:
    response = client.call("POST", "/quotes", content=b"x" * (4 * 1024 * 1024 + 1))
    assert (response.status_code, error_of(response)["code"]) == (413, "TOO_LARGE")


def test_a_large_body_without_a_length_is_refused(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * (1024 * 1024)

    response = client.call("POST", "/quotes", content=chunks())
    assert (response.status_code, error_of(response)["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("deadline", "status", "code"),
    [
        ("0", 504, "PROVIDER_TIMEOUT"),
        ("-5", 504, "PROVIDER_TIMEOUT"),
        (str(int(time.time() * 1000) - 1000), 504, "PROVIDER_TIMEOUT"),
        ("soon", 400, "VALIDATION_ERROR"),
    ],
)
def test_a_passed_deadline_is_a_timeout(
    client: Client, deadline: str, status: int, code: str
) -> None:
    response = client.post("/quotes", {"symbols": ["SPY"]}, headers={"x-deadline-ms": deadline})
    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_a_generous_deadline_changes_nothing(client: Client) -> None:
    body = {"symbols": ["SPY"]}
    ahead = str(int(time.time() * 1000) + 60_000)
    for deadline in ("60000", ahead):
        response = client.post("/quotes", body, headers={"x-deadline-ms": deadline})
        assert response.status_code == 200


def test_request_ids_are_echoed_or_made(client: Client) -> None:
    echoed = client.get("/healthz", headers={"x-request-id": "abc-1"})
    assert echoed.headers["x-request-id"] == "abc-1"
    assert len(client.get("/nowhere").headers["x-request-id"]) == 36
    spaced = client.get("/healthz", headers={"x-request-id": "a b"})
    assert len(spaced.headers["x-request-id"]) == 36


def test_other_headers_of_the_contract_are_accepted(client: Client) -> None:
    headers = {"x-user-id": "u1", "x-idempotency-key": "k1"}
    assert client.post("/quotes", {"symbols": ["SPY"]}, headers=headers).status_code == 200


def test_quotes_leave_out_unknown_symbols_and_name_them(client: Client) -> None:
    response = client.post("/quotes", {"symbols": ["spy", "ZZZZ", "AAPL", "SPY"]})
    assert list(parse(response)) == ["SPY", "AAPL"]
    assert response.headers["x-missing-symbols"] == "ZZZZ"
    row = parse(response)["SPY"]
    assert row["price"] == row["last"]
    assert row["bid"] < row["ask"]
    assert row["asOf"] == "2026-03-18T15:30:00Z"
    assert (row["source"], row["session"], row["stale"]) == ("simulated", "regular", False)
    about = parse(client.call("POST", "/quotes?meta=true", json={"symbols": ["SPY", "ZZZZ"]}))
    assert about["_meta"]["missingSymbols"] == ["ZZZZ"]


def test_health_and_readiness(client: Client) -> None:
    health = parse(client.get("/healthz"))
    assert health["status"] == "ok"
    assert (health["provider"], health["source"]) == ("simulated", "simulated")
    client.answer("/quotes", {"symbols": ["SPY"]})
    ready = parse(client.get("/readyz"))
    assert ready["status"] == "ready"
    assert ready["provider"]["detail"]["symbols"] > 450


def test_as_of_looks_back_and_never_ahead(client: Client) -> None:
    past = "2026-02-02T21:00:00Z"
    found = client.answer("/market-data", {"symbol": "AAPL", "asOf": past})
    assert found["asOf"] == past
    assert found["bars"][-1]["timestamp"] == 1770042600
    assert all(bar["timestamp"] < NOW.timestamp() for bar in found["bars"])
