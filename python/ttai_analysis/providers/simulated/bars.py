"""Bars of the simulated market, cut from its continuous price path.

For: daily, weekly and five-minute bars of completed periods. Not for: the path itself (prices.py).
"""

from functools import lru_cache

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Bars, Dividend, FloatArray, IntArray
from ttai_analysis.providers.simulated.noise import normals, smooth_noise, stream_key
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.providers.simulated.universe import Listing, listings
from ttai_analysis.timestamps import from_epoch

STEP_SECONDS = 150
"""Prices are sampled this often to find highs and lows; two steps make a five-minute bar."""
BAR_SECONDS = 300
BLOCK_SESSIONS = 64
"""Sessions are computed and cached in aligned blocks: a longer period costs only its new part."""


class BarModel:
    """Bars of one seeded market."""

    def __init__(self, prices: PriceModel) -> None:
        self._prices = prices
        self._table = prices.table
        self._cached_block = lru_cache(maxsize=8192)(self._compute_block)

    def daily(self, listing: Listing, first: int, end: int) -> Bars:
        """Daily bars of the sessions [first, end) of the table."""
        if end <= first:
            return empty_bars()
        blocks = [
            self._cached_block(listing.symbol, number)
            for number in range(first // BLOCK_SESSIONS, (end - 1) // BLOCK_SESSIONS + 1)
        ]
        columns = np.concatenate(blocks, axis=1)
        offset = first - first // BLOCK_SESSIONS * BLOCK_SESSIONS
        columns = columns[:, offset : offset + end - first]
        table = self._table
        return make_bars(table.opens[first:end], columns, as_of_seconds=int(table.closes[end - 1]))

    def intraday(self, listing: Listing, first_session: int, until: float) -> Bars:
        """Five-minute bars from that session's open to the last one complete at `until`."""
        table = self._table
        starts = (
            [
                np.arange(opens, min(closes, until - BAR_SECONDS + 1), BAR_SECONDS, dtype=np.int64)
                for opens, closes in zip(
                    table.opens[first_session:], table.closes[first_session:], strict=True
                )
                if opens < until
            ]
            if first_session < len(table)
            else []
        )
        timestamps = np.concatenate(starts) if starts else np.array([], dtype=np.int64)
        if timestamps.size == 0:
            return empty_bars()
        offsets = np.array([0, STEP_SECONDS, BAR_SECONDS])
        path = self._path(listing, timestamps[:, None] + offsets)
        key = stream_key(self._prices.seed, "volume5m", listing.symbol)
        volume = _average_volume(listing) / 78.0 * np.exp(0.4 * normals(key, timestamps // 300))
        columns = np.stack(
            [path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], np.round(volume)]
        )
        return make_bars(timestamps, columns, as_of_seconds=int(timestamps[-1]) + BAR_SECONDS)

    def day_so_far(self, listing: Listing, session: int, until: float) -> tuple[float, ...]:
        """Open, high, low and volume of a session up to `until`."""
        opens, closes = int(self._table.opens[session]), int(self._table.closes[session])
        last = min(until, closes)
        seconds = np.append(np.arange(opens, last, STEP_SECONDS), last)
        path = self._path(listing, seconds[None, :])[0]
        share = (last - opens) / (closes - opens)
        volume = self._volume(listing, np.array([session]))[0] * share
        return float(path[0]), float(path.max()), float(path.min()), float(np.round(volume))

    def _compute_block(self, symbol: str, number: int) -> FloatArray:
        """Rows open, high, low, close, volume of one block of sessions."""
        table = self._table
        sessions = np.arange(
            number * BLOCK_SESSIONS, min((number + 1) * BLOCK_SESSIONS, len(table))
        )
        opens, closes = table.opens[sessions], table.closes[sessions]
        steps = int((closes - opens).max()) // STEP_SECONDS
        grid = np.minimum(opens[:, None] + STEP_SECONDS * np.arange(steps + 1), closes[:, None])
        listing = listings()[symbol]
        path = self._path(listing, grid)
        volume = self._volume(listing, sessions)
        return np.stack([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], volume])

    def _path(self, listing: Listing, seconds: IntArray) -> FloatArray:
        flat = self._prices.prices(listing, seconds.ravel().astype(np.float64))
        return np.asarray(np.maximum(0.01, np.round(flat, 2)).reshape(seconds.shape))

    def _volume(self, listing: Listing, sessions: IntArray) -> FloatArray:
        seed = self._prices.seed
        own = normals(stream_key(seed, "volume", listing.symbol), sessions)
        days = (sessions * 86_400).astype(np.float64)
        wave = smooth_noise(stream_key(seed, "volumewave", listing.symbol), days, 20 * 86_400.0)
        return np.asarray(np.round(_average_volume(listing) * np.exp(0.25 * own + 0.15 * wave)))


def _average_volume(listing: Listing) -> float:
    """Shares a day: larger companies turn over a smaller part of themselves."""
    turnover = 0.004 * (listing.market_cap / 1e11) ** -0.15
    return float(max(3e5, listing.market_cap / listing.price * turnover))


def make_bars(timestamps: IntArray, columns: FloatArray, *, as_of_seconds: int) -> Bars:
    """Bars from rows open, high, low, close, volume; simulated bars need no adjustment."""
    return Bars(
        timestamps=np.asarray(timestamps, dtype=np.int64),
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=columns[4],
        as_of=from_epoch(as_of_seconds),
        adjusted=True,
    )


def empty_bars() -> Bars:
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
        adjusted=True,
    )


def dividend_adjusted(bars: Bars, table: SessionTable, paid: tuple[Dividend, ...]) -> FloatArray:
    """Closes with each dividend taken off everything before its ex-date, proportionally."""
    factor = np.ones(len(bars))
    for dividend in paid:
        session = table.first_on_or_after(dividend.ex_date)
        before = bars.timestamps < table.opens[session]
        if before.any() and not before.all():
            last_close = bars.close[before][-1]
            factor[before] *= 1.0 - min(0.9, dividend.amount / last_close)
    return np.asarray(np.round(bars.close * factor, 4))
