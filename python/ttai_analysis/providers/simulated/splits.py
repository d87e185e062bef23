"""Splits of the simulated market: rare, seeded, known from the calendar.

For: their days and ratios, and how many of today's shares an old one became. Not for: prices.
Every listed price (universe.csv) is that of the reference slot, so shares are counted from there.
"""

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import Split
from ttai_analysis.providers.simulated.noise import FloatArray, IntArray, uniforms
from ttai_analysis.providers.simulated.roster import Roster
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


NEVER = 1 << 40


class Splits:
    """All splits of one seeded market over the table's years. A fund has none."""

    def __init__(self, roster: Roster, table: SessionTable) -> None:
        eras = np.arange(int(table.days[0]) // ERA_DAYS + 1, int(table.days[-1]) // ERA_DAYS + 1)
        price = np.exp(roster.log_price)
        may = ~roster.is_fund & ((price >= DEAR) | (price <= CHEAP))
        keys = roster.keys("split")[:, None]
        luck, when, which = (uniforms(keys, 3 * eras + draw) for draw in range(3))
        sessions = np.searchsorted(table.days, eras * ERA_DAYS + (when * ERA_DAYS).astype(np.int64))
        sessions = np.minimum(sessions, len(table) - 1)
        chance = np.where(price <= CHEAP, REVERSE_CHANCE, SPLIT_CHANCE)
        happens = may[:, None] & (luck < chance[:, None])
        ratio = np.ones(luck.shape)
        self._splits: dict[int, tuple[Split, ...]] = {}
        for who, era in np.argwhere(happens).tolist():
            new, old = _ratio(float(price[who]), float(which[who, era]))
            ratio[who, era] = new / old
            day = date_from_ordinal(int(table.days[sessions[who, era]]))
            split = Split(day, float(new), float(old))
            self._splits[who] = (*self._splits.get(who, ()), split)
        self._sessions = np.where(happens, sessions, NEVER)
        self._ratio = ratio
        reference = int(np.searchsorted(table.days, REFERENCE_DAY))
        self._then = np.ones(price.size)
        self._then = self.shares_at(np.arange(price.size), np.full(price.size, reference))

    def of(self, who: int) -> tuple[Split, ...]:
        """The splits of a listing, oldest first."""
        return self._splits.get(who, ())

    def shares_at(self, who: IntArray, session: IntArray) -> FloatArray:
        """What one share of the reference day is (or was) in those sessions."""
        done = self._sessions[who] <= session[:, None]
        shares = np.prod(np.where(done, self._ratio[who], 1.0), axis=1)
        return np.asarray(shares / self._then[who])


def _ratio(price: float, which: float) -> tuple[int, int]:
    if price <= CHEAP:
        return REVERSE_RATIOS[int(which * len(REVERSE_RATIOS))]
    choice = VERY_DEAR_RATIOS if price >= VERY_DEAR else DEAR_RATIOS
    return choice[int(which * len(choice))]
