"""News of the simulated market, in the tone of what the price did.

For: invented articles with a steady id, time and wording. Not for: judging them (research/).
Grave events are rare, and come with a fall.
"""

from datetime import datetime

import numpy as np

from ttai_analysis.providers.base import Article
from ttai_analysis.providers.simulated.events import Report
from ttai_analysis.providers.simulated.noise import stream_key, uniforms
from ttai_analysis.providers.simulated.prices import ANNUAL_SESSIONS, PriceModel
from ttai_analysis.providers.simulated.universe import Listing
from ttai_analysis.timestamps import SECONDS_PER_DAY, from_epoch

ARTICLES_A_DAY = 0.3
NOTABLE_MOVE = 0.8
"""Moves above this many daily deviations get news with a tone."""
GRAVE_SHARE = 0.03
"""This part of the bad news is grave."""
REPORT_DELAY = 600
DRAWS = 4

Wording = tuple[str, str]
GOOD: tuple[Wording, ...] = (
    ("{name} gains as orders come in above plan", "Demand for its products improved."),
    ("Analyst upgrades {name}, citing robust growth", "The price target was raised."),
    ("{name} announces a share buyback", "The board approved a larger repurchase programme."),
    ("{name} wins a long-term contract", "The deal strengthens its backlog."),
    ("{name} rallies with its sector", "Investors were optimistic about the quarter."),
)
BAD: tuple[Wording, ...] = (
    ("{name} slides on weak demand", "Customers postponed orders, traders said."),
    ("Analyst downgrades {name} on slowing growth", "The price target was lowered."),
    ("{name} warns of higher costs", "Margins remain under pressure."),
    ("{name} faces a lawsuit over a product", "The company disputed the weak claim."),
    ("{name} falls with its sector", "Investors were worried about the quarter."),
)
GRAVE: tuple[Wording, ...] = (
    ("{name} drops on an SEC investigation", "Regulators asked for its books, a loss of trust."),
    ("{name} tumbles after a profit warning", "The outlook was cut on weak sales."),
    ("{name} reports a data breach", "Customer records were stolen, a serious failure."),
    ("{name} to restate two years of results", "Losses were larger than first reported."),
)
PLAIN: tuple[Wording, ...] = (
    ("{name} to present at an industry conference", "Management will take questions."),
    ("What to watch in {name} this week", "Trading was calm."),
    ("{name} names the date of its annual meeting", "Shareholders will vote as usual."),
)
BEAT: Wording = ("{name} beats earnings estimates",
                 "Revenue exceeded expectations and guidance was raised.")  # fmt: skip
MISS: Wording = ("{name} misses earnings estimates",
                 "Revenue fell short of what analysts expected.")  # fmt: skip
CUT: Wording = ("{name} misses earnings estimates", "Revenue fell short and the outlook was cut.")
CUT_SHARE = 0.25


def articles(prices: PriceModel, who: int, now: float, lookback_days: int) -> tuple[Article, ...]:
    """Articles of the lookback published by `now`, newest first."""
    first = now - lookback_days * SECONDS_PER_DAY
    found = [*_daily(prices, who, first, now), *_reports(prices, who, first, now)]
    return tuple(sorted(found, key=lambda article: (article.published_at, article.id))[::-1])


def _daily(prices: PriceModel, who: int, first: float, now: float) -> list[Article]:
    listing = prices.roster.listings[who]
    days = np.arange(int(first // SECONDS_PER_DAY), int(now // SECONDS_PER_DAY) + 1)
    key = stream_key(prices.seed, "news", listing.symbol)
    luck, when, choice, grave = (uniforms(key, DRAWS * days + draw) for draw in range(DRAWS))
    moments = days * SECONDS_PER_DAY + ((0.5 + 0.4 * when) * SECONDS_PER_DAY).astype(np.int64)
    kept = (luck < ARTICLES_A_DAY) & (moments >= first) & (moments <= now)
    if not kept.any():
        return []
    moves = day_moves(prices, who, moments[kept].astype(np.float64))
    rows = zip(
        days[kept].tolist(),
        moments[kept].tolist(),
        moves.tolist(),
        choice[kept].tolist(),
        grave[kept].tolist(),
        strict=True,
    )
    found = []
    for day, at, move, pick, gravity in rows:
        wording = _tone(move, gravity)
        chosen = wording[int(pick * len(wording))]
        found.append(_article(listing, f"d{day}", chosen, from_epoch(at)))
    return found


def day_moves(prices: PriceModel, who: int, moments: np.ndarray) -> np.ndarray:
    """The moves over the day before each moment, in the symbol's daily deviations; a split is
    none."""
    both = np.concatenate([moments - SECONDS_PER_DAY, moments])
    price = prices.prices(np.full(both.size, who), both)
    session = np.array([prices.effective_session(at) for at in both.tolist()])
    shares = prices.splits.shares_at(np.full(both.size, who), session)
    before, after = np.split(price * shares, 2)
    daily = prices.roster.volatility[who] / np.sqrt(ANNUAL_SESSIONS)
    return np.asarray(np.log(after / before) / daily)


def _reports(prices: PriceModel, who: int, first: float, now: float) -> list[Article]:
    listing = prices.roster.listings[who]
    return [
        _article(
            listing,
            f"e{report.number}",
            _on_report(prices, listing, report),
            from_epoch(report.effective_at + REPORT_DELAY),
        )
        for report in prices.events.reports(who, first, now - REPORT_DELAY)
    ]


def _on_report(prices: PriceModel, listing: Listing, report: Report) -> Wording:
    if report.surprise >= 0.0:
        return BEAT
    cut = uniforms(stream_key(prices.seed, "cut", listing.symbol), report.number) < CUT_SHARE
    return CUT if cut else MISS


def _tone(move: float, gravity: float) -> tuple[Wording, ...]:
    if move > NOTABLE_MOVE:
        return GOOD
    if move < -NOTABLE_MOVE:
        return GRAVE if gravity < GRAVE_SHARE else BAD
    return PLAIN


def _article(listing: Listing, number: str, wording: Wording, at: datetime) -> Article:
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
