"""The recommendation of a chart: reject rules, label, score, and the evidence for each.

For: rules and published weights. Not for: computing what they judge.
The labels are context, not an edge: over 6,041 samples the naive trend label showed no advantage
once returns were divided by volatility (.83 against .84 of positions kept within it).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttai_analysis.chart.indicators import IndicatorSet, last
from ttai_analysis.chart.series import Series
from ttai_analysis.chart.trend import HIGH_STRETCH, Trend
from ttai_analysis.models.common import Evidence
from ttai_analysis.models.options import Strategy

Recommendation = Literal["bullish", "bearish", "neutral", "reject"]

MIN_BARS = 60
MIN_PRICE = 5.0
MIN_DOLLAR_VOLUME = 20e6
MAX_GAP_ATR = 3.0
GAP_BARS = 3
MAX_ATR_PCT = 8.0
MAX_SUPPORT_DISTANCE = 0.15
NEAR_SUPPORT_ATR = 2.0

NOT_ASKED: dict[Strategy, tuple[str, ...]] = {
    "bear_call_spread": ("strong_downtrend", "no_support_nearby")
}
"""Reject rules that a strategy leaves out: who sells calls alone wants a fall."""

WEIGHTS = {
    "trend_direction": 0.30,
    "trend_quality": 0.20,
    "extension": 0.20,
    "support_proximity": 0.20,
    "fib_confluence_below": 0.10,
}
"""Shares of the score; each rule gives 0..1 of its share."""

DIRECTION_SHARE = {"up": 1.0, "sideways": 0.5, "down": 0.0}
QUALITY_SHARE = {"strong": 1.0, "moderate": 0.6, "weak": 0.2}
EXTENSION_SHARE = {"low": 1.0, "moderate": 0.5, "high": 0.0}


@dataclass(frozen=True, slots=True)
class SupportView:
    """The nearest support below: distances from the close, None without one.

    `expected_move` is one standard deviation over 31 calendar days in currency.
    """

    distance: float | None
    expected_move: float
    atr: float

    @property
    def reach(self) -> float:
        """One expected move, or 2 ATR where that is more or all that is known."""
        return float(np.nanmax([self.expected_move, NEAR_SUPPORT_ATR * self.atr, 0.0]))

    @property
    def within_move(self) -> bool:
        """Whether a support lies within reach."""
        return self.distance is not None and self.distance <= self.reach


def gate_evidence(
    series: Series,
    indicators: IndicatorSet,
    support: SupportView,
    trend: Trend | None,
    *,
    stale: bool,
    bars_per_day: float,
    strategy: Strategy,
) -> list[Evidence]:
    """Every reject rule that the strategy asks for, with its value; a rule that cannot be computed
    does not pass."""
    close = last(series.close)
    gates = [
        _gate("insufficient_data", len(series), MIN_BARS, len(series) >= MIN_BARS),
        _gate("stale_data", stale, "last session present", not stale),
    ]
    if len(series):
        gates.append(_gate("price_below_minimum", close, MIN_PRICE, close >= MIN_PRICE))
    if len(series) < MIN_BARS or trend is None:
        return gates
    turnover = float(np.median(series.close[-20:] * series.volume[-20:])) * bars_per_day
    atr_pct = 100.0 * support.atr / close
    gap = largest_recent_gap(series, indicators)
    share = None if support.distance is None else support.distance / close
    broken = trend.direction == "down" and trend.quality == "strong"
    gates += [
        _gate("illiquid", turnover, MIN_DOLLAR_VOLUME, turnover >= MIN_DOLLAR_VOLUME),
        _gate("strong_downtrend", broken, "not down and strong", not broken),
        _gate("recent_gap", gap, MAX_GAP_ATR, gap <= MAX_GAP_ATR),
        _gate("too_volatile", atr_pct, MAX_ATR_PCT, atr_pct <= MAX_ATR_PCT),
        _gate(
            "no_support_nearby",
            None if share is None else 100.0 * share,
            100.0 * MAX_SUPPORT_DISTANCE,
            share is not None and share <= MAX_SUPPORT_DISTANCE,
        ),
    ]
    return [gate for gate in gates if gate.rule not in NOT_ASKED.get(strategy, ())]


def largest_recent_gap(series: Series, indicators: IndicatorSet) -> float:
    """The largest opening gap of the last three bars, in ATR of the bar before."""
    opens, closes = series.open[-GAP_BARS:], series.close[-GAP_BARS - 1 : -1]
    atr = indicators.atr14[-GAP_BARS - 1 : -1]
    gaps = np.abs(opens - closes)
    with np.errstate(divide="ignore"):
        # No gap is no gap, also where nothing ever moves and the ATR is 0.
        return float(np.max(np.divide(gaps, atr, out=np.zeros_like(gaps), where=gaps > 0.0)))


def reject_reasons(gates: list[Evidence]) -> list[str]:
    """The names of the gates that did not hold."""
    return [gate.rule for gate in gates if not gate.passed]


def score_evidence(trend: Trend, support: SupportView, confluences_below: int) -> list[Evidence]:
    """The weighted rules; the value of each is its share 0..1 of its weight."""
    proximity = 0.0
    if support.distance is not None and support.within_move:
        proximity = 1.0 - 0.5 * support.distance / support.reach
    shares = {
        "trend_direction": DIRECTION_SHARE[trend.direction],
        "trend_quality": QUALITY_SHARE[trend.quality] if trend.direction != "down" else 0.0,
        "extension": EXTENSION_SHARE[trend.extension],
        "support_proximity": proximity,
        "fib_confluence_below": min(1.0, confluences_below / 2.0),
    }
    return [
        Evidence(rule=rule, value=share, threshold=0.5, passed=share >= 0.5, weight=WEIGHTS[rule])
        for rule, share in shares.items()
    ]


def stretch_evidence(trend: Trend) -> Evidence:
    """How far the close is from its 50-bar average, in ATR: said, and weighs nothing."""
    return Evidence(
        rule="stretch_from_sma50",
        value=trend.stretch50,
        threshold=HIGH_STRETCH,
        passed=trend.stretch50 <= HIGH_STRETCH,
        weight=0.0,
    )


def score(rules: list[Evidence]) -> float:
    """0..100: the sum of share times weight."""
    return 100.0 * sum(
        rule.weight * rule.value for rule in rules if isinstance(rule.value, int | float)
    )


def recommend(trend: Trend, support: SupportView, rejects: list[str]) -> Recommendation:
    """Bullish: up, not weak, not stretched, support within an expected move; bearish: down and
    not weak; reject where a gate failed; neutral otherwise."""
    if rejects:
        return "reject"
    if trend.direction == "up" and trend.quality != "weak" and trend.extension != "high":
        return "bullish" if support.within_move else "neutral"
    return "bearish" if trend.direction == "down" and trend.quality != "weak" else "neutral"


def _gate(rule: str, value: float | bool | None, threshold: float | str, passed: bool) -> Evidence:
    shown = (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    )
    return Evidence(rule=rule, value=shown, threshold=threshold, passed=bool(passed), weight=0.0)
