"""Corporate events of the simulated market: quarterly reports and ex-dividend days.

For: their dates, known in advance like a calendar, and what they do to the log of the price. Not
for: the news about them (news.py) nor splits (splits.py).

A report moves the price at once and for good. A dividend builds up in the price over the quarter
and leaves it before the open of the ex-date.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.simulated.noise import FloatArray, IntArray, normals
from ttai_analysis.providers.simulated.roster import Roster
from ttai_analysis.timestamps import SECONDS_PER_DAY, date_from_ordinal, ordinal_of

QUARTER_DAYS = 91
EVENT_LEAD = 5400
"""Reports before the open, ex-dates and splits take effect this many seconds before the open."""
AFTER_CLOSE = 1800
SURPRISE_SHARE = 2.2
"""A report's usual move, in daily standard deviations of the symbol."""
REFERENCE_DAY = 20_089
MAX_REPORTS = 320


@dataclass(frozen=True, slots=True)
class Report:
    """One earnings report; the price moves at `effective_at` (epoch seconds) by `surprise`."""

    number: int
    day: date
    before_open: bool
    effective_at: int
    surprise: float


class Events:
    """The reports and ex-dates of one seeded market."""

    def __init__(self, roster: Roster, table: SessionTable) -> None:
        self._roster = roster
        self._table = table
        keys = roster.keys("earnings")
        self._report_phase = roster.phases(keys, QUARTER_DAYS)
        self._before_open = normals(keys, 1) < 0.0
        self._dividend_phase = roster.phases(roster.keys("dividend"), QUARTER_DAYS)
        size = np.where(roster.is_fund, 0.0, SURPRISE_SHARE * roster.volatility / np.sqrt(252.0))
        draws = normals(roster.keys("surprise")[:, None], np.arange(MAX_REPORTS))
        self._surprises = size[:, None] * draws
        total = np.cumsum(self._surprises, axis=1)
        reference = (REFERENCE_DAY - self._report_phase) // QUARTER_DAYS
        self._report_level = total - np.take_along_axis(total, reference[:, None], axis=1)

    def report_level(self, who: IntArray, seconds: FloatArray) -> FloatArray:
        """What all reports up to those moments have done to the log price."""
        return np.asarray(self._report_level[who, self.last_report(who, seconds)])

    def last_report(self, who: IntArray, seconds: FloatArray) -> IntArray:
        """The number of the last report in effect at those moments."""
        day = (seconds // SECONDS_PER_DAY).astype(np.int64)
        number = (day - self._report_phase[who]) // QUARTER_DAYS
        return np.asarray(np.where(self.effective_at(who, number) <= seconds, number, number - 1))

    def effective_at(self, who: IntArray, number: IntArray) -> IntArray:
        """When those reports move the price, in epoch seconds."""
        session = self._report_session(who, number)
        return np.asarray(
            np.where(
                self._before_open[who],
                self._table.opens[session] - EVENT_LEAD,
                self._table.closes[session] + AFTER_CLOSE,
            )
        )

    def reports(self, who: int, first: float, last: float) -> tuple[Report, ...]:
        """Reports that take effect within [first, last] epoch seconds; none for a fund."""
        if self._roster.is_fund[who]:
            return ()
        phase = int(self._report_phase[who])
        low = int((first / SECONDS_PER_DAY - phase) // QUARTER_DAYS) - 1
        high = int((last / SECONDS_PER_DAY - phase) // QUARTER_DAYS) + 1
        numbers = np.arange(max(1, low), min(high + 1, MAX_REPORTS))
        rows = np.full(numbers.size, who)
        at = self.effective_at(rows, numbers)
        days = self._table.days[self._report_session(rows, numbers)]
        return tuple(
            Report(number, date_from_ordinal(day), bool(self._before_open[who]), moment, surprise)
            for number, day, moment, surprise in zip(
                numbers.tolist(),
                days.tolist(),
                at.tolist(),
                self._surprises[who, numbers].tolist(),
                strict=True,
            )
            if first <= moment <= last
        )

    def reports_within(self, who: IntArray, first: FloatArray, last: FloatArray) -> IntArray:
        """How many reports take effect after `first` and up to `last`; 0 for a fund."""
        count = self.last_report(who, last) - self.last_report(who, first)
        return np.asarray(np.where(self._roster.is_fund[who], 0, count))

    def dividend_level(self, who: IntArray, session: IntArray) -> FloatArray:
        """The part of the next dividend that is in the log price of those sessions."""
        days = self._table.days
        day = days[session]
        phase = self._dividend_phase[who]
        number = (day - phase) // QUARTER_DAYS
        started = days[self._first(phase + number * QUARTER_DAYS)] <= day
        number = np.where(started, number, number - 1)
        last = self._first(phase + number * QUARTER_DAYS)
        following = self._first(phase + (number + 1) * QUARTER_DAYS)
        share = (session - last) / np.maximum(1, following - last)
        return np.asarray(self._roster.dividend_yield[who] / 4.0 * share)

    def ex_sessions(self, who: int, first: date, last: date) -> IntArray:
        """The sessions of the ex-dates within [first, last]; none without a yield."""
        if self._roster.dividend_yield[who] <= 0.0:
            return np.array([], dtype=np.int64)
        phase = int(self._dividend_phase[who])
        low = (ordinal_of(first) - phase) // QUARTER_DAYS - 1
        high = (ordinal_of(last) - phase) // QUARTER_DAYS + 1
        found = self._first(phase + QUARTER_DAYS * np.arange(low, high + 1))
        days = self._table.days[found]
        inside = (days >= ordinal_of(first)) & (days <= ordinal_of(last)) & (found > 0)
        return np.asarray(found[inside])

    def drops_ahead(self, who: int, now: float, until: float) -> tuple[FloatArray, FloatArray]:
        """When dividends leave the price after `now`, up to `until` (epoch seconds), and how much
        each takes off its log."""
        first, last = (date_from_ordinal(int(at // SECONDS_PER_DAY)) for at in (now, until))
        session = self.ex_sessions(who, first, last)
        moment = np.asarray(self._table.opens[session] - EVENT_LEAD, dtype=np.float64)
        ahead = (moment > now) & (moment <= until)
        session = session[ahead]
        return moment[ahead], self.dividend_level(np.full(session.size, who), session - 1)

    def _report_session(self, who: IntArray, number: IntArray) -> IntArray:
        return self._first(self._report_phase[who] + number * QUARTER_DAYS)

    def _first(self, ordinal: IntArray) -> IntArray:
        found = np.searchsorted(self._table.days, ordinal)
        return np.asarray(np.minimum(found, len(self._table) - 1))
