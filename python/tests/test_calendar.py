"""Sessions of the exchange, against the recorded ones where they are at hand."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers import Client, error_of, parse

from ttai_analysis.market.freshness import bars_are_stale, quote_is_stale
from ttai_analysis.market_calendar.sessions import SESSIONS_FILE, session_table


def test_every_recorded_session_is_known(shared_data: Path) -> None:
    table = session_table()
    with (shared_data / "reference" / "xnys_sessions_2000_on.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        closes = datetime.fromisoformat(row["close_utc"])
        session = table.session(table.completed(closes.timestamp()) - 1)
        assert (session.day.isoformat(), session.closes_at) == (row["session"], closes)
        assert session.opens_at == datetime.fromisoformat(row["open_utc"])
        assert session.half_day == (row["close_ny"] != "16:00")


def test_calendar_has_half_days_and_leaves_out_holidays(client: Client) -> None:
    found = parse(client.get("/market/calendar?from=2026-11-23&to=2026-11-29"))
    days = {row["date"]: row["halfDay"] for row in found["sessions"]}
    assert days == {
        "2026-11-23": False, "2026-11-24": False, "2026-11-25": False, "2026-11-27": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "is_open", "next_open", "next_close"),
    [
        ("2026-03-06T14:29:59Z", False, "2026-03-06T14:30:00Z", "2026-03-06T21:00:00Z"),
        ("2026-03-06T14:30:00Z", True, "2026-03-09T13:30:00Z", "2026-03-06T21:00:00Z"),
        ("2026-03-06T21:00:00Z", False, "2026-03-09T13:30:00Z", "2026-03-09T20:00:00Z"),
    ],
    ids=["before", "open", "over the change of clocks"],
)
def test_clock(client: Client, moment: str, is_open: bool, next_open: str, next_close: str) -> None:
    found = parse(client.get(f"/market/clock?asOf={moment}"))
    assert (found["isOpen"], found["nextOpen"], found["nextClose"]) == (
        is_open, next_open, next_close,
    )  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["from=2026-02-01&to=2026-01-01", "from=1950-01-01&to=1950-02-01", "from=soon&to=2026-01-01",
     "to=2026-01-01"],
)  # fmt: skip
def test_bad_ranges_are_refused(client: Client, query: str) -> None:
    response = client.get(f"/market/calendar?{query}")
    assert (response.status_code, error_of(response)["code"]) == (400, "VALIDATION_ERROR")


def test_staleness_knows_sessions() -> None:
    friday_open = int(datetime(2026, 3, 13, 13, 30, tzinfo=UTC).timestamp())
    sunday = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
    monday_evening = datetime(2026, 3, 16, 22, 0, tzinfo=UTC)
    assert not bars_are_stale(friday_open, "daily", sunday)
    assert bars_are_stale(friday_open, "daily", monday_evening)
    assert bars_are_stale(None, "daily", sunday)
    friday_close = datetime(2026, 3, 13, 20, 0, tzinfo=UTC)
    assert not quote_is_stale(friday_close, sunday)
    assert quote_is_stale(friday_close, monday_evening)


def test_the_sessions_are_those_of_the_library() -> None:
    """When this fails after an upgrade: python -m ttai_analysis.market_calendar.generate."""
    from ttai_analysis.market_calendar.generate import sessions_text

    assert SESSIONS_FILE.read_text(encoding="ascii") == sessions_text()
