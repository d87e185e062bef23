"""Yahoo's bodies and their traps: by hand, and as they were recorded."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from yahoo_bodies import (
    IN_SESSION,
    LAST_CLOSE,
    PRE_MARKET,
    chart_body,
    contract,
    fair_contracts,
    not_found,
    options_body,
    quote_row,
    quotes_body,
    recorded,
    sessions_until,
)

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import UNKNOWN_EARNINGS, Bars
from ttai_analysis.providers.yahoo.bars import FetchedChart, daily_bars, intraday_bars
from ttai_analysis.providers.yahoo.parse_chart import parse_chart
from ttai_analysis.providers.yahoo.parse_company import articles_of, metrics_of, parse_summary
from ttai_analysis.providers.yahoo.parse_options import (
    chain_of,
    expiries_worth_fetching,
    parse_options,
)
from ttai_analysis.providers.yahoo.parse_quote import earnings_of, parse_quotes, quote_of
from ttai_analysis.timestamps import ordinal_of

LONG_AFTER = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
APRIL = ordinal_of(date(2025, 4, 11))


def daily(
    body: dict[str, Any],
    as_of: datetime = LONG_AFTER,
    fetched: datetime | None = None,
    *,
    adjusted: bool = True,
) -> Bars:
    chart = FetchedChart(parse_chart("AAPL", "1d", body), (fetched or as_of).timestamp())
    return daily_bars(chart, session_table(), as_of, 0, adjusted=adjusted)


def test_null_rows_are_dropped_and_said() -> None:
    opens = sessions_until(PRE_MARKET, 4)
    bars = daily(chart_body(opens, [100.0, None, 102.0, 103.0]))
    assert bars.close.tolist() == [100.0, 102.0, 103.0]
    assert bars.warnings == ("dropped_empty_bars:1",)


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_one_null_price_makes_the_row_none(name: str) -> None:
    body = chart_body(sessions_until(PRE_MARKET, 2), [100.0, 101.0])
    body["chart"]["result"][0]["indicators"]["quote"][0][name][0] = None
    assert daily(body).close.tolist() == [101.0]


def test_a_null_volume_is_no_volume_and_a_rounded_low_is_mended() -> None:
    body = chart_body(sessions_until(PRE_MARKET, 1), [100.0])
    quote = body["chart"]["result"][0]["indicators"]["quote"][0]
    quote |= {"volume": [None], "low": [100.0000019073]}
    bars = daily(body)
    assert (bars.volume.tolist(), bars.low.tolist(), bars.warnings) == ([0.0], [100.0], ())


def test_contradictory_rows_are_dropped_and_said() -> None:
    body = chart_body(sessions_until(PRE_MARKET, 2), [100.0, 101.0])
    body["chart"]["result"][0]["indicators"]["quote"][0]["high"][0] = 90.0
    bars = daily(body)
    assert bars.close.tolist() == [101.0]
    assert bars.warnings == ("dropped_contradictory_bars:1",)


def test_without_times_there_are_no_bars() -> None:
    body = chart_body([], [100.0, 101.0])
    del body["chart"]["result"][0]["timestamp"]
    bars = daily(body)
    assert (len(bars), bars.as_of, bars.warnings) == (0, None, ("bars_without_time:2",))
    del body["chart"]["result"][0]["indicators"]["quote"][0]["open"]
    assert len(daily(body)) == 0


def test_the_running_session_is_no_bar_until_it_is_final() -> None:
    opens = sessions_until(IN_SESSION, 2)
    now = int(IN_SESSION.timestamp())
    body = chart_body([*opens, now], [100.0, 101.0, 95.0], meta={"regularMarketTime": now})
    bars = daily(body, IN_SESSION)
    assert bars.close.tolist() == [100.0, 101.0]
    assert bars.warnings == ("live_bar_dropped:1",)
    # Asked again after the close, what was fetched in the session still is no bar.
    evening = IN_SESSION.replace(hour=21, minute=30)
    assert daily(body, evening, IN_SESSION).close.tolist() == [100.0, 101.0]
    body["chart"]["result"][0]["meta"]["regularMarketTime"] = now + 5 * 3600
    assert daily(body, evening).close.tolist() == [100.0, 101.0, 95.0]


def test_a_bar_and_its_last_trade_apart_are_one_bar() -> None:
    opens = sessions_until(PRE_MARKET, 2)
    bars = daily(chart_body([*opens, LAST_CLOSE], [100.0, 101.0, 101.5]))
    assert bars.close.tolist() == [100.0, 101.5]
    assert bars.high.tolist() == [101.0, 102.5]
    assert bars.low.tolist() == [99.0, 100.0]
    assert bars.timestamps.tolist() == opens
    assert bars.warnings == ("duplicate_bars:1",)


def test_nothing_after_as_of_is_a_bar() -> None:
    opens = sessions_until(PRE_MARKET, 5)
    as_of = datetime(2025, 2, 19, 20, 59, tzinfo=UTC)
    bars = daily(chart_body(opens, [11.0, 12.0, 13.0, 14.0, 15.0]), as_of, PRE_MARKET)
    assert bars.close.tolist() == [11.0, 12.0]
    assert bars.as_of == datetime(2025, 2, 18, 21, 0, tzinfo=UTC)


def test_a_split_after_as_of_is_not_known_yet() -> None:
    opens = sessions_until(PRE_MARKET, 4)
    day = opens[2]
    splits = {str(day): {"date": day, "numerator": 4, "denominator": 1}}
    paid = {str(opens[0]): {"date": opens[0], "amount": 0.25}}
    body = chart_body(opens, [25.0, 26.0, 26.5, 27.0])
    body["chart"]["result"][0]["events"] = {"splits": splits, "dividends": paid}
    before = datetime.fromtimestamp(opens[1] + 8 * 3600, UTC)

    today = daily(body)
    assert today.close.tolist() == [25.0, 26.0, 26.5, 27.0]
    assert [split.numerator for split in today.splits] == [4.0]
    assert today.dividends[0].amount == 0.25

    then = daily(body, before, PRE_MARKET)
    assert then.close.tolist() == [100.0, 104.0]
    assert then.volume.tolist() == [250.0, 250.0]
    assert (then.splits, then.dividends[0].amount) == ((), 1.0)

    raw = daily(body, adjusted=False)
    assert raw.close.tolist() == [100.0, 104.0, 26.5, 27.0]
    assert (raw.adjusted, today.adjusted) == (False, True)


def test_a_dividend_after_as_of_is_not_in_the_adjusted_close() -> None:
    opens = sessions_until(PRE_MARKET, 3)
    body = chart_body(opens, [100.0, 100.0, 99.0])
    body["chart"]["result"][0]["indicators"]["adjclose"] = [{"adjclose": [98.01, 98.01, 99.0]}]
    then = daily(body, datetime.fromtimestamp(opens[1] + 8 * 3600, UTC), PRE_MARKET)
    assert then.adj_close is not None
    assert then.adj_close == pytest.approx([100.0, 100.0])
    now = daily(body)
    assert now.adj_close is not None
    assert now.adj_close == pytest.approx([98.01, 98.01, 99.0])


def test_intraday_rows_are_whole_complete_and_inside_the_session() -> None:
    table = session_table()
    opening = int(table.opens[table.completed(IN_SESSION.timestamp())])
    now = opening + 900 + 130
    times = [opening - 300, opening, opening + 300, opening + 600, opening + 900, now]
    body = chart_body(times, [11.0, 12.0, 13.0, 14.0, 15.0, 16.0], interval="5m")
    chart = FetchedChart(parse_chart("AAPL", "5m", body), float(now))
    as_of = datetime.fromtimestamp(now + 600, UTC)
    bars = intraday_bars(chart, table, as_of, 0, adjusted=True)
    assert bars.close.tolist() == [12.0, 13.0, 14.0]
    assert bars.as_of == datetime.fromtimestamp(opening + 900, UTC)
    assert bars.warnings == ("live_bar_dropped:1",)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (not_found("XXXX"), SymbolNotFoundError),
        (chart_body([], [], meta={"dataGranularity": "1h"}), ProviderError),
        (chart_body([], [], meta={"currency": "EUR"}), SymbolNotFoundError),
        (chart_body([], [], meta={"exchangeTimezoneName": "Asia/Tokyo"}), SymbolNotFoundError),
        ({"chart": {"result": None, "error": {"code": "Internal Server Error"}}}, ProviderError),
        ({"finance": {"result": None}}, ProviderError),
        ({"chart": None}, ProviderError),
        ({}, ProviderError),
    ],
)
def test_a_chart_that_is_none(body: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_chart("XXXX", "1d", body)


def test_a_range_without_data_is_empty() -> None:
    error = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1"}
    chart = parse_chart("AAPL", "1d", {"chart": {"result": None, "error": error}})
    assert (chart.timestamps.size, chart.warnings) == (0, ("no_bars_in_range",))


def test_nonsense_in_a_chart_is_no_crash() -> None:
    body = chart_body(sessions_until(PRE_MARKET, 3), [100.0, 101.0, 102.0])
    result = body["chart"]["result"][0]
    result["timestamp"][0] = "soon"
    result["indicators"]["quote"][0]["close"] = [100.0, float("nan")]
    result["indicators"]["adjclose"] = None
    result["events"] = {"splits": [1], "dividends": {"1": None, "2": {"amount": "x", "date": 1}}}
    assert len(daily(body)) == 0


def test_the_recorded_charts(shared_data: Path) -> None:
    bars = daily(recorded(shared_data, "chart"))
    assert (len(bars), bars.warnings) == (49, ())
    assert bars.close[0] == pytest.approx(129.04)
    assert [(split.day, split.numerator) for split in bars.splits] == [(date(2020, 8, 31), 4.0)]
    assert [(paid.ex_date, paid.amount) for paid in bars.dividends] == [(date(2020, 11, 6), 0.205)]
    assert len(daily(recorded(shared_data, "without_times"))) == 0


def test_the_recorded_split_is_no_crash_and_no_prophecy(shared_data: Path) -> None:
    body = recorded(shared_data, "split")
    bars = daily(body)
    assert len(bars) == 252
    assert float(np.abs(np.diff(np.log(bars.close))).max()) < 0.2
    then = daily(body, datetime(2021, 7, 16, 21, 0, tzinfo=UTC), LONG_AFTER)
    assert then.splits == ()
    assert then.close[0] == pytest.approx(4.0 * bars.close[0])


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


def test_contracts_that_are_not_standard_are_skipped_and_said() -> None:
    live = {"bid": 1.0, "ask": 1.1}
    saturday = ordinal_of(date(2025, 4, 12))
    rows = [
        contract(APRIL, 95.0, "P", **live),
        contract(APRIL, 96.0, "P", contractSize="MINI", **live),
        contract(APRIL, 97.0, "P", **live) | {"contractSymbol": "AAPL1250411P00097000"},
        contract(saturday, 98.0, "P", **live),
        contract(APRIL, 99.0, "P", **live) | {"strike": None},
    ]
    chain = chain_of("AAPL", [parse_options("AAPL", options_body(rows))], IN_SESSION, ["x:1"])
    assert chain is not None
    assert chain.strike.tolist() == [95.0]
    assert chain.warnings == (
        "x:1",
        "contract_without_strike_or_expiry:1",
        "non_standard_deliverable:2",
        "saturday_expiry:1",
    )


def test_what_a_contract_lacks_is_not_known() -> None:
    row = contract(APRIL, 95.0, "P", bid=None, ask=1.1)
    del row["volume"], row["openInterest"]
    chain = chain_of("AAPL", [parse_options("AAPL", options_body([row]))], IN_SESSION)
    assert chain is not None
    assert (chain.bid[0], chain.ask[0]) == (0.0, 1.1)
    assert np.isnan(chain.volume[0])
    assert np.isnan(chain.open_interest[0])


def test_before_the_open_no_contract_has_a_quote() -> None:
    rows = fair_contracts(APRIL, 46)
    bodies = {
        state: parse_options("AAPL", options_body(rows, quote=quote_row(marketState=state)))
        for state in ("REGULAR", "PRE", "PREPRE")
    }
    live, *early = (chain_of("AAPL", [body], IN_SESSION) for body in bodies.values())
    assert live is not None
    assert (live.bid > 0.0).any()
    for chain in early:
        assert chain is not None
        assert (chain.bid.max(), chain.ask.max()) == (0.0, 0.0)
        assert chain.warnings == ("no_live_quotes",)


def test_no_options_is_no_chain_and_no_symbol_is_an_error() -> None:
    assert chain_of("AAPL", [parse_options("AAPL", options_body([]))], IN_SESSION) is None
    with pytest.raises(SymbolNotFoundError):
        parse_options("XXXX", {"optionChain": {"result": [], "error": None}})
    with pytest.raises(ProviderError):
        parse_options("XXXX", {"finance": {"error": {"code": "Unauthorized"}}})


@pytest.mark.parametrize("symbol", ["AMZN", "QQQ"])
def test_the_recorded_chains_have_no_quotes(shared_data: Path, symbol: str) -> None:
    body = parse_options(symbol, recorded(shared_data, symbol))
    chain = chain_of(symbol, [body], PRE_MARKET)
    assert chain is not None
    assert len(chain) > 90
    assert (chain.bid.max(), chain.ask.max()) == (0.0, 0.0)
    assert chain.warnings == ("no_live_quotes",)
    assert chain.as_of == datetime.fromtimestamp(LAST_CLOSE, UTC) - timedelta(
        seconds=1 if symbol == "QQQ" else 0
    )


def test_expiries_near_the_wanted_are_fetched_and_the_rest_is_counted() -> None:
    days = [0, *range(1, 60, 2), 74, 76, 300]
    wanted, left_out = expiries_worth_fetching([day * 86_400 for day in days], 0, None)
    assert len(wanted) == 16
    assert wanted == sorted(wanted)
    assert wanted[0] >= 25 * 86_400
    assert left_out == len(days) - 16
    few, none = expiries_worth_fetching([day * 86_400 for day in (5, 12, 19, 26)], 0, 20)
    assert ([expiry // 86_400 for expiry in few], none) == ([5, 12, 19], 0)


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
