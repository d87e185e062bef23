"""Findings of a chart as rows of the answer.

For: the shapes of models/chart.py. Not for: finding anything.
"""

import numpy as np

from ttai_analysis.chart.indicators import IndicatorSet, last
from ttai_analysis.chart.swings import Leg
from ttai_analysis.models.chart import (
    BollingerRow,
    FibRow,
    IndicatorsRow,
    MacdRow,
    Recommendation,
)

__all__ = ["Recommendation", "fib_row", "indicators_row"]

MONTH_BARS = 21


def fib_row(leg: Leg | None, levels: dict[str, float]) -> FibRow | None:
    """The leg and its levels, None without a major leg."""
    if leg is None:
        return None
    return FibRow(
        direction=leg.direction,
        swing_high=max(leg.start_price, leg.end_price),
        swing_low=min(leg.start_price, leg.end_price),
        levels=dict(levels),
    )


def indicators_row(indicators: IndicatorSet) -> IndicatorsRow:
    """Values at the last bar."""
    close = last(indicators.close)
    year = int(min(indicators.bars_per_year, indicators.close.size))
    bands = indicators.bollinger
    upper, middle, lower = last(bands.upper), last(bands.middle), last(bands.lower)
    average_volume = _mean_of_last(indicators.volume, 20)
    return IndicatorsRow(
        sma20=last(indicators.sma20),
        sma50=last(indicators.sma50),
        sma200=last(indicators.sma200),
        ema9=last(indicators.ema9),
        ema20=last(indicators.ema20),
        rsi14=last(indicators.rsi14),
        atr14=last(indicators.atr14),
        atr_pct=_ratio(100.0 * last(indicators.atr14), close),
        adx14=last(indicators.directional.adx),
        plus_di=last(indicators.directional.plus_di),
        minus_di=last(indicators.directional.minus_di),
        macd=MacdRow(
            line=last(indicators.macd.line),
            signal=last(indicators.macd.signal),
            hist=last(indicators.macd.hist),
        ),
        bollinger=BollingerRow(
            upper=upper,
            middle=middle,
            lower=lower,
            percent_b=_ratio(close - lower, upper - lower),
            width_pct=_ratio(100.0 * (upper - lower), middle),
        ),
        hv10=indicators.hv(10),
        hv20=indicators.hv(20),
        hv30=indicators.hv(30),
        range_volatility20=indicators.range_volatility(20),
        hv60=indicators.hv(60),
        return21_pct=_return_pct(indicators.close, MONTH_BARS),
        high52w=float(indicators.high[-year:].max()) if year else None,
        low52w=float(indicators.low[-year:].min()) if year else None,
        avg_volume20=average_volume,
        dollar_volume20=_mean_of_last(indicators.close * indicators.volume, 20),
    )


def _mean_of_last(values: np.ndarray, n: int) -> float | None:
    return float(np.mean(values[-n:])) if values.size >= n else None


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0 else None


def _return_pct(close: np.ndarray, n: int) -> float | None:
    return float(100.0 * (close[-1] / close[-1 - n] - 1.0)) if close.size > n else None
