"""/news: rows, order, tone and significance."""

from datetime import UTC, datetime

import pytest
from helpers import Client

from ttai_analysis.providers.base import Article
from ttai_analysis.research.news_service import news_row


def _article(title: str, summary: str = "") -> Article:
    at = datetime(2026, 3, 17, tzinfo=UTC)
    return Article("1", "AAPL", title, summary, at, "wire", None)


def test_rows_are_newest_first_within_the_lookback(client: Client) -> None:
    body = {"symbols": ["AAPL", "MSFT", "AAPL"], "lookbackDays": 30, "limit": 500}
    rows = client.post("/news", body).json()
    times = [row["publishedAt"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert times[-1] >= "2026-02-16T15:30:00Z"
    assert times[0] <= "2026-03-18T15:30:00Z"
    assert {row["symbol"] for row in rows} == {"AAPL", "MSFT"}
    assert len({(row["symbol"], row["id"]) for row in rows}) == len(rows)


def test_unknown_symbols_are_named_and_no_error(client: Client) -> None:
    response = client.post("/news", {"symbols": ["AAPL", "ZZZZ"]})
    assert response.status_code == 200
    assert response.headers["x-missing-symbols"] == "ZZZZ"
    meta = client.answer("/news?meta=true", {"symbols": ["AAPL", "ZZZZ"]})
    assert meta["missingSymbols"] == ["ZZZZ"]
    assert meta["articles"] == response.json()
    assert meta["quality"]["source"] == "simulated"


@pytest.mark.parametrize(
    ("title", "least", "most", "events"),
    [
        ("Acme under SEC investigation over its accounts", 0.9, 0.9, ["regulatory_probe"]),
        ("Broker downgrades Acme", 0.7, 0.7, ["downgrade"]),
        ("Acme surges on record profit, raises outlook", 0.3, 0.65, []),
        ("Acme holds its annual meeting in Ohio", 0.0, 0.2, []),
        ("Acme denies fraud", 0.0, 0.65, []),
    ],
)
def test_events_matter_more_than_tone(
    title: str, least: float, most: float, events: list[str]
) -> None:
    row = news_row(_article(title))
    assert row.significance is not None
    assert least <= row.significance <= most
    assert row.events == events
