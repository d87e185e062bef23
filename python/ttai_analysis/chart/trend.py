"""Direction, quality and extension of a trend.

For: three labels from a series and its indicators. Not for: the recommendation (verdict.py).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttai_analysis.chart.indicators import IndicatorSet, last
from ttai_analysis.chart.swings import Swing

Direction = Literal["up", "down", "sideways"]
Quality = Literal["strong", "moderate", "weak"]
Risk = Literal["low", "moderate", "high"]

FULL_HISTORY = 200
SLOPE_BARS = 20
FIT_BARS = 63
STRONG_ADX, STRONG_FIT = 25.0, 0.6
MODERATE_ADX, MODERATE_FIT = 20.0, 0.3
HIGH_STRETCH, MODERATE_STRETCH = 3.0, 2.0
HIGH_RSI, MODERATE_RSI = 75.0, 70.0


@dataclass(frozen=True, slots=True)
class Trend:
    """The labels with the figures behind them; stretches are in ATR."""

    direction: Direction
    quality: Quality
    extension: Risk
    adx: float
    fit: float
    swing_agreement: int
    stretch20: float
    stretch50: float
    reduced_history: bool


def assess_trend(
    indicators: IndicatorSet, swings: list[Swing], *, support_within_move: bool
) -> Trend:
    """The trend at the last bar."""
    close = float(indicators.close[-1])
    direction, reduced = _direction(indicators, close)
    adx = last(indicators.directional.adx)
    fit = log_fit(indicators.close)
    agreement = swing_agreement(swings, direction)
    atr = last(indicators.atr14)
    stretch20 = (close - last(indicators.sma20)) / atr if atr > 0 else float("nan")
    stretch50 = (close - last(indicators.sma50)) / atr if atr > 0 else float("nan")
    return Trend(
        direction=direction,
        quality=_quality(adx, fit, agreement),
        extension=_extension(stretch20, last(indicators.rsi14), support_within_move),
        adx=adx,
        fit=fit,
        swing_agreement=agreement,
        stretch20=stretch20,
        stretch50=stretch50,
        reduced_history=reduced,
    )


def _direction(indicators: IndicatorSet, close: float) -> tuple[Direction, bool]:
    """Up: C > SMA50 > SMA200 and SMA50 rising over 20 bars; with fewer than 200 bars EMA20 and
    SMA50 stand in for SMA50 and SMA200."""
    reduced = indicators.close.size < FULL_HISTORY
    fast = indicators.ema20 if reduced else indicators.sma50
    slow = indicators.sma50 if reduced else indicators.sma200
    if fast.size <= SLOPE_BARS or np.isnan(slow[-1]) or np.isnan(fast[-1 - SLOPE_BARS]):
        return "sideways", True
    now, before, base = float(fast[-1]), float(fast[-1 - SLOPE_BARS]), float(slow[-1])
    if close > now > base and now > before:
        return "up", reduced
    if close < now < base and now < before:
        return "down", reduced
    return "sideways", reduced


def log_fit(close: np.ndarray) -> float:
    """R squared of a straight line through the last 63 log closes; NaN if there are fewer."""
    if close.size < FIT_BARS:
        return float("nan")
    y = np.log(close[-FIT_BARS:])
    x = np.arange(FIT_BARS) - (FIT_BARS - 1) / 2.0
    centred = y - y.mean()
    total = float(centred @ centred)
    if total == 0.0:
        return 0.0
    return float((x @ centred) ** 2 / (float(x @ x) * total))


def swing_agreement(swings: list[Swing], direction: Direction) -> int:
    """Of the last three pairs of highs and of lows, how many agree with the direction."""
    if direction == "sideways":
        return 0
    highs = [swing.price for swing in swings if swing.kind == "high"][-4:]
    lows = [swing.price for swing in swings if swing.kind == "low"][-4:]
    sign = 1.0 if direction == "up" else -1.0
    pairs = min(len(highs), len(lows)) - 1
    return sum(
        sign * (highs[-1 - i] - highs[-2 - i]) > 0 and sign * (lows[-1 - i] - lows[-2 - i]) > 0
        for i in range(max(0, pairs))
    )


def _quality(adx: float, fit: float, agreement: int) -> Quality:
    if adx >= STRONG_ADX and fit >= STRONG_FIT and agreement >= 2:
        return "strong"
    return "moderate" if adx >= MODERATE_ADX or fit >= MODERATE_FIT else "weak"


def _extension(stretch20: float, rsi: float, support_within_move: bool) -> Risk:
    if stretch20 > HIGH_STRETCH or rsi > HIGH_RSI or not support_within_move:
        return "high"
    return "moderate" if stretch20 > MODERATE_STRETCH or rsi > MODERATE_RSI else "low"
