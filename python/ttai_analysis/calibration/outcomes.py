"""What followed: puts sold on every day of an index, and charts labelled along each history.

For: samples into counted outcomes. Not for: intervals (intervals.py) or wording (report.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ttai_analysis.calibration.samples import History, IndexWithVolatility
from ttai_analysis.chart.analysis import analyse_chart
from ttai_analysis.options.odds import probability_below, probability_of_touch
from ttai_analysis.options.pricing import price
from ttai_analysis.providers.base import BoolArray, FloatArray, IntArray

DELTAS = (0.10, 0.16, 0.20, 0.30)
DTE = 45
HORIZON = 31
"""Sessions ahead for charts: 45 calendar days."""
FALL = -0.05
WINDOW = 504
"""Bars that the chart analysis sees: two years, as the service asks for."""
MIN_HISTORY = 220
EVERY = 5
SESSIONS_PER_YEAR = 252.0
ZERO_RATE = 0.0

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it, of how much."""


@dataclass(frozen=True, slots=True)
class PutOutcomes:
    """One put a day, sold at the model's price: rows are days, columns the delta buckets."""

    days: IntArray
    deltas: tuple[float, ...]
    model_pop: FloatArray
    model_touch: FloatArray
    profit: BoolArray
    touched: BoolArray
    window_sessions: int


@dataclass(frozen=True, slots=True)
class LabelSample:
    """A chart's labels on a day, and what the price did over the next sessions.

    `raw`: it did not fall by 5 %. `adjusted`: it did not fall by one standard deviation of the
    HV20 of that day, so that a calm chart has no head start.
    """

    symbol: str
    day: int
    recommendation: str
    direction: str
    quality: str
    extension: str
    raw: bool
    adjusted: bool


def sell_puts(index: IndexWithVolatility) -> PutOutcomes:
    """Flat volatility at VIX, no rate and no dividends, 45 calendar days, held to the last close.

    Profit: the last close is above the breakeven. Touched: a daily low reached the strike. Each is
    the service's own model: `options/pricing.py` and `options/odds.py`.
    """
    bars, series = index.bars, index.bars.series
    start = np.searchsorted(bars.days, index.days)
    end = np.searchsorted(bars.days, index.days + DTE, side="right") - 1
    complete = bars.days[-1] >= index.days + DTE
    start, end, volatility = start[complete], end[complete], index.volatility[complete]
    spot = series.close[start][:, None]
    deviation = volatility[:, None]
    years = DTE / 365.0
    strike = _strike_of_delta(spot, deviation, years)
    credit = price(spot, strike, years, ZERO_RATE, 0.0, deviation, False)
    breakeven = strike - credit
    lows = np.array(
        [series.low[first + 1 : last + 1].min() for first, last in zip(start, end, strict=True)]
    )
    return PutOutcomes(
        days=index.days[complete],
        deltas=DELTAS,
        model_pop=1.0 - probability_below(breakeven, spot, years, deviation),
        model_touch=probability_of_touch(strike, spot, years, ZERO_RATE, 0.0, deviation),
        profit=series.close[end][:, None] > breakeven,
        touched=lows[:, None] <= strike,
        window_sessions=int(np.median(end - start)),
    )


def _strike_of_delta(spot: FloatArray, volatility: FloatArray, years: float) -> FloatArray:
    """The strike whose put has that delta: N(-d1) = delta without a rate."""
    d1 = np.array([-NormalDist().inv_cdf(delta) for delta in DELTAS])
    deviation = volatility * np.sqrt(years)
    return np.asarray(spot * np.exp(-d1 * deviation + 0.5 * deviation**2))


def label_charts(
    histories: Sequence[History], *, every: int = EVERY, progress: Progress | None = None
) -> list[LabelSample]:
    """The labels of `analyse_chart` on every `every`-th session of each history.

    All histories are sampled on the same days, counted from 1970 on, whatever day each begins.
    """
    samples: list[LabelSample] = []
    calendar = np.unique(np.concatenate([history.days for history in histories]))
    grid = calendar[::every]
    for history in histories:
        chosen = np.flatnonzero(np.isin(history.days, grid))
        chosen = chosen[(chosen >= MIN_HISTORY) & (chosen + HORIZON < history.days.size)]
        for done, position in enumerate(chosen.tolist()):
            samples.append(_label(history, position))
            if progress and done % 50 == 0:
                progress(history.symbol, done, chosen.size)
        if progress:
            progress(history.symbol, chosen.size, chosen.size)
    return samples


def _label(history: History, position: int) -> LabelSample:
    series = history.series
    findings = analyse_chart(
        series.part(slice(max(0, position + 1 - WINDOW), position + 1)),
        "daily",
        swing_k=None,
        levels=5,
        stale=False,
    )
    change = series.close[position + HORIZON] / series.close[position] - 1.0
    deviation = findings.indicators.hv(20) * np.sqrt(HORIZON / SESSIONS_PER_YEAR)
    trend = findings.trend
    return LabelSample(
        symbol=history.symbol,
        day=int(history.days[position]),
        recommendation=findings.recommendation,
        direction=trend.direction if trend else "sideways",
        quality=trend.quality if trend else "weak",
        extension=trend.extension if trend else "high",
        raw=bool(change > FALL),
        adjusted=bool(change > -deviation),
    )
