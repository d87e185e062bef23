"""The faults of the originals (numbers as in the design's analysis notes), each shown absent."""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import AT_100, NOW, Client, chain_body, input_bars, one_expiry_chain, series_of

from ttai_analysis.chart.indicators import bollinger, historical_volatility, rsi
from ttai_analysis.chart.levels import swing_zones
from ttai_analysis.chart.swings import Swing, find_swings, last_major_leg
from ttai_analysis.models.options import Constraints
from ttai_analysis.options.contracts import at_the_money_iv, contracts_of
from ttai_analysis.options.gates import short_gates
from ttai_analysis.options.trades import cash_secured_put, per_week, per_year
from ttai_analysis.options.volatility_context import volatility_context
from ttai_analysis.providers.base import Earnings, Metrics

OPTIONS = "/analyze/options"
NO_EARNINGS = {"date": None}


def _walk(n: int = 300, seed: int = 3, drift: float = 0.0005) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(drift, 0.012, n)
    return np.asarray(100.0 * np.exp(np.cumsum(steps)))


def test_fault_1_rsi_is_wilders_not_a_rolling_mean(shared_data: Path) -> None:
    path = shared_data / "reference" / "si_default_spy_2017_2018.csv"
    with path.open() as stream:
        close = np.array([float(row["close"]) for row in csv.DictReader(stream)])
    assert rsi(close)[501] == pytest.approx(42.0773, abs=5e-5)


def test_fault_2_hv_heeds_its_period_and_uses_log_returns() -> None:
    close = np.concatenate([np.full(60, 100.0), 100.0 * np.exp(0.02 * (-1.0) ** np.arange(21))])
    short, long = (historical_volatility(close, n, 252.0) for n in (20, 60))
    returns = np.diff(np.log(close))
    assert short == pytest.approx(np.std(returns[-20:], ddof=1) * np.sqrt(252.0), rel=1e-12)
    assert short > 1.5 * long


def test_fault_3_bollinger_uses_the_population_deviation() -> None:
    close = _walk(20)
    bands = bollinger(close)
    assert bands.upper[-1] == pytest.approx(close.mean() + 2.0 * close.std(ddof=0), rel=1e-12)


def test_fault_4_zones_do_not_drift_and_touches_are_apart() -> None:
    series = series_of(np.full(200, 100.0))
    chained = [Swing(5 * i, 100.0 + 0.4 * i, "low") for i in range(30)]
    zones = swing_zones(series, chained, width=1.0)
    assert max(zone.high - zone.low for zone in zones) <= 2.0
    adjacent = [Swing(50, 100.0, "low"), Swing(51, 100.1, "low"), Swing(52, 100.2, "low")]
    assert [zone.touches for zone in swing_zones(series, adjacent, width=1.0)] == [1]


def test_fault_4_levels_are_split_at_the_close(client: Client) -> None:
    found = client.answer("/analyze/chart", {"symbol": "MSFT"})
    close = client.answer("/market-data", {"symbol": "MSFT"})["bars"][-1]["close"]
    assert found["supportLevels"]
    assert found["resistanceLevels"]
    assert all(level["price"] < close for level in found["supportLevels"])
    assert all(level["price"] > close for level in found["resistanceLevels"])


def test_fault_5_the_legs_direction_is_known() -> None:
    path = np.concatenate([np.linspace(100, 80, 40), np.linspace(80, 120, 60)])
    series = series_of(path)
    leg = last_major_leg(series, np.full(path.size, 1.5))
    assert leg is not None
    assert (leg.direction, leg.start < leg.end) == ("up", True)
    down = last_major_leg(series_of(path[:39:-1].copy()), np.full(60, 1.5))
    assert down is not None
    assert down.direction == "down"


