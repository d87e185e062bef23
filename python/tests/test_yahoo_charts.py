"""Yahoo's charts and their traps: by hand, and as they were recorded."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from yahoo_bodies import (
    IN_SESSION,
    LAST_CLOSE,
    PRE_MARKET,
    chart_body,
    not_found,
    recorded,
    sessions_until,
)

from ttai_analysis.errors import ProviderError, SymbolNotFoundError
from ttai_analysis.market_calendar.sessions import session_table
from ttai_analysis.providers.base import Bars
from ttai_analysis.providers.yahoo.bars import FetchedChart, daily_bars, intraday_bars
from ttai_analysis.providers.yahoo.parse_chart import parse_chart

LONG_AFTER = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)


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
