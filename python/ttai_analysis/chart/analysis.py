"""The analysis of one chart, from bars to the answer of /analyze/chart.

For: putting the parts together. Not for: fetching bars (service.py) or the rules (verdict.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ttai_analysis.chart import rows
from ttai_analysis.chart.fibonacci import fib_levels
from ttai_analysis.chart.indicators import IndicatorSet, last
from ttai_analysis.chart.levels import (
    Zone,
    confluence,
    merge_named,
    named_zone,
    open_gaps,
    round_prices,
    swing_zones,
    zone_width,
)
from ttai_analysis.chart.notes import chart_notes
from ttai_analysis.chart.series import Series
from ttai_analysis.chart.swings import Leg, find_swings, last_major_leg
from ttai_analysis.chart.trend import Trend, assess_trend
from ttai_analysis.chart.verdict import (
    SupportView,
    gate_evidence,
    recommend,
    reject_reasons,
    score,
    score_evidence,
    stretch_evidence,
)
from ttai_analysis.models.chart import ConfluenceRow, LevelRow
from ttai_analysis.models.common import Evidence, sound_data
from ttai_analysis.models.options import Strategy
from ttai_analysis.providers.base import Timeframe

BARS_PER_YEAR: dict[Timeframe, float] = {"daily": 252.0, "weekly": 52.0, "intraday": 252.0 * 78.0}
BARS_PER_DAY: dict[Timeframe, float] = {"daily": 1.0, "weekly": 0.2, "intraday": 78.0}
SWING_K: dict[Timeframe, int] = {"daily": 5, "weekly": 5, "intraday": 2}
EXPECTED_MOVE_DAYS = 31.0
MAX_CONFLUENCES = 6
MIN_BARS_FOR_LEVELS = 16


@dataclass(frozen=True, slots=True)
class ChartFindings:
    """All that the answer of /analyze/chart says beyond its head."""

    recommendation: rows.Recommendation
    trend: Trend | None
    supports: list[LevelRow]
    resistances: list[LevelRow]
    confluences: list[ConfluenceRow]
    leg: Leg | None
    fib: dict[str, float]
    indicators: IndicatorSet
    score: float
    notes: str
    rejects: list[str]
    evidence: list[Evidence]


def analyse_chart(
    series: Series,
    timeframe: Timeframe,
    *,
    swing_k: int | None,
    levels: int,
    stale: bool,
    faults: Sequence[str] = (),
    strategy: Strategy = "csp",
) -> ChartFindings:
    """Pure: the same series gives the same findings. `faults`: codes that forbid a trade;
    `strategy`: what is to be sold on it, which some reject rules depend on."""
    indicators = IndicatorSet(
        series.open,
        series.high,
        series.low,
        series.close,
        series.volume,
        BARS_PER_YEAR[timeframe],
    )
    if len(series) < MIN_BARS_FOR_LEVELS:
        return _too_short(series, indicators, stale, faults, strategy)
    close, atr = float(series.close[-1]), last(indicators.atr14)
    swings = find_swings(series, indicators.atr14, swing_k or SWING_K[timeframe])
    leg = last_major_leg(series, indicators.atr14)
    fib = fib_levels(leg) if leg else {}
    width = zone_width(close, atr)
    touched = swing_zones(series, swings, width)
    named = _named(series, indicators, fib, close)
    zones = merge_named(touched, named, width)
    supports = _nearest([zone for zone in zones if zone.price < close], close, atr, levels)
    resistances = _nearest([zone for zone in zones if zone.price > close], close, atr, levels)
    agreeing = confluence(_sources(touched, named), width, MAX_CONFLUENCES)
    support = SupportView(
        distance=close - supports[0].price if supports and supports[0].price else None,
        expected_move=close * indicators.hv(20) * np.sqrt(EXPECTED_MOVE_DAYS / 365.0),
        atr=atr,
    )
    trend = assess_trend(indicators, swings, support_within_move=support.within_move)
    gates = gate_evidence(
        series,
        indicators,
        support,
        trend,
        stale=stale,
        bars_per_day=BARS_PER_DAY[timeframe],
        strategy=strategy,
    )
    gates.append(sound_data(faults))
    rejects = [*reject_reasons(gates[:-1]), *faults]
    below = sum(price < close for price, _ in agreeing)
    rules = score_evidence(trend, support, below)
    recommendation = recommend(trend, support, rejects)
    return ChartFindings(
        recommendation=recommendation,
        trend=trend,
        supports=supports,
        resistances=resistances,
        confluences=[ConfluenceRow(price=price, levels=names) for price, names in agreeing],
        leg=leg,
        fib=fib,
        indicators=indicators,
        score=score(rules),
        notes=chart_notes(recommendation, trend, supports, resistances, rejects),
        rejects=rejects,
        evidence=[*gates, *rules, stretch_evidence(trend)],
    )


def _too_short(
    series: Series,
    indicators: IndicatorSet,
    stale: bool,
    faults: Sequence[str],
    strategy: Strategy,
) -> ChartFindings:
    nothing = SupportView(None, float("nan"), float("nan"))
    gates = gate_evidence(
        series, indicators, nothing, None, stale=stale, bars_per_day=1.0, strategy=strategy
    )
    gates.append(sound_data(faults))
    rejects = [*reject_reasons(gates[:-1]), *faults]
    return ChartFindings(
        recommendation="reject",
        trend=None,
        supports=[],
        resistances=[],
        confluences=[],
        leg=None,
        fib={},
        indicators=indicators,
        score=0.0,
        notes=chart_notes("reject", None, [], [], rejects),
        rejects=rejects,
        evidence=gates,
    )


def _named(
    series: Series, indicators: IndicatorSet, fib: dict[str, float], close: float
) -> list[Zone]:
    """Levels by what they are, most telling first (the first of two near ones is kept)."""
    averages = (("sma_50", last(indicators.sma50)), ("sma_200", last(indicators.sma200)))
    zones = [named_zone(price, kind, 0.5) for kind, price in averages if not np.isnan(price)]
    zones += [named_zone(price, kind, 0.4) for kind, price in fib.items()]
    zones += open_gaps(series, indicators.atr14)
    zones += [named_zone(price, "round", 0.1) for price in round_prices(close)]
    return zones


def _sources(touched: list[Zone], named: list[Zone]) -> dict[str, float]:
    sources = {f"{zone.kind}@{zone.price:.2f}": zone.price for zone in touched if zone.touches >= 2}
    return sources | {
        (zone.kind if zone.kind != "gap" else f"gap@{zone.price:.2f}")
        if zone.kind != "round"
        else f"round@{zone.price:.2f}": zone.price
        for zone in named
    }


def _nearest(zones: list[Zone], close: float, atr: float, limit: int) -> list[LevelRow]:
    ordered = sorted(zones, key=lambda zone: (abs(zone.price - close), zone.kind))[:limit]
    return [
        LevelRow(
            price=zone.price,
            low=zone.low,
            high=zone.high,
            strength=zone.strength,
            type=zone.kind,
            touches=zone.touches,
            weight=zone.weight,
            last_touch=zone.last_touch,
            distance_pct=100.0 * abs(zone.price - close) / close,
            distance_atr=abs(zone.price - close) / atr if atr > 0 else None,
        )
        for zone in ordered
    ]
