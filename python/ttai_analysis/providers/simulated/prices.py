"""The price of every simulated symbol at every second, as one continuous function of time.

For: prices from a market factor, a sector factor, the symbol's own walk, reports, dividends, splits
and short-lived ticks; for many symbols at one moment or one symbol at many. Not for: bars (bars.py)
or options (surface.py).

The walks (walks.py) give each session's open and close; between them, and over the nights and
weekends, the price runs along bridges of 128 straight pieces. Ticks ride on top, around the clock,
and vanish every 150 seconds: bars are cut there.
"""

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.simulated.events import EVENT_LEAD, Events
from ttai_analysis.providers.simulated.noise import (
    BRIDGE_PIECES,
    FloatArray,
    IntArray,
    between_nodes,
    smooth_noise,
)
from ttai_analysis.providers.simulated.roster import Roster, roster
from ttai_analysis.providers.simulated.splits import Splits
from ttai_analysis.providers.simulated.walks import DAY, NIGHT, OVERNIGHT_SHARE, Walks

ANNUAL_SESSIONS = 252.0
ANNUAL_DRIFT = 0.06
REFERENCE_SLOT = 14_350
"""The weekday number about which the listed prices hold (January 2025)."""
TICKS = ((170.0, 0.0010), (60.0, 0.0009), (20.0, 0.0006), (7.0, 0.0004))
"""Period in seconds and size (relative) of each layer of ticks."""
TICK_SECONDS = 150.0


