"""The criteria of the screener, each a test of one symbol's figures, and the score that orders.

For: rules by name. Not for: fetching (service.py).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log10

from ttai_analysis.models.screener import Criteria

WEIGHTS = {"iv_rank": 0.5, "rsi_in_the_middle": 0.3, "dollar_volume": 0.2}
"""Shares of the score; each rule gives 0..1 of its share, an unknown figure nothing."""
FULL_DOLLAR_VOLUME = 9.0
LEAST_DOLLAR_VOLUME = 6.0
"""Powers of ten of dollars a day: a million earns nothing of the share, a billion all of it."""


@dataclass(slots=True)
class Figures:
    """What is known of one symbol; None: not known (or not asked for)."""

    is_fund: bool | None = None
    price: float | None = None
    volume: float | None = None
    market_cap: float | None = None
    rsi14: float | None = None
    sma50: float | None = None
    iv_rank: float | None = None
    earnings_known: bool = False
    days_to_earnings: int | None = None


def _at_least(value: float | None, least: float) -> bool:
    return value is not None and value >= least


def _in_universe(criteria: Criteria, figures: Figures) -> bool:
    if criteria.symbols is not None or criteria.universe == "all":
        return True
    return figures.is_fund is (criteria.universe == "funds")


def _has_capital(criteria: Criteria, figures: Figures) -> bool:
    """Funds have no market capitalisation of their own to ask for."""
    return bool(figures.is_fund) or _at_least(figures.market_cap, criteria.min_market_cap)


def _rsi_within(criteria: Criteria, figures: Figures) -> bool:
    return figures.rsi14 is not None and criteria.rsi_min <= figures.rsi14 <= criteria.rsi_max


def _above_average(criteria: Criteria, figures: Figures) -> bool:
    if not criteria.wants_above_sma50:
        return True
    return None not in (figures.price, figures.sma50) and _at_least(
        figures.price, figures.sma50 or 0.0
    )


def _earnings_far(criteria: Criteria, figures: Figures) -> bool:
    """A report today counts as within; not knowing the date is not the same as there being none."""
    if criteria.max_days_to_earnings is None:
        return True
    if not figures.earnings_known:
        return False
    days = figures.days_to_earnings
    return days is None or days > criteria.max_days_to_earnings


CRITERIA: dict[str, Callable[[Criteria, Figures], bool]] = {
    "symbol": lambda criteria, figures: True,
    "universe": _in_universe,
    "marketCap": _has_capital,
    "ivRank": lambda criteria, figures: (
        criteria.min_iv_rank is None or _at_least(figures.iv_rank, criteria.min_iv_rank)
    ),
    "price": lambda criteria, figures: (
        figures.price is not None and criteria.least_price <= figures.price <= criteria.most_price
    ),
    "volume": lambda criteria, figures: _at_least(figures.volume, criteria.least_volume),
    "sma50": _above_average,
    "rsi": _rsi_within,
    "earnings": _earnings_far,
}
"""By name, cheap ones first: the first that fails is the one that is counted. `symbol` fails where
the provider does not know it."""


def failures(criteria: Criteria, figures: Figures, names: Iterable[str]) -> list[str]:
    """Those of the named criteria that the figures do not fulfil, in order."""
    return [name for name in names if not CRITERIA[name](criteria, figures)]


def shares_of(figures: Figures) -> dict[str, float]:
    """By rule the share 0..1 of its weight that a symbol earns: dear options, neither bought nor
    sold out, and easy to trade."""
    dollars = (figures.price or 0.0) * (figures.volume or 0.0)
    reach = FULL_DOLLAR_VOLUME - LEAST_DOLLAR_VOLUME
    return {
        "iv_rank": figures.iv_rank or 0.0,
        "rsi_in_the_middle": 0.0
        if figures.rsi14 is None
        else 1.0 - min(1.0, abs(figures.rsi14 - 50.0) / 50.0),
        "dollar_volume": 0.0
        if dollars <= 0.0
        else min(1.0, max(0.0, (log10(dollars) - LEAST_DOLLAR_VOLUME) / reach)),
    }


def score(figures: Figures) -> float | None:
    """0..100; None without a price, where nothing but what came first is known."""
    if figures.price is None:
        return None
    return 100.0 * sum(WEIGHTS[rule] * share for rule, share in shares_of(figures).items())
