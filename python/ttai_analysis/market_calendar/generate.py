"""`python -m ttai_analysis.market_calendar.generate`: writes sessions.txt from exchange_calendars.

For: after an upgrade of that library, when its test says that sessions differ. Not for: the running
service, which only reads the file.
"""

from ttai_analysis.market_calendar.sessions import SESSIONS_FILE

FIRST_DAY = "1990-01-01"
LAST_DAY = "2040-12-31"


def sessions_text() -> str:
    """The file as the installed library would have it."""
    from exchange_calendars import get_calendar

    schedule = get_calendar("XNYS", start=FIRST_DAY, end=LAST_DAY).schedule
    rows = zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    return "".join(f"{day:%Y-%m-%d} {opens:%H%M} {closes:%H%M}\n" for day, opens, closes in rows)


if __name__ == "__main__":
    SESSIONS_FILE.write_text(sessions_text(), encoding="ascii")