def test_fault_6_a_missing_volatility_stays_missing() -> None:
    assert volatility_context(Metrics(), None, 0.2).ratio is None
    assert volatility_context(Metrics(), 0.3, None).ratio is None
    chain = one_expiry_chain()
    silent = type(chain)(
        **{name: getattr(chain, name) for name in chain.__slots__}
        | {"bid": np.zeros(len(chain)), "ask": np.zeros(len(chain))}
    )
    contracts = contracts_of(silent, NOW, 0.04)
    assert np.isnan(contracts.iv).all()
    assert at_the_money_iv(contracts, 30.0) is None


def test_fault_7_expiry_today_divides_by_nothing(client: Client) -> None:
    chain = one_expiry_chain(dte=0)
    body = {
        "symbol": AT_100,
        "optionChain": chain_body(chain, bid=1.0, ask=1.02),
        "constraints": {"dteMin": 0, "dteMax": 5, "targetDte": 1, "minDelta": 0, "maxDelta": 1},
        "earnings": NO_EARNINGS,
    }
    found = client.answer(OPTIONS, body)
    assert found["dte"] == 0
    assert found["weeklyRocPct"] == pytest.approx(7.0 * found["rocPct"], rel=1e-5)
    assert per_week(1.0, 0) == 7.0
    assert per_year(1.0, 0) == 365.0


def test_fault_7_an_expiry_that_has_closed_is_not_sold() -> None:
    chain = one_expiry_chain(dte=0)
    after_close = NOW.replace(hour=20, minute=0)
    contracts = contracts_of(chain, after_close, 0.04)
    gates = short_gates(contracts, Constraints(dte_min=0), Earnings(known=True), is_call=False)
    assert gates.considered == 0


@pytest.mark.parametrize(
    ("earnings", "recommendation", "reason"),
    [
        ({"date": NOW.date().isoformat()}, "reject", ["earnings_inside_dte"]),
        ({"date": (NOW.date() + timedelta(days=20)).isoformat()}, "reject",
         ["earnings_inside_dte"]),
        ({"date": (NOW.date() - timedelta(days=1)).isoformat()}, "reject", ["earnings_unknown"]),
        ({"date": (NOW.date() + timedelta(days=90)).isoformat()}, "select", []),
        (NO_EARNINGS, "select", []),
    ],
    ids=["today", "inside", "past", "after", "none"],
)  # fmt: skip
def test_fault_8_earnings_today_and_unknown_do_not_slip_through(
    client: Client, earnings: object, recommendation: str, reason: list[str]
) -> None:
    chain = chain_body(one_expiry_chain())
    found = client.answer(OPTIONS, {"symbol": AT_100, "optionChain": chain, "earnings": earnings})
    assert (found["recommendation"], found["rejectReasons"]) == (recommendation, reason)
    assert found["bestStrike"] is not None


def test_fault_8_an_unknown_symbols_earnings_are_unknown(client: Client) -> None:
    body = {"symbol": "NOWHERE", "optionChain": chain_body(one_expiry_chain())}
    found = client.answer(OPTIONS, body)
    assert found["rejectReasons"] == ["earnings_unknown"]
    assert found["earningsInsideDte"] is None
    waived = client.answer(OPTIONS, body | {"constraints": {"unknownEarnings": "warn"}})
    assert waived["recommendation"] == "select"


def test_fault_9_no_news_is_unknown_never_a_pass(client: Client) -> None:
    found = client.answer("/analyze/research", {"symbol": "AAPL", "news": []})
    assert found["sentiment"] == "unknown"
    assert found["recommendation"] == "reject"
    assert found["newsRisk"] == "unknown"


@pytest.mark.parametrize("title", ["<!DOCTYPE html><title>Record profit</title>", "{", "  "])
def test_fault_9_news_that_cannot_be_read_is_unknown(client: Client, title: str) -> None:
    articles = [
        {"id": str(n), "title": title, "publishedAt": "2026-03-18T12:00:00Z"} for n in range(3)
    ]
    found = client.answer("/analyze/research", {"symbol": "AAPL", "news": articles})
    assert (found["sentiment"], found["recommendation"]) == ("unknown", "reject")
    assert "unreadable_articles:3" in found["quality"]["warnings"]


