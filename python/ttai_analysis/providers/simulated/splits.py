"""Splits of the simulated market: rare, seeded, known from the calendar.

For: their days and ratios, and how many of today's shares an old one became. Not for: prices.
Every listed price (universe.csv) is that of the reference slot, so shares are counted from there.
"""

from dataclasses import dataclass

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Split
from ttai_analysis.providers.simulated.noise import FloatArray, stream_key, uniforms
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import date_from_ordinal

ERA_DAYS = 2400
"""At most one split in each era of some six and a half years."""
SPLIT_CHANCE = 0.45
REVERSE_CHANCE = 0.08
DEAR, CHEAP = 45.0, 14.0
"""Companies above DEAR split now and then, those below CHEAP draw shares together."""
DEAR_RATIOS = ((2, 1), (2, 1), (3, 1), (3, 2), (4, 1))
VERY_DEAR, VERY_DEAR_RATIOS = 400.0, ((4, 1), (5, 1), (10, 1), (20, 1))
REVERSE_RATIOS = ((1, 2), (1, 4), (1, 5))
REFERENCE_DAY = 20_089
"""The day (since 1970) of the listed prices: 1 January 2025."""


@dataclass(frozen=True, slots=True)
class SplitHistory:
    """All splits of one listing over the table's years, oldest first, as sessions and ratios.

    `shares[n]` is how many shares one of the reference day is after the first n splits.
    """

    sessions: np.ndarray
    splits: tuple[Split, ...]
    shares: FloatArray

    def shares_at(self, session: np.ndarray) -> FloatArray:
        """Shares that one share of the reference day is (or was) in those sessions."""
        return np.asarray(self.shares[np.searchsorted(self.sessions, session, side="right")])


def split_history(seed: str, listing: Listing, table: SessionTable) -> SplitHistory:
    """The splits of a listing; a fund has none."""
    found: list[tuple[int, Split]] = []
    if not listing.is_fund and (listing.price >= DEAR or listing.price <= CHEAP):
        key = stream_key(seed, "split", listing.symbol)
        low, high = int(table.days[0]) // ERA_DAYS + 1, int(table.days[-1]) // ERA_DAYS
        draws = uniforms(key, np.arange(3 * low, 3 * high + 3)).reshape(-1, 3)
        for era, (luck, when, which) in zip(range(low, high + 1), draws.tolist(), strict=True):
            ratio = _ratio(listing.price, luck, which)
            session = int(np.searchsorted(table.days, era * ERA_DAYS + int(when * ERA_DAYS)))
            if ratio is not None and session < len(table) - 1:
                day = date_from_ordinal(int(table.days[session]))
                found.append((session, Split(day, float(ratio[0]), float(ratio[1]))))
    ratios = [split.numerator / split.denominator for _, split in found]
    shares = np.concatenate([[1.0], np.cumprod(np.array(ratios, dtype=np.float64))])
    reference = int(np.searchsorted(table.days, REFERENCE_DAY))
    before = sum(session < reference for session, _ in found)
    return SplitHistory(
        sessions=np.array([session for session, _ in found], dtype=np.int64),
        splits=tuple(split for _, split in found),
        shares=shares / shares[before],
    )


def _ratio(price: float, luck: float, which: float) -> tuple[int, int] | None:
    if price <= CHEAP:
        return REVERSE_RATIOS[int(which * len(REVERSE_RATIOS))] if luck < REVERSE_CHANCE else None
    if luck >= SPLIT_CHANCE:
        return None
    choice = VERY_DEAR_RATIOS if price >= VERY_DEAR else DEAR_RATIOS
    return choice[int(which * len(choice))]
