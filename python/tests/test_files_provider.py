"""The `files` provider: nothing after asOf, chains of the same day only, honest gaps."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import client_for, error_of

from ttai_analysis.errors import InsufficientDataError, InvalidMarketDataError, SymbolNotFoundError
from ttai_analysis.providers.files.provider import FilesProvider
from ttai_analysis.settings import Settings

HALF_DAY = date(2015, 12, 24)
AT_CLOSE = datetime(2015, 12, 24, 18, 0, tzinfo=UTC)
BEFORE_CLOSE = AT_CLOSE - timedelta(seconds=1)


def _write_bars(folder: Path, symbol: str, days: int = 12) -> None:
    lines = ["date,open,high,low,close,volume"]
    day, price = date(2015, 12, 10), 100.0
    while len(lines) <= days:
        if day.weekday() < 5 and day != date(2015, 12, 25):
            price += 1.0
            lines.append(f"{day},{price},{price + 0.5},{price - 0.5},{price},1000000")
        day += timedelta(days=1)
    (folder / "bars" / f"{symbol}.csv").write_text("\n".join(lines))


def _write_chain(folder: Path, symbol: str, day: date) -> None:
    rows = ["expiry,strike,right,bid,ask,openInterest"]
    rows += [f"2016-01-29,{strike},P,1.00,1.04,500" for strike in (95, 100, 105)]
    (folder / "chains" / f"{symbol}_{day}.csv").write_text("\n".join(rows))


@pytest.mark.parametrize(
    ("rows", "known", "day"),
    [
        ("XYZ,,2015-12-01", True, None),
        ("XYZ,,2016-02-01", False, None),
        ("XYZ,,2015-12-01\nXYZ,2016-01-20,2015-12-24", True, date(2016, 1, 20)),
        ("XYZ,2015-11-20,2015-10-01\nXYZ,,2015-12-01", True, None),
        ("XYZ,,2015-09-01\nXYZ,2015-11-20,2015-10-01", False, None),
    ],
)
def test_that_no_report_is_to_come_may_be_said(
    folder: Path, rows: str, known: bool, day: date | None
) -> None:
    _write_bars(folder, "XYZ")
    (folder / "earnings.csv").write_text(f"symbol,date,knownFrom\n{rows}\n")
    found = FilesProvider(folder).earnings("XYZ", AT_CLOSE)
    assert (found.known, found.day) == (known, day)


def test_a_half_days_bar_counts_from_its_early_close(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    provider = FilesProvider(folder)
    before = provider.bars("XYZ", "daily", "1mo", BEFORE_CLOSE, adjusted=True)
    after = provider.bars("XYZ", "daily", "1mo", AT_CLOSE, adjusted=True)
    assert len(after) == len(before) + 1
    assert after.as_of == AT_CLOSE


def test_a_chain_is_seen_on_its_day_after_the_close_only(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    _write_chain(folder, "XYZ", HALF_DAY)
    provider = FilesProvider(folder)
    assert provider.chain("XYZ", BEFORE_CLOSE) is None
    assert provider.chain("XYZ", AT_CLOSE) is not None
    assert provider.chain("XYZ", AT_CLOSE + timedelta(days=4)) is None
    assert provider.chain("XYZ", AT_CLOSE - timedelta(days=1)) is None


def test_no_chain_is_a_reject(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    client = client_for(Settings(provider="files", data_dir=folder, as_of=AT_CLOSE))
    found = client.answer("/analyze/options", {"symbol": "XYZ"})
    assert found["rejectReasons"] == ["no_option_chain", "too_few_bars"]
    assert found["underlyingPrice"] is not None


def test_a_chain_without_quotes_is_no_live_quotes(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    path = folder / "chains" / f"XYZ_{HALF_DAY}.csv"
    path.write_text("expiry,strike,right,bid,ask\n2016-01-29,100,P,0,0\n2016-01-29,95,P,,\n")
    client = client_for(Settings(provider="files", data_dir=folder, as_of=AT_CLOSE))
    found = client.answer("/analyze/options", {"symbol": "XYZ"})
    assert found["rejectReasons"] == ["no_live_quotes", "too_few_bars"]


def test_a_split_is_applied_from_its_day_on(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    (folder / "splits.csv").write_text("symbol,date,numerator,denominator\nXYZ,2015-12-22,2,1\n")
    provider = FilesProvider(folder)
    moment = datetime(2015, 12, 21, 22, 0, tzinfo=UTC)
    before = provider.bars("XYZ", "daily", "1mo", moment, adjusted=True)
    after = provider.bars("XYZ", "daily", "1mo", AT_CLOSE, adjusted=True)
    assert before.splits == ()
    assert after.close[0] == before.close[0] / 2.0
    assert after.volume[0] == before.volume[0] * 2.0


def test_a_reports_date_is_known_from_its_day_only(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    (folder / "earnings.csv").write_text("symbol,date,knownFrom\nXYZ,2016-01-20,2015-12-24\n")
    provider = FilesProvider(folder)
    assert not provider.earnings("XYZ", AT_CLOSE - timedelta(days=1)).known
    assert provider.earnings("XYZ", AT_CLOSE).day == date(2016, 1, 20)


def test_recorded_quotes_are_replayed(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    (folder / "quotes.csv").write_text(
        "symbol,asOf,last,bid,ask\nXYZ,2015-12-24T15:00:00Z,120.5,120.4,120.6\n"
        "XYZ,2015-12-24T16:00:00Z,121.5,,\n"
    )
    provider = FilesProvider(folder)
    first = provider.quote("XYZ", datetime(2015, 12, 24, 15, 30, tzinfo=UTC))
    assert first is not None
    assert (first.price, first.bid, first.session) == (120.5, 120.4, "regular")
    second = provider.quote("XYZ", datetime(2015, 12, 24, 16, 0, tzinfo=UTC))
    assert second is not None
    assert (second.price, second.bid) == (121.5, None)


def test_a_changed_file_is_read_again(folder: Path) -> None:
    _write_bars(folder, "XYZ", days=8)
    provider = FilesProvider(folder)
    assert len(provider.bars("XYZ", "daily", "1mo", AT_CLOSE, adjusted=True)) == 8
    _write_bars(folder, "XYZ", days=9)
    assert len(provider.bars("XYZ", "daily", "1mo", AT_CLOSE, adjusted=True)) == 9


def test_what_the_folder_lacks_is_said(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    provider = FilesProvider(folder)
    with pytest.raises(SymbolNotFoundError):
        provider.quote("ABC", AT_CLOSE)
    with pytest.raises(InsufficientDataError):
        provider.bars("XYZ", "intraday", "1d", AT_CLOSE, adjusted=True)
    assert provider.news("XYZ", AT_CLOSE, 30) is None


def test_a_broken_file_is_invalid_market_data(folder: Path) -> None:
    (folder / "bars" / "BAD.csv").write_text(
        "date,open,high,low,close,volume\n2015-12-21,10,9,11,10,1\n"
    )
    with pytest.raises(InvalidMarketDataError):
        FilesProvider(folder).bars("BAD", "daily", "1mo", AT_CLOSE, adjusted=True)


def test_a_symbol_cannot_leave_the_folder(folder: Path) -> None:
    client = client_for(Settings(provider="files", data_dir=folder, as_of=AT_CLOSE))
    response = client.post("/market-data", {"symbol": "A/../../X"})
    assert error_of(response)["code"] in ("SYMBOL_NOT_FOUND", "VALIDATION_ERROR")


def test_unsorted_expiries_and_saturdays_have_time_left(folder: Path) -> None:
    from ttai_analysis.options.contracts import years_to_expiry
    from ttai_analysis.timestamps import ordinal_of

    saturday, friday = date(2014, 1, 18), date(2014, 1, 17)
    moment = datetime(2014, 1, 2, 15, 0, tzinfo=UTC)
    days = np.array([ordinal_of(saturday), ordinal_of(friday)], dtype=np.int64)
    years = years_to_expiry(days, moment)
    assert years[0] == years[1] > 0.0


@pytest.mark.parametrize(
    "broken",
    [
        b"date,open,high,low,close,volume\n2015-12-21,10\n",
        b"date,open,high,low,close,volume\n2015-12-21,1e999,1e999,1,1,1\n",
        b"date,open,high,low,close,volume\n\xff\xfe,10,11,9,10,1\n",
        b"date,open,high,low,close,volume\n" + b'"' + b"x" * 200_000 + b"\n",
        b"",
        b"\x00\x00\n\x00",
    ],
    ids=range(6),
)
def test_no_bar_file_is_a_fault_of_ours(folder: Path, broken: bytes) -> None:
    (folder / "bars" / "BAD.csv").write_bytes(broken)
    client = client_for(Settings(provider="files", data_dir=folder, as_of=AT_CLOSE))
    response = client.post("/market-data", {"symbol": "BAD"})
    assert response.status_code == 422
    assert error_of(response)["code"] in ("INVALID_MARKET_DATA", "INSUFFICIENT_DATA")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("splits.csv", "symbol,date,numerator,denominator\nXYZ,soon,2,1\n"),
        ("splits.csv", "symbol,date,numerator,denominator\nXYZ\n"),
        ("quotes.csv", "symbol,asOf,last\nXYZ\n"),
        ("earnings.csv", "symbol,date,knownFrom\nXYZ\n"),
        (f"chains/XYZ_{HALF_DAY}.csv", "expiry,strike,right,bid,ask\n2016-01-29,100\n"),
        (f"chains/XYZ_{HALF_DAY}.csv", "expiry,strike,right,bid,ask\nsoon,100,P,1,1\n"),
        (f"chains/XYZ_{HALF_DAY}.csv/x", ""),
        ("dividends.csv", "symbol,exDate,amount,knownFrom\nXYZ\n"),
        ("rates.csv", "date,rate\nsoon,0.04\n"),
    ],
    ids=range(9),
)
def test_no_other_file_is_a_fault_of_ours(folder: Path, name: str, text: str) -> None:
    _write_bars(folder, "XYZ")
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    client = client_for(Settings(provider="files", data_dir=folder, as_of=AT_CLOSE))
    response = client.post("/analyze/options", {"symbol": "XYZ"})
    if response.status_code != 200:
        assert (response.status_code, error_of(response)["code"]) == (422, "INVALID_MARKET_DATA")


def test_a_dividend_is_known_from_its_day_only(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    (folder / "dividends.csv").write_text(
        "symbol,exDate,amount,knownFrom\nXYZ,2016-01-20,0.5,2015-12-24\n"
        "XYZ,2015-12-15,0.4,2015-12-15\nXYZ,2016-04-20,,2015-12-28\n"
    )
    provider = FilesProvider(folder)
    assert provider.metrics("XYZ", AT_CLOSE - timedelta(days=1)).next_ex_dividend is None
    found = provider.metrics("XYZ", AT_CLOSE)
    assert (found.next_ex_dividend, found.next_dividend) == (date(2016, 1, 20), 0.5)
    later = provider.metrics("XYZ", datetime(2016, 1, 21, 15, 0, tzinfo=UTC))
    assert (later.next_ex_dividend, later.next_dividend) == (date(2016, 4, 20), None)
    paid = provider.bars("XYZ", "daily", "1mo", AT_CLOSE, adjusted=True).dividends
    assert [(item.ex_date, item.amount) for item in paid] == [(date(2015, 12, 15), 0.4)]


def test_a_rate_counts_from_its_day_for_a_month(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    provider = FilesProvider(folder)
    assert provider.risk_free_rate(AT_CLOSE) is None
    (folder / "rates.csv").write_text("date,rate\n2015-12-24,0.002\n2015-12-23,0.001\n")
    assert provider.risk_free_rate(AT_CLOSE - timedelta(days=2)) is None
    assert provider.risk_free_rate(AT_CLOSE - timedelta(days=1)) == 0.001
    assert provider.risk_free_rate(AT_CLOSE) == 0.002
    assert provider.risk_free_rate(AT_CLOSE + timedelta(days=31)) == 0.002
    assert provider.risk_free_rate(AT_CLOSE + timedelta(days=32)) is None


def test_invented_bars_over_real_ones_say_so(folder: Path) -> None:
    _write_bars(folder, "XYZ")
    provider = FilesProvider(folder)
    assert provider.source == "files"
    path = folder / "bars" / "XYZ.csv"
    head, *rows = path.read_text().splitlines()
    # Over the file that is there: its folder does not change.
    path.write_text("\n".join([f"{head},source", *(f"{row},simulated" for row in rows)]))
    assert provider.source == "simulated"
