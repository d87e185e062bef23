"""Trials on real data in ../shared: the whole way, with numbers that mean something."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import SHARED_DATA, Client, client_for, input_bars

from ttai_analysis.chart.service import provider_series
from ttai_analysis.providers.files.provider import FilesProvider
from ttai_analysis.settings import Settings

pytestmark = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is absent")

GOOG_DAY = datetime(2015, 12, 24, 18, 0, tzinfo=UTC)
LAST_DAY = datetime(2021, 3, 31, 20, 0, tzinfo=UTC)
FilesClient = Callable[[datetime], Client]


@pytest.fixture(scope="module")
def goog(files_client: FilesClient) -> Client:
    return files_client(GOOG_DAY)


def test_goog_chart(goog: Client) -> None:
    found = goog.answer("/analyze/chart", {"symbol": "GOOG"})
    assert found["rejectReasons"] == []
    assert found["recommendation"] in ("bullish", "neutral", "bearish")
    assert found["supportLevels"]
    assert None not in {found["indicators"][name] for name in ("sma200", "rsi14", "adx14", "hv20")}
    assert found["quality"] | {"barsUsed": 0} == {
        "source": "files", "asOf": "2015-12-24T18:00:00Z", "ageSeconds": 0.0, "stale": False,
        "adjusted": True, "barsUsed": 0, "warnings": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "strategy", ["csp", "covered_call", "bull_put_spread", "bear_call_spread", "iron_condor"]
)
def test_goog_options_on_the_real_chain(goog: Client, strategy: str) -> None:
    body = {"symbol": "GOOG", "strategy": strategy, "constraints": {"unknownEarnings": "warn"}}
    found = goog.answer("/analyze/options", body)
    assert found["recommendation"] == "select", found["rationale"]
    assert found["underlyingPrice"] == 748.4
    assert 0.10 < found["iv"] < 0.40
    sold = [leg for leg in found["legs"] if leg["action"] == "sell"]
    assert all(0.15 <= abs(leg["delta"]) <= 0.30 for leg in sold)
    assert 21 <= found["dte"] <= 60
    assert 0.4 < found["pop"] < 1.0
    assert found["maxLoss"] > found["maxProfit"] or strategy == "covered_call"
    strict = goog.answer("/analyze/options", {"symbol": "GOOG", "strategy": strategy})
    assert strict["rejectReasons"] == ["earnings_unknown"]
    assert strict["bestStrike"] == found["bestStrike"]


def test_goog_put_is_a_real_one(goog: Client) -> None:
    body = {"symbol": "GOOG", "constraints": {"unknownEarnings": "warn"}}
    found = goog.answer("/analyze/options", body)
    assert found["bestStrike"] < 748.4
    assert 0.10 < found["weeklyRocPct"] < 0.40
    assert found["breakeven"] == pytest.approx(found["bestStrike"] - found["premium"])
    assert found["candidatesConsidered"] > 900


def test_goog_research_is_unknown(goog: Client) -> None:
    found = goog.answer("/analyze/research", {"symbol": "GOOG"})
    assert (found["sentiment"], found["recommendation"]) == ("unknown", "reject")
    assert found["quality"]["warnings"] == ["provider_has_no_news", "earnings_unknown"]


@pytest.mark.parametrize("symbol", ["SPY", "IBM", "QQQ", "BAC"])
def test_last_day_of_the_real_bars(files_client: FilesClient, symbol: str) -> None:
    client = files_client(LAST_DAY)
    chart = client.answer("/analyze/chart", {"symbol": symbol})
    assert chart["rejectReasons"] == []
    assert chart["score"] > 0.0
    assert chart["supportLevels"]
    assert chart["indicators"]["hv60"] > 0.05
    options = client.answer("/analyze/options", {"symbol": symbol})
    assert options["rejectReasons"] == ["no_option_chain"]
    assert options["hv20"] == chart["indicators"]["hv20"]
    quote = client.answer("/quotes", {"symbols": [symbol]})[symbol]
    assert quote["price"] > 0.0
    assert (quote["asOf"], quote["source"]) == ("2021-03-31T20:00:00Z", "files")


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("SPY", "2001-06-15"),
        ("BAC", "2004-08-27"),
        ("BAC", "2004-09-10"),
        ("QQQ", "2000-03-17"),
        ("IBM", "2010-05-06"),
        ("GOOG", "2015-12-24"),
        ("SPY", "2017-11-24"),
    ],
)
def test_nothing_after_as_of_is_seen(
    shared_data: Path, folder: Path, symbol: str, day: str
) -> None:
    """What the whole folder says about a day is what a folder cut at that day says."""
    whole = shared_data / "market"
    _cut_csv(whole / "bars" / f"{symbol}.csv", folder / "bars" / f"{symbol}.csv", 0, day)
    for name in ("splits.csv", "quotes.csv"):
        _cut_csv(whole / name, folder / name, 1, day)
    moment = datetime.fromisoformat(day).replace(hour=22, tzinfo=UTC)
    answers = []
    for place in (whole, folder):
        client = client_for(Settings(provider="files", data_dir=place, as_of=moment))
        answers.append(
            [
                client.answer("/analyze/chart", {"symbol": symbol}),
                client.answer("/market-data", {"symbol": symbol, "timeframe": "weekly"}),
                client.answer("/quotes", {"symbols": [symbol]}),
            ]
        )
    assert answers[0] == answers[1]
    assert answers[0][0]["quality"]["barsUsed"] > 250


def _cut_csv(source: Path, target: Path, column: int, last_day: str) -> None:
    header, *rows = source.read_text().splitlines()
    kept = [row for row in rows if row.split(",")[column][:10] <= last_day]
    target.write_text("\n".join([header, *kept]) + "\n")


def test_bars_after_as_of_change_nothing(goog: Client, shared_data: Path) -> None:
    provider = FilesProvider(shared_data / "market")
    later, _ = provider_series(provider, "GOOG", "daily", GOOG_DAY + timedelta(days=90))
    bars = input_bars(later)
    stop = sum(bar["timestamp"] < GOOG_DAY.timestamp() for bar in bars)
    moment = "2015-12-24T18:00:00Z"
    full = goog.answer(
        "/analyze/chart", {"symbol": "GOOG", "marketData": {"bars": bars}, "asOf": moment}
    )
    cut = goog.answer(
        "/analyze/chart", {"symbol": "GOOG", "marketData": {"bars": bars[:stop]}, "asOf": moment}
    )
    ignored = {"inputHash", "quality"}
    assert {k: v for k, v in full.items() if k not in ignored} == {
        k: v for k, v in cut.items() if k not in ignored
    }
    assert full["quality"]["warnings"] == [f"dropped_bars_after_as_of:{len(bars) - stop}"]
