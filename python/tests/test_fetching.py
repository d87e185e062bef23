"""Fetching into a folder: what is written reads back, failures and reruns, nothing mixed up."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import client_for, parse

from ttai_analysis.errors import ProviderError, RateLimitError
from ttai_analysis.fetching.__main__ import main
from ttai_analysis.fetching.job import Stored, Wanted, fetch
from ttai_analysis.fetching.writer import FolderWriter
from ttai_analysis.providers.base import Bars, Earnings
from ttai_analysis.providers.files.provider import FilesProvider
from ttai_analysis.providers.simulated.provider import SimulatedProvider
from ttai_analysis.settings import Settings

EVENING = datetime(2026, 3, 18, 21, 0, tzinfo=UTC)
"""A Wednesday, an hour after the close."""
CLOSE = EVENING - timedelta(hours=1)
FIRST = date(2025, 1, 2)


class Flaky:
    """The simulated market, whose bars fail as told before they come."""

    def __init__(self, market: SimulatedProvider, *failures: Exception) -> None:
        self._market, self._failures = market, list(failures)
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._market, name)

    def bars(self, *args: Any, **options: Any) -> Bars:
        self.asked += 1
        if self._failures:
            raise self._failures.pop(0)
        return self._market.bars(*args, **options)


def _fetch(
    provider: Any, folder: Path, *symbols: str, now: datetime = EVENING, chains: bool = False,
    first: date | None = FIRST, waits: list[float] | None = None,
) -> list[Stored]:  # fmt: skip
    writer = FolderWriter(folder, provider.source)
    told = [] if waits is None else waits
    return list(fetch(provider, writer, Wanted(symbols, first, chains), now, sleep=told.append))


def test_what_is_stored_reads_back_as_the_provider_gave_it(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    [stored] = _fetch(market, tmp_path, "MSFT", chains=True)
    assert (stored.error, stored.first, stored.last) == (None, FIRST, date(2026, 3, 18))
    files = FilesProvider(tmp_path)
    theirs = market.bars("MSFT", "daily", "1y", EVENING, adjusted=True)
    ours = files.bars("MSFT", "daily", "1y", EVENING, adjusted=True)
    for name in ("timestamps", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    given, read = market.chain("MSFT", CLOSE), files.chain("MSFT", CLOSE)
    assert given is not None
    assert read is not None
    assert stored.contracts == len(read) == len(given)
    for name in ("expiry", "strike", "is_call", "bid", "ask", "open_interest", "volume"):
        np.testing.assert_array_equal(getattr(read, name), getattr(given, name), err_msg=name)
    assert files.earnings("MSFT", EVENING).day == market.earnings("MSFT", EVENING).day


def test_what_was_invented_says_so_wherever_it_is_read(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    files = FilesProvider(tmp_path)
    assert files.source == "files"
    _fetch(market, tmp_path, "MSFT", chains=True)
    assert (files.name, files.source) == ("files", "simulated")
    client = client_for(Settings(provider="files", data_dir=tmp_path, as_of=CLOSE))
    answer = client.answer("/analyze/chart", {"symbol": "MSFT"})
    assert answer["quality"]["source"] == "simulated"
    provider = parse(client.get("/readyz"))["provider"]
    assert (provider["name"], provider["source"]) == ("files", "simulated")
    # The hours of files are those of the exchange, whoever filled them.
    calendar = parse(client.get("/market/calendar?from=2026-03-16&to=2026-03-20"))
    assert calendar["quotesNeverClose"] is False


def test_that_a_fund_has_no_report_to_come_is_stored(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    fund = next(
        symbol
        for symbol in market.symbols()
        if market.earnings(symbol, EVENING) == Earnings(known=True)
    )
    _fetch(market, tmp_path, fund)
    files = FilesProvider(tmp_path)
    assert files.earnings(fund, EVENING) == Earnings(known=True)
    assert not files.earnings(fund, EVENING - timedelta(days=2)).known
    _fetch(market, tmp_path, fund)
    assert (tmp_path / "earnings.csv").read_text().count(f"{fund},,") == 1


def test_an_option_analysis_runs_on_what_is_stored(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    _fetch(market, tmp_path, "MSFT", chains=True)
    client = client_for(Settings(provider="files", data_dir=tmp_path, as_of=CLOSE))
    found = client.answer("/analyze/options", {"symbol": "MSFT"})
    assert found["candidatesConsidered"] > 0
    assert "no_option_chain" not in found["rejectReasons"]


def test_what_is_fetched_on_a_weekend_is_known_at_the_close_whose_chain_it_is(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    saturday, close = EVENING + timedelta(days=3), CLOSE + timedelta(days=2)
    _fetch(market, tmp_path, "MSFT", now=saturday, chains=True)
    files = FilesProvider(tmp_path)
    assert files.chain("MSFT", close) is not None
    assert files.earnings("MSFT", close).known


def test_every_file_names_its_source(market: SimulatedProvider, tmp_path: Path) -> None:
    _fetch(market, tmp_path, "MSFT", chains=True)
    files = sorted(tmp_path.rglob("*.csv"))
    assert {path.parent.name for path in files} == {"bars", "chains", tmp_path.name}
    for path in files:
        head, *rows = path.read_text().splitlines()
        assert head.endswith(",source")
        assert all(row.endswith(",simulated") for row in rows)


def test_the_files_of_another_source_are_left_alone(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    (tmp_path / "bars").mkdir()
    path = tmp_path / "bars" / "MSFT.csv"
    path.write_text("date,open,high,low,close,volume\n2020-01-02,1,1,1,1,1\n")
    before = path.read_bytes()
    [stored] = _fetch(market, tmp_path, "MSFT")
    assert "a source that it does not name" in str(stored.error)
    assert path.read_bytes() == before


def test_splits_are_not_applied_twice(market: SimulatedProvider, tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("symbol,date,numerator,denominator\nMSFT,2025-03-03,2,1\n")
    told = {stored.symbol: stored.error for stored in _fetch(market, tmp_path, "MSFT", "AAPL")}
    assert "splits.csv has rows for MSFT" in str(told["MSFT"])
    assert told["AAPL"] is None


def test_a_failure_is_waited_out_and_another_symbol_not_held_up(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    waits: list[float] = []
    limited = RateLimitError("slow down", retry_after_seconds=7)
    assert _fetch(Flaky(market, limited, limited), tmp_path, "MSFT", waits=waits)[0].error is None
    assert waits == [7, 7]
    broken = [ProviderError("no JSON") for _ in range(3)]
    first, second = _fetch(Flaky(market, *broken), tmp_path / "other", "MSFT", "AAPL")
    assert (first.code, first.error) == ("PROVIDER_ERROR", "no JSON")
    assert (second.error, second.bars > 200) == (None, True)
    assert not (tmp_path / "other" / "bars" / "MSFT.csv").exists()


def test_a_rerun_asks_for_what_is_missing_only(market: SimulatedProvider, tmp_path: Path) -> None:
    counted = Flaky(market)
    _fetch(counted, tmp_path, "MSFT", chains=True)
    again = _fetch(counted, tmp_path, "MSFT", "AAPL", chains=True)
    assert [stored.unchanged for stored in again] == [True, False]
    assert counted.asked == 2
    next_day = EVENING + timedelta(days=1)
    [later] = _fetch(counted, tmp_path, "MSFT", now=next_day, first=None)
    assert (later.first, later.last) == (FIRST, date(2026, 3, 19))
    [deeper] = _fetch(counted, tmp_path, "MSFT", now=next_day, first=date(2024, 1, 2))
    assert (deeper.first, deeper.last) == (date(2024, 1, 2), date(2026, 3, 19))


def test_bars_that_end_earlier_do_not_replace_later_ones(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    _fetch(market, tmp_path, "MSFT")
    before = (tmp_path / "bars" / "MSFT.csv").read_bytes()

    class Behind(Flaky):
        def bars(self, *args: Any, **options: Any) -> Bars:
            symbol, timeframe, period, as_of = args
            return super().bars(symbol, timeframe, period, as_of - timedelta(days=5), **options)

    [stored] = _fetch(Behind(market), tmp_path, "MSFT", now=EVENING + timedelta(days=1), first=None)
    assert "keeps them" in str(stored.error)
    assert (tmp_path / "bars" / "MSFT.csv").read_bytes() == before


def test_a_chain_of_a_sunday_is_that_of_the_last_close(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    sunday = datetime(2026, 3, 22, 15, 0, tzinfo=UTC)
    [stored] = _fetch(market, tmp_path, "MSFT", now=sunday, chains=True)
    assert stored.contracts > 0
    friday = datetime(2026, 3, 20, 20, 0, tzinfo=UTC)
    assert FilesProvider(tmp_path).chain("MSFT", friday) is not None


def test_a_write_that_breaks_off_leaves_the_file_as_it_was(
    market: SimulatedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fetch(market, tmp_path, "MSFT")
    path = tmp_path / "bars" / "MSFT.csv"
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    [stored] = _fetch(market, tmp_path, "MSFT", now=EVENING + timedelta(days=1), first=None)
    assert "No space left" in str(stored.error)
    assert path.read_bytes() == before
    assert list(tmp_path.rglob("*.part")) == []


def test_the_command_tells_each_symbol_and_counts_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKET_DATA_AS_OF", "2026-03-18T21:00:00Z")
    call = ["--provider", "simulated", "--out", str(tmp_path), "--from", "2026-01-02"]
    assert main(["msft", "NOSUCH", *call]) == 1
    first, second, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["symbol"], first["done"], first["total"], first["error"]) == (
        "MSFT", 1, 2, None,
    )  # fmt: skip
    assert second["code"] == "SYMBOL_NOT_FOUND"
    assert (end["stored"], end["failed"], end["source"]) == (1, 1, "simulated")
    assert main(["MSFT", *call]) == 0


def test_a_wrong_call_is_exit_code_2(tmp_path: Path) -> None:
    for call in (["../x", "--provider", "simulated"], ["SPY", "--provider", "files"],
                 ["SPY", "--provider", "simulated", "--from", "soon"]):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main([*call, "--out", str(tmp_path)])
        assert ended.value.code == 2


def test_dividends_and_the_interest_rate_are_stored_and_used(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    _fetch(market, tmp_path, "XOM", chains=True)
    files = FilesProvider(tmp_path)
    assert files.risk_free_rate(CLOSE) == market.risk_free_rate(EVENING)
    theirs = market.metrics("XOM", EVENING)
    ours = files.metrics("XOM", CLOSE)
    assert ours.next_ex_dividend == theirs.next_ex_dividend is not None
    assert ours.next_dividend == theirs.next_dividend
    paid = market.bars("XOM", "daily", "1y", CLOSE, adjusted=True).dividends
    assert files.bars("XOM", "daily", "1y", CLOSE, adjusted=True).dividends == paid != ()
    answers = [
        client_for(settings).answer("/analyze/options", {"symbol": "XOM"})
        for settings in (
            Settings(as_of=CLOSE, seed="test"),
            Settings(provider="files", data_dir=tmp_path, as_of=CLOSE),
        )
    ]
    for name in (
        "exDividendDate",
        "exDividendInside",
        "assignmentRisk",
        "iv",
        "delta",
        "bestStrike",
    ):
        assert answers[0][name] == answers[1][name], name
    for code in ("sub_intrinsic", "unreliable_chain", "risk_free_rate_assumed"):
        told = [[w for w in it["quality"]["warnings"] if w.startswith(code)] for it in answers]
        assert told[0] == told[1], code


def test_a_rate_that_cannot_be_is_left_out(market: SimulatedProvider, tmp_path: Path) -> None:
    class Percent(Flaky):
        def risk_free_rate(self, _: datetime) -> float:
            return 4.2

    [stored] = _fetch(Percent(market), tmp_path, "MSFT")
    assert (stored.error, stored.notes) == (None, ("interest_rate_left_out:4.2",))
    assert FilesProvider(tmp_path).risk_free_rate(CLOSE) is None


def test_what_fails_before_the_bars_is_asked_for_again(
    market: SimulatedProvider, tmp_path: Path
) -> None:
    class NoReports(Flaky):
        def earnings(self, *_: Any) -> Any:
            raise ProviderError("no JSON")

    [failed] = _fetch(NoReports(market), tmp_path, "MSFT")
    assert failed.code == "PROVIDER_ERROR"
    [stored] = _fetch(market, tmp_path, "MSFT")
    assert (stored.error, stored.unchanged) == (None, False)
    assert FilesProvider(tmp_path).earnings("MSFT", EVENING).known


def test_a_setting_is_named_after_what_the_caller_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TT_SECRET", "TT_REFRESH", "MARKET_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert main(["SPY", "--provider", "tastytrade", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "--provider is 'tastytrade', so TT_SECRET and TT_REFRESH must be set" in told
    assert "MARKET_DATA" not in told