def test_fault_11_empty_bars_are_dropped_and_said(client: Client) -> None:
    bars: list[dict[str, object]] = [dict(bar) for bar in input_bars(series_of(_walk()))]
    gap = {"timestamp": int(str(bars[-1]["timestamp"])) + 86_400, "open": None, "close": None}
    body = {"symbol": "AAPL", "marketData": {"bars": [*bars, gap]}}
    assert "dropped_empty_bars:1" in client.answer("/analyze/chart", body)["quality"]["warnings"]


def test_fault_11_a_split_is_no_crash(folder: Path) -> None:
    from ttai_analysis.providers.files.provider import FilesProvider

    first = date(2026, 1, 5)
    days = [
        first + timedelta(days=i) for i in range(10) if (first + timedelta(days=i)).weekday() < 5
    ]
    split_day = days[4]
    lines = ["date,open,high,low,close,volume"]
    for day in days:
        price = 400.0 if day < split_day else 100.0
        lines.append(f"{day},{price},{price + 1},{price - 1},{price},1000")
    (folder / "bars" / "XYZ.csv").write_text("\n".join(lines))
    (folder / "splits.csv").write_text(f"symbol,date,numerator,denominator\nXYZ,{split_day},4,1\n")
    provider = FilesProvider(folder)
    adjusted = provider.bars("XYZ", "daily", "1mo", NOW.replace(month=1, day=20), adjusted=True)
    assert adjusted.close.tolist() == [100.0] * len(days)
    assert adjusted.volume[0] == 4000.0
    raw = provider.bars("XYZ", "daily", "1mo", NOW.replace(month=1, day=20), adjusted=False)
    assert raw.close[0] == 400.0
    assert (adjusted.adjusted, raw.adjusted) == (True, False)


def test_fault_11_a_split_left_in_is_no_crash_to_trade_on(client: Client) -> None:
    close = _walk(300)
    close[:-20] *= 4.0
    bars = input_bars(series_of(close, spread=0.02))
    bars[-20]["open"] = bars[-20]["close"]
    bars[-20]["high"] = bars[-20]["close"] * 1.01
    found = client.answer("/analyze/chart", {"symbol": "AAPL", "marketData": {"bars": bars}})
    assert found["recommendation"] == "reject"
    assert "suspected_split" in found["rejectReasons"]


def test_fault_14_weekly_return_is_no_gate_unless_asked(client: Client) -> None:
    calm = chain_body(one_expiry_chain(iv=0.22))
    body = {"symbol": AT_100, "optionChain": calm, "earnings": NO_EARNINGS}
    found = client.answer(OPTIONS, body)
    assert found["recommendation"] == "select"
    assert found["weeklyRocPct"] < 0.5
    gated = client.answer(OPTIONS, body | {"constraints": {"minWeeklyRocPct": 0.5}})
    assert gated["recommendation"] == "reject"
    assert gated["rejectedCounts"]["roc"] > 0


def test_fault_15_returns_on_risk_and_on_the_strike_are_both_stated() -> None:
    chain = one_expiry_chain()
    contracts = contracts_of(chain, NOW, 0.04)
    row = int(np.flatnonzero(~chain.is_call & (chain.strike == 95.0))[0])
    trade = cash_secured_put(contracts, row)
    bid = float(chain.bid[row])
    assert trade.roc_pct == pytest.approx(100.0 * bid / (95.0 - bid))
    assert trade.gross_roc_pct == pytest.approx(100.0 * bid / 95.0)


def test_a_swing_is_known_only_when_confirmed() -> None:
    series = series_of(_walk(200, seed=9), spread=0.02)
    atr = np.full(200, 0.5)
    later = find_swings(series, atr, 5)
    for stop in (120, 150, 180):
        cut = series.until(float(series.timestamps[stop]))
        known = find_swings(cut, atr[:stop], 5)
        assert known == [swing for swing in later if swing.index < stop - 5]
