"""Yahoo's quotes and the reports in them, company facts and news: what is read, what is unknown."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from yahoo_bodies import (
    IN_SESSION,
    LAST_CLOSE,
    PRE_MARKET,
    quote_row,
    quotes_body,
    recorded,
)

from ttai_analysis.errors import ProviderError
from ttai_analysis.providers.base import UNKNOWN_EARNINGS
from ttai_analysis.providers.yahoo.parse_company import articles_of, metrics_of, parse_summary
from ttai_analysis.providers.yahoo.parse_quote import earnings_of, parse_quotes, quote_of


def test_a_quotes_price_is_that_of_the_regular_session() -> None:
    row = quote_row(marketState="PRE", preMarketPrice=105.0, regularMarketTime=LAST_CLOSE)
    quote = quote_of("AAPL", row, PRE_MARKET)
    assert quote is not None
    assert (quote.price, quote.session, quote.bid, quote.ask) == (100.0, "pre", None, None)
    assert quote.as_of == datetime(2025, 2, 21, 21, 0, 1, tzinfo=UTC)
    live = quote_of("AAPL", quote_row(exchangeDataDelayedBy=15), IN_SESSION)
    assert live is not None
    assert (live.bid, live.ask, live.session) == (99.99, 100.01, "regular")
    assert live.warnings == ("delayed_minutes:15",)


def test_a_trade_while_we_asked_is_not_from_the_future() -> None:
    row = quote_row(regularMarketTime=int(IN_SESSION.timestamp()) + 2)
    quote = quote_of("AAPL", row, IN_SESSION)
    assert quote is not None
    assert quote.as_of == IN_SESSION


def test_rows_without_a_price_are_absent() -> None:
    empty = quote_row("DEAD", regularMarketPrice=None)
    found = parse_quotes(quotes_body(quote_row(), empty, {"symbol": 3}))
    assert list(found) == ["AAPL"]
    assert quote_of("AAPL", quote_row(regularMarketTime=0), IN_SESSION) is None
    with pytest.raises(ProviderError):
        parse_quotes({"finance": {"error": {"code": "Unauthorized"}}})


def test_the_recorded_quote(shared_data: Path) -> None:
    row = parse_quotes(recorded(shared_data, "AAPL"))["AAPL"]
    as_of = datetime(2025, 2, 15, 12, 0, tzinfo=UTC)
    quote = quote_of("AAPL", row, as_of)
    assert quote is not None
    assert (quote.price, quote.session, quote.bid) == (244.6, "closed", None)
    earnings = earnings_of(row, as_of)
    assert (earnings.day, earnings.estimated) == (date(2025, 4, 30), True)
    assert earnings.time_of_day is None


@pytest.mark.parametrize(
    ("changes", "as_of", "day"),
    [
        ({}, IN_SESSION, date(2025, 4, 30)),
        ({}, datetime(2025, 5, 2, 15, 0, tzinfo=UTC), date(2025, 5, 2)),
        ({}, datetime(2025, 5, 6, 15, 0, tzinfo=UTC), None),
        ({"earningsTimestampStart": None, "earningsTimestampEnd": None}, IN_SESSION, None),
    ],
    ids=["ahead", "within the span", "past", "none"],
)
def test_a_report(changes: dict[str, Any], as_of: datetime, day: date | None) -> None:
    earnings = earnings_of(quote_row(**changes), as_of)
    assert earnings == UNKNOWN_EARNINGS if day is None else earnings.day == day


def test_a_sure_report_has_a_time_and_a_fund_has_none() -> None:
    at = int(datetime(2025, 5, 1, 20, 30, tzinfo=UTC).timestamp())
    times: dict[str, Any] = {"earningsTimestampStart": at, "earningsTimestampEnd": at}
    sure = earnings_of(quote_row(**times, isEarningsDateEstimate=False), IN_SESSION)
    assert (sure.day, sure.time_of_day) == (date(2025, 5, 1), "after_close")
    assert earnings_of(quote_row(**times), IN_SESSION).time_of_day is None
    fund = earnings_of(quote_row(quoteType="ETF"), IN_SESSION)
    assert (fund.known, fund.day) == (True, None)


def test_company_facts_and_what_is_unknown() -> None:
    modules = {
        "summaryDetail": {"marketCap": {"raw": 3.5e12}, "beta": 1.2, "dividendYield": 0.0041},
        "defaultKeyStatistics": {"shortPercentOfFloat": 0.0067},
        "calendarEvents": {"exDividendDate": 1_746_748_800, "dividendDate": 1_747_267_200},
        "assetProfile": {"sector": "Technology"},
    }
    found = metrics_of(
        parse_summary({"quoteSummary": {"result": [modules], "error": None}}), IN_SESSION
    )
    assert (found.market_cap, found.beta, found.sector) == (3.5e12, 1.2, "Technology")
    assert found.dividend_yield == 0.0041
    assert found.short_percent_of_float == pytest.approx(0.67)
    assert found.next_ex_dividend == date(2025, 5, 9)
    assert found.iv_history is None
    error = {"code": "Not Found", "description": "No fundamentals data found"}
    nothing = metrics_of(
        parse_summary({"quoteSummary": {"result": None, "error": error}}), IN_SESSION
    )
    assert nothing.market_cap is None
    assert nothing.short_percent_of_float is None
    past = metrics_of(modules, datetime(2025, 6, 1, tzinfo=UTC))
    assert past.next_ex_dividend is None


def test_news_of_other_companies_is_left_out() -> None:
    def article(name: str, at: int, related: object) -> dict[str, Any]:
        return {
            "uuid": name,
            "title": f"Title {name}",
            "publisher": "Wire",
            "link": "https://example.com/a",
            "providerPublishTime": at,
            "relatedTickers": related,
        }

    body = {
        "news": [
            article("old", 1_740_000_000, ["BRK-B", "AAPL"]),
            article("new", 1_740_300_000, ["BRK-B"]),
            article("other", 1_740_300_000, ["AAPL"]),
            article("none", 1_740_300_000, None),
            article("untimed", 0, ["BRK-B"]),
        ]
    }
    found = articles_of("BRK.B", "BRK-B", body)
    assert [(item.id, item.symbol) for item in found] == [("new", "BRK.B"), ("old", "BRK.B")]
    with pytest.raises(ProviderError):
        articles_of("AAPL", "AAPL", {"quotes": []})
