"""Research: tone, negation, events, conservative labels."""

from datetime import timedelta

import pytest
from helpers import NOW, Client

from ttai_analysis.research.events import find_events
from ttai_analysis.research.sentiment import text_weight

RESEARCH = "/analyze/research"


def _news(*titles: str, days_ago: float = 1.0) -> list[dict[str, str]]:
    at = (NOW - timedelta(days=days_ago)).isoformat()
    return [{"id": str(n), "title": title, "publishedAt": at} for n, title in enumerate(titles)]


@pytest.mark.parametrize(
    "text",
    ["Shares surge after record profit", "Analyst upgrades the stock", "Company beats estimates",
     "Board approves buyback"],
)  # fmt: skip
def test_good_words_are_good(text: str) -> None:
    assert text_weight(text) > 0.5


@pytest.mark.parametrize(
    "text",
    ["Shares plunge on weak outlook", "Analyst downgrades the stock", "Company misses estimates",
     "Retailer announces layoffs", "Maker recalls cars", "Company warns of default",
     "Guidance was cut"],
)  # fmt: skip
def test_bad_words_are_bad(text: str) -> None:
    assert text_weight(text) < -0.5


def test_negation_turns_a_tone_round() -> None:
    assert text_weight("results were strong") > 0 > text_weight("results were not strong")
    assert text_weight("the firm is without debt problems") > 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Company files for bankruptcy", "bankruptcy"),
        ("SEC opens probe. Federal investigation widens", "regulatory_probe"),
        ("Firm restates three years of results", "restatement"),
        ("It lowers its full-year guidance", "guidance_cut"),
        ("CEO abruptly resigns", "executive_departure"),
        ("Broker downgrades the shares", "downgrade"),
        ("Company sued in class action", "lawsuit"),
    ],
)
def test_events_are_found(text: str, kind: str) -> None:
    assert kind in {event.type for event in find_events(text)}


@pytest.mark.parametrize(
    "text", ["Company denies fraud", "There is no bankruptcy risk", "Court dismissed fraud claims"]
)
def test_denied_events_are_not(text: str) -> None:
    assert not [event for event in find_events(text) if event.severity == "high"]


def test_a_grave_event_rejects(client: Client) -> None:
    news = _news("Profit surges to record", "Auditor finds accounting fraud", "Sales grow strongly")
    found = client.answer(RESEARCH, {"symbol": "SPY", "news": news})
    assert found["newsRisk"] == "high"
    assert found["recommendation"] == "reject"
    assert found["redFlags"][0]["type"] == "fraud"


def test_good_news_is_positive_but_one_article_is_not(client: Client) -> None:
    titles = ("Profit surges past estimates", "Analyst upgrades on strong growth")
    both = client.answer(RESEARCH, {"symbol": "SPY", "news": _news(*titles)})
    assert (both["sentiment"], both["recommendation"]) == ("positive", "pass")
    one = client.answer(RESEARCH, {"symbol": "SPY", "news": _news(titles[0])})
    assert one["sentiment"] == "neutral"


def test_news_of_the_future_and_of_long_ago_is_not_used(client: Client) -> None:
    news = _news("Profit surges", days_ago=-1) + _news("Profit surges", days_ago=60)
    found = client.answer(RESEARCH, {"symbol": "SPY", "news": news})
    assert (found["articlesUsed"], found["sentiment"]) == (0, "unknown")
    assert found["quality"]["warnings"] == ["dropped_articles_after_as_of:1"]


@pytest.mark.parametrize(
    ("days", "risk", "inside"),
    [(0, "high", True), (45, "high", True), (48, "moderate", False), (90, "low", False)],
)
def test_earnings_risk(client: Client, days: int, risk: str, inside: bool) -> None:
    day = (NOW.date() + timedelta(days=days)).isoformat()
    found = client.answer(RESEARCH, {"symbol": "AAPL", "earnings": {"date": day}})
    assert (found["earningsRisk"], found["earnings"]["insideHorizon"]) == (risk, inside)
    assert found["earnings"]["daysUntil"] == days


def test_an_unknown_symbol_with_news_is_judged_on_it(client: Client) -> None:
    news = _news("Profit surges past estimates", "Analyst upgrades on strong growth")
    found = client.answer(RESEARCH, {"symbol": "ZZZZ", "news": news})
    assert (found["sentiment"], found["earningsRisk"]) == ("positive", "unknown")
