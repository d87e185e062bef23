"""Which option contracts are listed: expiries and strikes, fixed from the open of each session.

For: the expiries of a day and the strikes of each. Not for: their quotes (chain.py).

A contract once listed stays until it expires: strikes are added at the open when the price has
moved, never taken away. A split divides them. From nine weeks before the expiry the steps are fine.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ttai_analysis.market_calendar.sessions import SessionTable
from ttai_analysis.providers.base import FloatArray, IntArray
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.timestamps import date_from_ordinal, ordinal_of

WEEKLIES = 9
MONTHLIES = 12
FINE_DAYS, COARSE_DAYS = 63, 372
REACH_DEVIATIONS = 2.5
MAX_REACH = 0.6
MIN_STEPS = 6
MAX_STEPS = 60
STRIKE_STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)
STEP_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Listed:
    """Columns of one session's strikes, each once for call and put: expiry (days since 1970), its
    session, the strike, and whether the expiry is a monthly one."""

    expiry: IntArray
    session: IntArray
    strike: FloatArray
    monthly: np.ndarray
    reference: float


def expiries(table: SessionTable, today: date) -> list[tuple[date, bool]]:
    """The next Fridays and third Fridays (True); the Thursday before where that Friday is a
    holiday."""
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    weekly = {friday + timedelta(weeks=week) for week in range(WEEKLIES)}
    monthly = {_third_friday(today, months) for months in range(MONTHLIES)}
    found = {}
    for wanted in weekly | monthly:
        day = wanted if table.index_of(wanted) is not None else wanted - timedelta(days=1)
        if day >= today and table.index_of(day) is not None:
            found[day] = wanted in monthly
    return sorted(found.items())


def _third_friday(today: date, months: int) -> date:
    month = today.month - 1 + months
    first = date(today.year + month // 12, month % 12 + 1, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def listed_strikes(
    prices: PriceModel, who: int, session: int, scripted: float | None = None
) -> Listed:
    """The strikes listed since the open of that session. A scripted price stands for all the
    opens, for the market's own path does not lead to it."""
    table = prices.table
    day = int(table.days[session])
    first = max(1, int(np.searchsorted(table.days, day - COARSE_DAYS)))
    sessions = np.arange(first, session + 1)
    shares = prices.splits.shares_at(np.full(sessions.size, who), sessions)
    ratio = shares[-1] / shares
    if scripted is None:
        opens = prices.opens(np.full(sessions.size, who), sessions) / ratio
    else:
        opens = np.full(sessions.size, scripted)
    lowest = np.minimum.accumulate(opens[::-1])[::-1].tolist()
    highest = np.maximum.accumulate(opens[::-1])[::-1].tolist()
    volatility = float(prices.roster.volatility[who])
    days = table.days[first : session + 1]
    columns: list[tuple[int, int, FloatArray, bool]] = []
    for expiry, monthly in expiries(table, date_from_ordinal(day)):
        ordinal = ordinal_of(expiry)
        strikes = []
        for life, factor in ((FINE_DAYS, 1.0), (COARSE_DAYS, 2.0)):
            if (life == FINE_DAYS and ordinal - day > FINE_DAYS) or (
                life == COARSE_DAYS and not monthly
            ):
                continue
            start = int(np.searchsorted(days, ordinal - life))
            start = min(start, len(lowest) - 1)
            step = factor * step_at(float(opens[start] * ratio[start])) / float(ratio[start])
            reach = min(MAX_REACH, REACH_DEVIATIONS * volatility * (life / 365.0) ** 0.5)
            strikes.append(strikes_within(lowest[start], highest[start], reach, step))
        columns.append(
            (ordinal, table.index_of(expiry) or 0, np.unique(np.concatenate(strikes)), monthly)
        )
    sizes = [strikes.size for _, _, strikes, _ in columns]
    return Listed(
        expiry=np.repeat([one[0] for one in columns], sizes).astype(np.int64),
        session=np.repeat([one[1] for one in columns], sizes).astype(np.int64),
        strike=np.concatenate([one[2] for one in columns]),
        monthly=np.repeat([one[3] for one in columns], sizes),
        reference=float(opens[-1]),
    )


def step_at(price: float) -> float:
    """The usual distance of strikes at that price: about a hundredth of it or a little more."""
    return next((step for step in STRIKE_STEPS if step >= price * STEP_SHARE), STRIKE_STEPS[-1])


def strikes_within(lowest: float, highest: float, reach: float, step: float) -> FloatArray:
    """Strikes on that step from below the lowest to above the highest price, to the cent. A wider
    range of prices never has fewer strikes."""
    low, high = round(lowest / step), round(highest / step)
    first = min(int(lowest * (1.0 - reach) / step), low - MIN_STEPS)
    last = max(int(highest * (1.0 + reach) / step) + 1, high + MIN_STEPS)
    kept = np.arange(max(1, first, low - MAX_STEPS), min(last, high + MAX_STEPS) + 1)
    return np.asarray(np.round(kept * step, 2))
