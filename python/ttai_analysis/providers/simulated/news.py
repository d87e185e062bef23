"""News of the simulated market, in the tone of what the price did.

For: invented articles with a steady id, time and wording. Not for: judging them (research/).
"""

from datetime import datetime

import numpy as np

from ttai_analysis.providers.base import Article
from ttai_analysis.providers.simulated.events import earnings_days, earnings_surprise
from ttai_analysis.providers.simulated.noise import stream_key, uniform
from ttai_analysis.providers.simulated.prices import PriceModel
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import SECONDS_PER_DAY, from_epoch

ARTICLES_A_DAY = 0.3
NOTABLE_MOVE = 0.8
"""Moves above this many daily deviations get news with a tone."""

GOOD = (
    ("{name} gains as orders come in above plan", "Demand for its products improved."),
    ("Analyst upgrades {name}, citing robust growth", "The price target was raised."),
    ("{name} announces a share buyback", "The board approved a larger repurchase programme."),
    ("{name} wins a long-term contract", "The deal strengthens its backlog."),
)
BAD = (
    ("{name} slides on weak demand", "Customers postponed orders, traders said."),
    ("Analyst downgrades {name} on slowing growth", "The price target was lowered."),
    ("{name} warns of higher costs", "Margins remain under pressure."),
    ("{name} faces a lawsuit over a product", "The company denied wrongdoing."),
)
PLAIN = (
    ("{name} to present at an industry conference", "Management will take questions."),
    ("What to watch in {name} this week", "Trading was calm."),
    ("{name} names the date of its annual meeting", "Shareholders will vote as usual."),
)
BEAT = ("{name} beats earnings estimates", "Revenue exceeded expectations and guidance was raised.")
MISS = ("{name} misses earnings estimates", "Revenue fell short and the outlook was cut.")


def articles(
    prices: PriceModel, listing: Listing, now: float, lookback_days: int
) -> tuple[Article, ...]:
    """Articles of the lookback published by `now`, newest first."""
    first = now - lookback_days * SECONDS_PER_DAY
    found = [*_daily(prices, listing, first, now), *_reports(prices, listing, first, now)]
    return tuple(sorted(found, key=lambda article: (article.published_at, article.id))[::-1])


def _daily(prices: PriceModel, listing: Listing, first: float, now: float) -> list[Article]:
    key = stream_key(prices.seed, "news", listing.symbol)
    found = []
    for day in range(int(first // SECONDS_PER_DAY), int(now // SECONDS_PER_DAY) + 1):
        if uniform(key, 4 * day) >= ARTICLES_A_DAY:
            continue
        at = day * SECONDS_PER_DAY + int((0.5 + 0.4 * uniform(key, 4 * day + 1)) * SECONDS_PER_DAY)
        if first <= at <= now:
            wording = _tone(_move(prices, listing, at))
            choice = wording[int(uniform(key, 4 * day + 2) * len(wording))]
            found.append(_article(listing, f"d{day}", choice, from_epoch(at)))
    return found


def _reports(prices: PriceModel, listing: Listing, first: float, now: float) -> list[Article]:
    found = []
    for report in earnings_days(prices.seed, listing, prices.table, first, now - 600):
        surprise = earnings_surprise(prices.seed, listing, report.number)
        wording = BEAT if surprise >= 0.0 else MISS
        at = from_epoch(report.effective_at + 600)
        found.append(_article(listing, f"e{report.number}", wording, at))
    return found


def _move(prices: PriceModel, listing: Listing, at: int) -> float:
    """The move over the day before, in daily deviations."""
    pair = prices.prices(listing, np.array([at - SECONDS_PER_DAY, at], dtype=np.float64))
    return float(np.log(pair[1] / pair[0]) / (listing.volatility / np.sqrt(252.0)))


def _tone(move: float) -> tuple[tuple[str, str], ...]:
    if move > NOTABLE_MOVE:
        return GOOD
    return BAD if move < -NOTABLE_MOVE else PLAIN


def _article(listing: Listing, number: str, wording: tuple[str, str], at: datetime) -> Article:
    title, summary = wording
    return Article(
        id=f"sim-{listing.symbol}-{number}",
        symbol=listing.symbol,
        title=title.format(name=listing.name),
        summary=summary,
        published_at=at,
        source="simulated",
        url=None,
    )
