"""Input beyond all measure: an error of the one shape, never a fault of ours."""

import json
from typing import Any

import numpy as np
import pytest
from helpers import Client, error_of, input_bars, series_of

BAR = {"timestamp": 1_700_000_000, "open": 1, "high": 2, "low": 1, "close": 2, "volume": 1}


def _chart(**changes: Any) -> dict[str, Any]:
    return {"symbol": "AAPL", "marketData": {"bars": [BAR | changes]}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/analyze/chart", _chart(timestamp=10**30)),
        ("/analyze/chart", _chart(timestamp=-1)),
        ("/analyze/chart", {"symbol": "AAPL", "asOf": "0001-01-01T00:00:00Z"}),
        ("/market-data", {"symbol": "AAPL", "asOf": "0001-01-01T00:00:00Z"}),
        ("/analyze/research", {"symbol": "AAPL", "asOf": "0001-01-01T00:00:00+14:00"}),
        ("/analyze/quick", {"symbol": "AAPL", "asOf": "9999-12-31T23:59:59-14:00"}),
        ("/analyze/options", {"symbol": "AAPL", "underlyingPrice": 1e300}),
        ("/analyze/options", {"symbol": "AAPL", "constraints": {"minWeeklyRocPct": 1e308}}),
        ("/option-chain", {"symbol": "AAPL", "minStrike": 1e300}),
        ("/news", {"symbols": ["AAPL"], "asOf": "0001-01-01T00:00:00Z"}),
    ],
    ids=str,
)
def test_what_no_market_has_is_a_validation_error(client: Client, path: str, body: Any) -> None:
    response = client.post(path, body)
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


def test_an_article_of_the_year_9999_is_refused(client: Client) -> None:
    article = {"id": "1", "title": "x", "publishedAt": "9999-12-31T23:59:59-14:00"}
    response = client.post("/analyze/research", {"symbol": "AAPL", "news": [article]})
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("value", ["Infinity", "1e308", "1e10", "-Infinity"])
def test_prices_beyond_all_measure_are_no_market_data(client: Client, value: str) -> None:
    bars = input_bars(series_of(np.linspace(90.0, 100.0, 80)))
    body = json.dumps({"symbol": "AAPL", "marketData": {"bars": bars}})
    body = body.replace(f'"close": {bars[5]["close"]}', f'"close": {value}', 1)
    response = client.call(
        "POST", "/analyze/chart", content=body, headers={"content-type": "application/json"}
    )
    assert (response.status_code, error_of(response)["code"]) == (422, "INVALID_MARKET_DATA")


def test_a_fault_of_ours_has_the_one_shape(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from ttai_analysis.chart import service

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(service, "analyze_chart", fail)
    response = client.post("/analyze/chart", {"symbol": "AAPL"})
    assert response.status_code == 500
    error = error_of(response)
    assert (error["code"], error["retryable"]) == ("INTERNAL_ERROR", True)
    assert "secret" not in response.text
    assert response.headers["x-request-id"]
