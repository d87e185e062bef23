"""Bars of the simulated market, cut from its continuous price path.

For: daily and five-minute bars of completed periods, raw or adjusted for splits, and volumes. Not
for: the path itself (prices.py).
"""

import threading

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Bars, Dividend, FloatArray, IntArray
from ttai_analysis.providers.simulated.noise import normals, smooth_noise
from ttai_analysis.providers.simulated.prices import PriceModel, to_cents
from ttai_analysis.timestamps import from_epoch

BAR_SECONDS = 300
BLOCK_SESSIONS = 64
"""Sessions are computed and cached in aligned blocks: a longer period costs only its new part."""
MAX_BLOCKS = 8192
PRICES = 4
"""The first four rows of a block are prices, the fifth is the volume."""


class BarModel:
    """Bars of one seeded market. A listing is its position in the roster."""

    def __init__(self, prices: PriceModel) -> None:
        self._prices = prices
        self._table = prices.table
        people = prices.roster
        self._volume_keys = people.keys("volume")
        self._wave_keys = people.keys("volumewave")
        self._minute_keys = people.keys("volume5m")
        self._usual_volume = np.array(
            [average_volume(one.market_cap, one.price) for one in people.listings]
        )
        self._blocks: dict[tuple[int, int], FloatArray] = {}
        self._lock = threading.Lock()

    def daily(self, who: int, first: int, end: int, now_session: int, *, adjusted: bool) -> Bars:
        """Daily bars of the sessions [first, end) of the table, adjusted for the splits up to
        `now_session`."""
        if end <= first:
            return empty_bars(adjusted=adjusted)
        blocks = [
            self._block(who, number)
            for number in range(first // BLOCK_SESSIONS, (end - 1) // BLOCK_SESSIONS + 1)
        ]
        columns = np.concatenate(blocks, axis=1)
        offset = first - first // BLOCK_SESSIONS * BLOCK_SESSIONS
        columns = columns[:, offset : offset + end - first]
        if adjusted:
            columns = self._adjusted(who, columns, np.arange(first, end), now_session)
        table = self._table
        return make_bars(
            table.opens[first:end], columns, int(table.closes[end - 1]), adjusted=adjusted
        )

    def intraday(
        self, who: int, first_session: int, until: float, now_session: int, *, adjusted: bool
    ) -> Bars:
        """Five-minute bars from that session's open to the last one complete at `until`."""
        table = self._table
        last = int(np.searchsorted(table.opens, until, side="left"))
        starts = [
            np.arange(opens, min(closes, until - BAR_SECONDS + 1), BAR_SECONDS, dtype=np.int64)
            for opens, closes in zip(
                table.opens[first_session:last].tolist(),
                table.closes[first_session:last].tolist(),
                strict=True,
            )
        ]
        timestamps = np.concatenate(starts) if starts else np.array([], dtype=np.int64)
        if timestamps.size == 0:
            return empty_bars(adjusted=adjusted)
        session = np.searchsorted(table.opens, timestamps, side="right") - 1
        path = self._five_minutes(who, timestamps)
        begin = table.opens[session]
        length = table.closes[session] - begin
        part = traded_by((timestamps + BAR_SECONDS - begin) / length)
        part = part - traded_by((timestamps - begin) / length)
        rows = np.full(session.size, who)
        luck = np.exp(0.3 * normals(self._minute_keys[rows], timestamps // BAR_SECONDS))
        volume = np.round(self.volumes(rows, session) * part * luck)
        columns = np.stack([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], volume])
        if adjusted:
            columns = self._adjusted(who, columns, session, now_session)
        return make_bars(timestamps, columns, int(timestamps[-1]) + BAR_SECONDS, adjusted=adjusted)

    def volumes(self, who: IntArray, session: IntArray) -> FloatArray:
        """Shares of that time traded in whole sessions: more on days of large moves."""
        move = np.abs(self._prices.close_move(who, session))
        own = normals(self._volume_keys[who], session)
        wave = smooth_noise(self._wave_keys[who], session.astype(np.float64), 20.0)
        usual = self._usual_volume[who] * self._prices.splits.shares_at(who, session)
        reported = self._prices.events.reports_within(
            who,
            self._table.closes[session - 1].astype(np.float64),
            self._table.opens[session].astype(np.float64),
        )
        level = 0.25 * own + 0.15 * wave + 0.15 * (move - 0.8) + 0.6 * reported
        return np.asarray(np.round(usual * np.exp(level)))

    def volume_so_far(self, who: IntArray, session: int, until: float) -> FloatArray:
        """Shares traded in that session up to a moment."""
        opens, closes = int(self._table.opens[session]), int(self._table.closes[session])
        share = np.array([(min(until, closes) - opens) / (closes - opens)])
        whole = self.volumes(who, np.full(who.size, session))
        return np.asarray(np.round(whole * traded_by(share)))

    def _block(self, who: int, number: int) -> FloatArray:
        """Rows open, high, low, close, volume of one block of sessions, raw."""
        found = self._blocks.get((who, number))
        if found is None:
            first = max(1, number * BLOCK_SESSIONS)
            sessions = np.arange(first, min((number + 1) * BLOCK_SESSIONS, len(self._table)))
            rows = np.full(sessions.size, who)
            path = self._prices.session_paths(rows, sessions)
            ends = (path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1])
            found = np.stack([*(to_cents(end) for end in ends), self.volumes(rows, sessions)])
            if number == 0:
                found = np.concatenate([found[:, :1], found], axis=1)
            with self._lock:
                if len(self._blocks) >= MAX_BLOCKS:
                    self._blocks.clear()
                self._blocks[who, number] = found
        return found

    def _five_minutes(self, who: int, timestamps: IntArray) -> FloatArray:
        """Prices at the start, middle and end of each bar."""
        moments = (timestamps[:, None] + np.array([0, BAR_SECONDS // 2, BAR_SECONDS])).ravel()
        rows = np.full(moments.size, who)
        path = to_cents(self._prices.prices(rows, moments.astype(np.float64)))
        return path.reshape(timestamps.size, 3)

    def _adjusted(
        self, who: int, columns: FloatArray, session: IntArray, now_session: int
    ) -> FloatArray:
        splits = self._prices.splits
        now = splits.shares_at(np.array([who]), np.array([now_session]))
        ratio = splits.shares_at(np.full(session.size, who), session) / now
        if (ratio == 1.0).all():
            return columns
        columns = columns.copy()
        columns[:PRICES] = np.where(
            ratio == 1.0, columns[:PRICES], np.round(columns[:PRICES] * ratio, 4)
        )
        columns[PRICES] = np.round(columns[PRICES] / ratio)
        return columns


def average_volume(market_cap: float, price: float) -> float:
    """Shares a day: larger companies turn over a smaller part of themselves."""
    turnover = 0.004 * (market_cap / 1e11) ** -0.15
    return float(max(3e5, market_cap / price * turnover))


def traded_by(share: FloatArray) -> FloatArray:
    """The part of a day's volume traded by that share of its time: most at the open and close."""
    within = np.clip(share, 0.0, 1.0)
    return np.asarray(0.5 * within + 0.5 * (4.0 * (within - 0.5) ** 3 + 0.5))


def make_bars(
    timestamps: IntArray, columns: FloatArray, as_of_seconds: int, *, adjusted: bool
) -> Bars:
    """Bars from rows open, high, low, close, volume."""
    return Bars(
        timestamps=np.asarray(timestamps, dtype=np.int64),
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=columns[4],
        as_of=from_epoch(as_of_seconds),
        adjusted=adjusted,
    )


def empty_bars(*, adjusted: bool) -> Bars:
    """No bars at all."""
    none = np.array([], dtype=np.float64)
    return Bars(
        timestamps=np.array([], dtype=np.int64),
        open=none,
        high=none,
        low=none,
        close=none,
        volume=none,
        as_of=None,
        adjusted=adjusted,
    )


def dividend_adjusted(bars: Bars, table: SessionTable, paid: tuple[Dividend, ...]) -> FloatArray:
    """Closes with each dividend taken off everything before its ex-date, proportionally. Both are
    per share of the same day."""
    factor = np.ones(len(bars))
    for dividend in paid:
        session = table.first_on_or_after(dividend.ex_date)
        before = bars.timestamps < table.opens[session]
        if before.any() and not before.all():
            last_close = bars.close[before][-1]
            factor[before] *= 1.0 - min(0.9, dividend.amount / last_close)
    return np.asarray(np.round(bars.close * factor, 4))
