"""/screener/candidates: the symbols of the provider that fulfil the criteria, best first.

For: gathering the figures, cheap ones first, and ordering. Not for: the criteria (criteria.py).
Deterministic: ties are broken by symbol. A figure that is not known fulfils nothing and is counted.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from ttai_analysis.answers import age_seconds, answer_head
from ttai_analysis.chart.indicators import IndicatorSet, last
from ttai_analysis.chart.service import checked_bars
from ttai_analysis.errors import (
    InsufficientDataError,
    InvalidMarketDataError,
    SymbolNotFoundError,
)
from ttai_analysis.market.freshness import bars_as_of
from ttai_analysis.market.underlying import known_earnings
from ttai_analysis.models.common import Evidence, Quality
from ttai_analysis.models.screener import (
    Criteria,
    ScreenedRow,
    ScreenerAnswer,
    ScreenerRequest,
    SortKey,
)
from ttai_analysis.options.volatility_context import iv_standing
from ttai_analysis.providers.base import Provider
from ttai_analysis.quality import code_of, forbidding
from ttai_analysis.screener.criteria import CRITERIA, WEIGHTS, Figures, failures, score, shares_of
from ttai_analysis.timestamps import days_to

PERIOD = "6mo"
BARS_PER_YEAR = 252.0
FUND_SECTOR = "fund"


@dataclass(slots=True)
class Seen:
    """Of all bars that were looked at: how often each code was said of them, how many could not be
    trusted, and when the oldest that could were complete. And by symbol what it earns of the score.
    """

    faults: Counter[str] = field(default_factory=Counter)
    without_price: int = 0
    oldest: datetime | None = None
    shares: dict[str, dict[str, float]] = field(default_factory=dict)


def candidates(request: ScreenerRequest, provider: Provider, as_of: datetime) -> ScreenerAnswer:
    """Raises InsufficientDataError where neither the provider nor the request lists symbols."""
    criteria = request.wanted
    universe = _universe(criteria, provider)
    seen = Seen()
    rows = [_row(criteria, provider, symbol, as_of, seen) for symbol in universe]
    passed = sorted((row for row in rows if not row.failed), key=_order(criteria.sort_by))
    stopped = sorted((row for row in rows if row.failed), key=lambda row: row.symbol)
    counts = dict.fromkeys(CRITERIA, 0)
    for row in stopped:
        counts[row.failed[0]] += 1
    return ScreenerAnswer(
        **answer_head("/screener/candidates", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=seen.oldest,
            age_seconds=age_seconds(as_of, seen.oldest),
            stale=all(row.price is None for row in rows),
            adjusted=True,
            bars_used=0,
            warnings=[
                *([f"without_price:{seen.without_price}"] if seen.without_price else []),
                *(f"{code}:{count}" for code, count in sorted(seen.faults.items())),
            ],
        ),
        evidence=_evidence(seen.shares[passed[0].symbol] if passed else {}),
        symbols=[row.symbol for row in passed[: criteria.max_results]],
        rows=[*passed, *stopped],
        universe_size=len(universe),
        failed_counts=counts,
    )


def _evidence(earned: dict[str, float]) -> list[Evidence]:
    """What the first symbol earns by each rule of the score; nothing where none passes."""
    return [
        Evidence(
            rule=rule,
            value=earned.get(rule, "no symbol passes"),
            threshold=0.5,
            passed=earned.get(rule, 0.0) >= 0.5,
            weight=weight,
        )
        for rule, weight in WEIGHTS.items()
    ]


def _universe(criteria: Criteria, provider: Provider) -> list[str]:
    if criteria.symbols is not None:
        return sorted(set(criteria.symbols))
    listed = list(provider.symbols())
    if not listed:
        raise InsufficientDataError(
            f"{provider.source} has no list of all symbols; name them under 'symbols'.",
            details={"field": "symbols"},
        )
    return listed


def _row(
    criteria: Criteria, provider: Provider, symbol: str, as_of: datetime, seen: Seen
) -> ScreenedRow:
    """The figures of one symbol: dear ones are fetched only while the cheap ones pass. What is
    wrong with its bars is counted in `seen`."""
    figures = Figures()
    try:
        metrics = provider.metrics(symbol, as_of)
    except SymbolNotFoundError:
        return _screened(symbol, figures, ["symbol"])
    figures.is_fund = metrics.sector == FUND_SECTOR
    figures.market_cap = metrics.market_cap
    figures.iv_rank = iv_standing(metrics)[0]
    failed = failures(criteria, figures, ("universe", "marketCap", "ivRank"))
    if failed:
        return _screened(symbol, figures, failed)
    _add_bars(figures, provider, symbol, as_of, seen)
    seen.without_price += figures.price is None
    seen.shares[symbol] = shares_of(figures)
    asked = criteria.max_days_to_earnings is not None
    if asked or not failures(criteria, figures, CRITERIA):
        _add_earnings(figures, provider, symbol, as_of)
    return _screened(symbol, figures, failures(criteria, figures, CRITERIA))


def _add_bars(
    figures: Figures, provider: Provider, symbol: str, as_of: datetime, seen: Seen
) -> None:
    """Adds nothing where the bars cannot be trusted."""
    given = provider.bars(symbol, "daily", PERIOD, as_of, adjusted=True)
    try:
        bars, warnings = checked_bars(given, "daily", as_of)
    except InvalidMarketDataError:
        seen.faults["unusable_bars"] += 1
        return
    codes = list(dict.fromkeys(map(code_of, warnings)))
    seen.faults.update(codes)
    if len(bars) == 0 or forbidding(codes):
        return
    complete_at = bars_as_of(int(bars.timestamps[-1]), "daily")
    seen.oldest = min(filter(None, (seen.oldest, complete_at)), default=None)
    indicators = IndicatorSet(
        bars.open, bars.high, bars.low, bars.close, bars.volume, BARS_PER_YEAR
    )
    figures.price = last(bars.close)
    figures.volume = float(np.mean(bars.volume[-20:])) if len(bars) >= 20 else None
    figures.rsi14 = _known(last(indicators.rsi14))
    figures.sma50 = _known(last(indicators.sma50))


def _add_earnings(figures: Figures, provider: Provider, symbol: str, as_of: datetime) -> None:
    earnings = known_earnings(provider, symbol, as_of)
    figures.earnings_known = earnings.known
    if earnings.day is not None:
        figures.days_to_earnings = days_to(earnings.day, as_of)


def _screened(symbol: str, figures: Figures, failed: list[str]) -> ScreenedRow:
    return ScreenedRow(
        symbol=symbol,
        price=figures.price,
        volume=figures.volume,
        market_cap=figures.market_cap,
        rsi14=figures.rsi14,
        sma50=figures.sma50,
        iv_rank=figures.iv_rank,
        days_to_earnings=figures.days_to_earnings,
        score=score(figures),
        failed=failed,
    )


def _order(key: SortKey) -> Callable[[ScreenedRow], tuple[float, str]]:
    """Descending by the figure, unknown last, then by symbol."""

    def place(row: ScreenedRow) -> tuple[float, str]:
        value = {"volume": row.volume, "ivRank": row.iv_rank, "score": row.score}.get(key, 0.0)
        return (float("inf") if value is None else -value, row.symbol)

    return place


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