class PriceModel:
    """Prices of one seeded market. Pure: the same moment gives the same price for ever.

    Rows are pairs of a listing (its position in the roster) and a session or a moment.
    """

    def __init__(self, seed: str, table: SessionTable) -> None:
        self.seed = seed
        self.table = table
        self.roster: Roster = roster(seed)
        self.events = Events(self.roster, table)
        self.walks = Walks(self.roster, table)
        self._ticks = tuple(self.roster.keys("tick", str(n)) for n in range(len(TICKS)))
        self.splits = Splits(self.roster, table)

    def prices(self, who: IntArray, seconds: FloatArray) -> FloatArray:
        """Unrounded prices per share of that moment, at whole epoch seconds."""
        moments = np.floor(np.asarray(seconds, dtype=np.float64))
        table = self.table
        session = np.searchsorted(table.closes, moments, side="left").clip(1, len(table) - 1)
        opens, closes = table.opens[session], table.closes[session]
        previous_close = table.closes[session - 1]
        in_day = moments >= opens
        begin = np.where(in_day, opens, previous_close)
        share = (moments - begin) / (np.where(in_day, closes, opens) - begin)
        log_price = np.zeros(moments.shape)
        for kind, rows in ((DAY, np.flatnonzero(in_day)), (NIGHT, np.flatnonzero(~in_day))):
            if rows.size:
                path = self._paths(kind, who[rows], session[rows])
                log_price[rows] = between_nodes(path, share[rows])
        effective = np.where(moments >= opens - EVENT_LEAD, session, session - 1)
        level = self.events.dividend_level(who, effective)
        level = level + self.events.report_level(who, moments)
        log_price = log_price + level + self._tick(who, moments)
        return np.asarray(np.exp(log_price) / self.splits.shares_at(who, effective))

    def session_paths(self, who: IntArray, session: IntArray) -> FloatArray:
        """Unrounded prices at the 129 nodes of those sessions, which hold each one's extremes."""
        return self._with_events(who[:, None], session[:, None], self._paths(DAY, who, session))

    def opens(self, who: IntArray, session: IntArray) -> FloatArray:
        """Unrounded opening prices of those sessions: the first nodes, without their paths."""
        start, _, _ = self._ends(DAY, who, session)
        return self._with_events(who, session, start)

    def closes(self, who: IntArray, session: IntArray) -> FloatArray:
        """Unrounded closing prices of those sessions: the last nodes, without their paths."""
        _, end, _ = self._ends(DAY, who, session)
        return self._with_events(who, session, end)

    def sizes(self, session: int) -> FloatArray:
        """Every listing's market capitalisation at that session's close: the shares that it has at
        its usual price, and what splits make of them."""
        people = self.roster
        who = np.arange(len(people.listings))
        closed = np.full(who.size, session)
        shares = np.array([one.market_cap / one.price for one in people.listings])
        return np.asarray(shares * self.splits.shares_at(who, closed) * self.closes(who, closed))

    def effective_session(self, now: float) -> int:
        """The session whose split and dividend are in the price at that moment."""
        return int(np.searchsorted(self.table.opens - EVENT_LEAD, now, side="right")) - 1

    def close_move(self, who: IntArray, session: IntArray) -> FloatArray:
        """The own move of those sessions, in that day's deviations."""
        before, _, after, deviation = self.walks.levels(who, self.table.weekday_numbers[session])
        return np.asarray((after - before) / deviation)

    def price_at(self, who: int, seconds: float) -> float:
        """The price at one moment, to the cent."""
        return float(to_cents(self.prices(np.array([who]), np.array([float(seconds)])))[0])

    def position_at(self, seconds: FloatArray) -> FloatArray:
        """Where each moment lies on the scale of slots: n at a close, n + 0.3 at the next open."""
        table = self.table
        index = np.searchsorted(table.closes, seconds, side="left").clip(1, len(table) - 1)
        previous = table.closes[index - 1]
        opens, closes = table.opens[index], table.closes[index]
        night = np.clip((seconds - previous) / (opens - previous), 0.0, 1.0)
        day = np.clip((seconds - opens) / (closes - opens), 0.0, 1.0)
        before = table.weekday_numbers[index - 1] + 1.0
        gap = table.weekday_numbers[index] - before
        return np.asarray(
            before + night * (gap + OVERNIGHT_SHARE) + day * (1.0 - OVERNIGHT_SHARE),
            dtype=np.float64,
        )

    def _paths(self, kind: str, who: IntArray, session: IntArray) -> FloatArray:
        """Log prices without events at the nodes of the session, or of the night before it."""
        part = np.sqrt(1.0 - OVERNIGHT_SHARE if kind == DAY else OVERNIGHT_SHARE)
        start, end, deviations = self._ends(kind, who, session)
        wiggle = np.zeros((who.size, BRIDGE_PIECES + 1))
        for (stream, _), deviation in zip(self._streams(who), deviations, strict=True):
            nodes = self.walks.nodes(kind, stream, session)
            wiggle = wiggle + (part * deviation)[:, None] * nodes
        along = np.arange(BRIDGE_PIECES + 1) / BRIDGE_PIECES
        path = start[:, None] + (end - start)[:, None] * along + wiggle
        path[:, -1] = end
        return path

    def _ends(
        self, kind: str, who: IntArray, session: IntArray
    ) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
        """Log prices without events where the session (or the night before it) begins and ends,
        and each stream's deviation of that day."""
        slot = self.table.weekday_numbers[session]
        slot_before = self.table.weekday_numbers[session - 1]
        drift = ANNUAL_DRIFT / ANNUAL_SESSIONS
        base = self.roster.log_price[who]
        opened = base + drift * (slot - 1 + OVERNIGHT_SHARE - REFERENCE_SLOT)
        closed = base + drift * ((slot if kind == DAY else slot_before) - REFERENCE_SLOT)
        deviations = []
        for stream, size in self._streams(who):
            _, at_open, at_close, deviation = self.walks.levels(stream, slot)
            if kind == NIGHT:
                at_close = self.walks.levels(stream, slot_before)[2]
            opened = opened + size * at_open
            closed = closed + size * at_close
            deviations.append(size * deviation)
        return (opened, closed, deviations) if kind == DAY else (closed, opened, deviations)

    def _with_events(self, who: IntArray, session: IntArray, log_price: FloatArray) -> FloatArray:
        """Prices within those sessions from their logs without events."""
        opens = self.table.opens[session].astype(np.float64)
        level = self.events.dividend_level(who, session) + self.events.report_level(who, opens)
        shares = self.splits.shares_at(who.ravel(), session.ravel()).reshape(who.shape)
        return np.asarray(np.exp(log_price + level) / shares)

    def _streams(self, who: IntArray) -> tuple[tuple[IntArray, FloatArray], ...]:
        """The walks of each listing with the size of one usual day of each."""
        people = self.roster
        daily = 1.0 / np.sqrt(ANNUAL_SESSIONS)
        return (
            (who, daily * people.own_volatility[who]),
            (np.full(who.size, people.market), daily * people.market_volatility[who]),
            (people.sector[who], daily * people.sector_volatility[who]),
        )

    def _tick(self, who: IntArray, seconds: FloatArray) -> FloatArray:
        within = 2.0 * (seconds / TICK_SECONDS % 1.0) - 1.0
        square = within * within
        room = 1.0 - square * square
        total = np.zeros(seconds.shape)
        for keys, (period, size) in zip(self._ticks, TICKS, strict=True):
            total = total + size * smooth_noise(keys[who], seconds, period)
        return np.asarray(room * total)


def to_cents(prices: FloatArray) -> FloatArray:
    """As prices are traded: whole cents, at least one."""
    return np.asarray(np.maximum(0.01, np.round(prices, 2)))
