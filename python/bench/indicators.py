"""All indicators of many symbols: ours, TA-Lib alone, and what bare numpy needs for its share.

For: computing time in this process. Not for: levels and verdicts (the chart over HTTP has those).
"""

import numpy as np
import talib

from bench.timing import Figures, best_of
from ttai_analysis.chart.indicators import IndicatorSet
from ttai_analysis.providers.base import FloatArray

BARS = 250
Bars = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]


def measure(symbols: int, repeats: int) -> Figures:
    """Milliseconds for all symbols together."""
    market = [_bars(seed) for seed in range(symbols)]
    closes = np.stack([close for _, _, _, close, _ in market])
    return {
        "symbols": symbols,
        "bars": BARS,
        "oursMs": round(best_of(lambda: [_ours(bars) for bars in market], repeats), 2),
        "taLibAloneMs": round(best_of(lambda: [_ta_lib(bars) for bars in market], repeats), 2),
        "numpyLowerBoundMs": round(best_of(lambda: _lower_bound(closes), repeats), 2),
    }


def _bars(seed: int) -> Bars:
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.015, BARS)))
    spread = close * generator.uniform(0.002, 0.02, BARS)
    opens = close + spread * generator.uniform(-1.0, 1.0, BARS)
    return opens, close + spread, close - spread, close, generator.uniform(1e6, 2e6, BARS)


def _ours(bars: Bars) -> object:
    found = IndicatorSet(*bars, 252.0)
    return (
        found.sma20, found.sma50, found.sma200, found.ema9, found.ema20, found.rsi14, found.atr14,
        found.directional, found.macd, found.bollinger, found.hv(20), found.hv(60),
    )  # fmt: skip


def _ta_lib(bars: Bars) -> object:
    _, high, low, close, _ = bars
    averages = [talib.SMA(close, n) for n in (20, 50, 200)] + [talib.EMA(close, n) for n in (9, 20)]
    adx = [kind(high, low, close, 14) for kind in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)]
    rest = (talib.RSI(close, 14), talib.ATR(high, low, close, 14), talib.MACD(close, 12, 26, 9))
    return averages, adx, rest, talib.BBANDS(close, 20, 2.0, 2.0), talib.STDDEV(close, 20)


def _lower_bound(closes: FloatArray) -> object:
    """Every symbol in one array: three SMAs by running sums, two deviations by running squares,
    and one pass over all bars for each of the ten smoothings; nothing is checked or seeded."""
    sums = np.cumsum(closes, axis=1)
    averages = [(sums[:, n:] - sums[:, :-n]) / n for n in (20, 50, 200)]
    squares = np.cumsum(closes * closes, axis=1)
    deviations = [np.sqrt(np.abs(squares[:, n:] - squares[:, :-n])) for n in (20, 60)]
    smoothed = np.repeat(closes[:, :1], 10, axis=1)
    for bar in range(1, closes.shape[1]):
        smoothed = smoothed + (closes[:, bar : bar + 1] - smoothed) * 0.1
    return averages, deviations, smoothed
