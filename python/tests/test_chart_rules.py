"""Rules of the chart analysis at their edges: how much history, which window, what callers send."""

import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from helpers import Client, input_bars, series_of

from ttai_analysis.chart.analysis import analyse_chart
from ttai_analysis.chart.levels import confluence
from ttai_analysis.chart.series import Series
from ttai_analysis.chart.trend import Trend
from ttai_analysis.chart.verdict import SupportView, score_evidence
from ttai_analysis.timestamps import format_rfc3339

CHART = "/analyze/chart"


def _walk(n: int, seed: int = 4, drift: float = 0.0) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(drift, 0.012, n)
    return np.asarray(100.0 * np.exp(np.cumsum(steps)))


def _chart(client: Client, series: Series, *, strategy: str = "csp", **more: Any) -> dict[str, Any]:
    """The answer just after the last bar was complete."""
    after = datetime.fromtimestamp(int(series.timestamps[-1]) + 86_400, UTC)
    data = {"bars": input_bars(series), **more}
    body = {"symbol": "AAPL", "marketData": data, "asOf": format_rfc3339(after)}
    body["strategy"] = strategy
    return client.answer(CHART, body)


@pytest.mark.parametrize(("bars", "reduced"), [(199, True), (200, False), (300, False)])
def test_the_long_averages_count_from_200_bars(bars: int, reduced: bool) -> None:
    findings = analyse_chart(
        series_of(_walk(bars, drift=0.002)), "daily", swing_k=None, levels=5, stale=False
    )
    assert findings.trend is not None
    assert findings.trend.reduced_history is reduced


def test_prices_agree_wherever_they_stand_in_the_order() -> None:
    """The second ratio of the same leg must not keep the average from agreeing with it."""
    sources = {"fib_38.2": 100.0, "fib_50.0": 100.9, "sma_50": 101.1}
    assert confluence(sources, 1.0, 6) == [(101.0, ["fib_50.0", "sma_50"])]
    alone = {"sma_50": 100.0, "sma_200": 103.0, "fib_50.0": 106.0}
    assert confluence(alone, 1.0, 6) == []


def test_a_support_earns_its_share_while_no_volatility_is_known() -> None:
    support = SupportView(distance=1.0, expected_move=float("nan"), atr=2.0)
    trend = Trend("up", "strong", "low", 30.0, 0.9, 3, 0.0, 0.0, reduced_history=True)
    rules = {rule.rule: rule.value for rule in score_evidence(trend, support, 0)}
    assert rules["support_proximity"] == 1.0 - 0.5 * 1.0 / 4.0


def test_prices_that_never_move_are_no_trouble() -> None:
    flat = series_of(np.full(80, 10.0), spread=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        findings = analyse_chart(flat, "daily", swing_k=None, levels=5, stale=False)
    assert findings.recommendation == "reject"
    assert "recent_gap" not in findings.rejects


def _falling() -> Series:
    """Steps down and halfway up again for a year, ever lower: nothing below has been traded."""
    wave = np.tile([-0.012] * 7 + [0.010] * 4, 30)
    return series_of(100.0 * np.exp(np.cumsum(wave)))


@pytest.mark.parametrize("strategy", ["csp", "covered_call", "bull_put_spread", "iron_condor"])
def test_a_strong_downtrend_rejects_what_sells_puts_or_holds_shares(
    client: Client, strategy: str
) -> None:
    found = _chart(client, _falling(), strategy=strategy)
    assert (found["trendDirection"], found["trendQuality"]) == ("down", "strong")
    assert (found["recommendation"], found["rejectReasons"]) == ("reject", ["strong_downtrend"])
    assert "no_support_nearby" in {rule["rule"] for rule in found["evidence"]}


def test_a_strong_downtrend_is_what_who_sells_calls_alone_wants(client: Client) -> None:
    found = _chart(client, _falling(), strategy="bear_call_spread")
    assert (found["trendDirection"], found["trendQuality"]) == ("down", "strong")
    assert (found["recommendation"], found["rejectReasons"]) == ("bearish", [])
    assert "no_support_nearby" not in {rule["rule"] for rule in found["evidence"]}


def test_who_sells_calls_is_refused_what_cannot_be_judged_all_the_same(client: Client) -> None:
    found = _chart(client, _falling().part(slice(0, 50)), strategy="bear_call_spread")
    assert found["rejectReasons"] == ["insufficient_data"]


def _with_split(close: np.ndarray, at: int) -> Series:
    series = series_of(close)
    opens, high, low, close = (
        column.copy() for column in (series.open, series.high, series.low, series.close)
    )
    for column in (opens, high, low, close):
        column[:at] *= 4.0
    opens[at], high[at], low[at] = close[at], close[at] * 1.01, close[at] * 0.99
    return Series(series.timestamps, opens, high, low, close, series.volume)


def test_a_break_in_old_prices_ends_the_history(client: Client) -> None:
    """A year after it all that the answer says comes from the bars since."""
    close = _walk(500, drift=0.001)
    found = _chart(client, _with_split(close, 200))
    alone = _chart(client, series_of(close).part(slice(-300, None)))
    assert "dropped_bars_before_suspected_split:200" in found["quality"]["warnings"]
    assert found["quality"]["barsUsed"] == 300
    assert "suspected_split" not in found["rejectReasons"]
    assert found["supportLevels"] == alone["supportLevels"]
    assert found["recommendation"] == alone["recommendation"]


@pytest.mark.parametrize("at", [249, 400, 499])
def test_a_break_within_the_last_year_forbids_a_trade(client: Client, at: int) -> None:
    found = _chart(client, _with_split(_walk(500), at))
    assert "suspected_split" in found["rejectReasons"]


def test_a_bad_tick_of_long_ago_ends_the_history_too(client: Client) -> None:
    series = series_of(_walk(500))
    high = series.high.copy()
    high[100] *= 3.0
    spiked = Series(series.timestamps, series.open, high, series.low, series.close, series.volume)
    found = _chart(client, spiked)
    assert "dropped_bars_before_suspected_bad_tick:101" in found["quality"]["warnings"]
    assert "suspected_bad_tick" not in found["rejectReasons"]


def test_what_is_said_of_sent_bars_counts(client: Client) -> None:
    """An answer of /market-data that is sent on keeps its faults."""
    series = series_of(_walk(300))
    raw = _chart(client, series, quality={"source": "files", "adjusted": False})
    assert "unadjusted_prices" in raw["rejectReasons"]
    assert (raw["quality"]["source"], raw["quality"]["adjusted"]) == ("files", False)
    told = ["halted", "zero_volume_bars:3", "<script>", 7]
    halted = _chart(client, series, quality={"warnings": told})
    assert "halted" in halted["rejectReasons"]
    assert halted["quality"]["warnings"][:2] == ["halted", "zero_volume_bars:3"]
    assert "<script>" not in halted["quality"]["warnings"]
