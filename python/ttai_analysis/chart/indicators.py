"""Technical indicators in Wilder's conventions, mostly by TA-Lib.

For: series of indicator values; a position without enough bars before it is NaN. Not for: labels.
Conventions: RSI, ATR and DI smooth by 1/n and are seeded with the simple mean of their first n
changes; EMA is seeded with the SMA of its first n values; MACD's signal with its first 9 values;
Bollinger uses the population deviation; HV is the sample deviation of log returns, annualised.
TA-Lib's own ADX seeds its sums one bar short, so directional movement is computed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import talib

from ttai_analysis.providers.base import FloatArray


@dataclass(frozen=True, slots=True)
class Directional:
    """Wilder's directional movement: +DI, -DI, DX and ADX, each 0..100."""

    plus_di: FloatArray
    minus_di: FloatArray
    dx: FloatArray
    adx: FloatArray


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line, signal and histogram in price units."""

    line: FloatArray
    signal: FloatArray
    hist: FloatArray


@dataclass(frozen=True, slots=True)
class Bollinger:
    """Bands about the simple mean."""

    upper: FloatArray
    middle: FloatArray
    lower: FloatArray


def sma(values: FloatArray, n: int) -> FloatArray:
    """Simple moving average."""
    return _or_nan(values, n, lambda: talib.SMA(values, n))


def ema(values: FloatArray, n: int) -> FloatArray:
    """Exponential moving average, seeded with the SMA of the first n values."""
    return _or_nan(values, n, lambda: talib.EMA(values, n))


def rsi(close: FloatArray, n: int = 14) -> FloatArray:
    """Wilder's relative strength index, first value at index n."""
    return _or_nan(close, n + 1, lambda: talib.RSI(close, n))


def true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """The true range; at index 0 it is unknown (NaN)."""
    return _or_nan(close, 2, lambda: talib.TRANGE(high, low, close))


def atr(high: FloatArray, low: FloatArray, close: FloatArray, n: int = 14) -> FloatArray:
    """Wilder's average true range, seeded with the mean of TR[1..n]."""
    return _or_nan(close, n + 1, lambda: talib.ATR(high, low, close, n))


def bollinger(close: FloatArray, n: int = 20, k: float = 2.0) -> Bollinger:
    """Bands k population deviations about SMA(n)."""
    if close.size < n:
        blank = np.full(close.size, np.nan)
        return Bollinger(blank, blank, blank)
    upper, middle, lower = talib.BBANDS(close, n, k, k)
    return Bollinger(upper, middle, lower)


def macd(close: FloatArray, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """EMA(fast) - EMA(slow) and its EMA(signal); the first signal is at slow + signal - 2."""
    line = ema(close, fast) - ema(close, slow)
    smooth = np.full(close.size, np.nan)
    smooth[slow - 1 :] = ema(line[slow - 1 :], signal)
    return Macd(line, smooth, line - smooth)


def directional(high: FloatArray, low: FloatArray, close: FloatArray, n: int = 14) -> Directional:
    """Wilder (1978): +DM counts when up > down and up > 0; first DI at n, first ADX at 2n - 1."""
    up = np.diff(high, prepend=np.nan)
    down = -np.diff(low, prepend=np.nan)
    plus = np.where((up > down) & (up > 0.0), up, 0.0)
    minus = np.where((down > up) & (down > 0.0), down, 0.0)
    span = wilder(true_range(high, low, close), n, start=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        plus_di = 100.0 * wilder(plus, n, start=1) / span
        minus_di = 100.0 * wilder(minus, n, start=1) / span
        total = plus_di + minus_di
        dx = np.where(total > 0.0, 100.0 * np.abs(plus_di - minus_di) / total, 0.0)
    dx[np.isnan(total)] = np.nan
    return Directional(plus_di, minus_di, dx, wilder(dx, n, start=n))


def wilder(values: FloatArray, n: int, *, start: int) -> FloatArray:
    """Wilder's smoothing of values[start:], seeded with the mean of its first n."""
    smooth = np.full(values.size, np.nan)
    first = start + n - 1
    if values.size <= first:
        return smooth
    level = float(np.mean(values[start : first + 1]))
    smooth[first] = level
    for index, value in enumerate(values[first + 1 :].tolist(), first + 1):
        level += (value - level) / n
        smooth[index] = level
    return smooth


def historical_volatility(close: FloatArray, n: int, bars_per_year: float) -> float:
    """Annualised sample deviation of the last n log returns, as a decimal; NaN if too short."""
    if close.size < n + 1:
        return float("nan")
    returns = np.diff(np.log(close[-n - 1 :]))
    return float(np.std(returns, ddof=1) * np.sqrt(bars_per_year))


def range_volatility(
    opens: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    bars_per_year: float,
) -> float:
    """Annualised volatility of the last n bars from their ranges, as a decimal; NaN if too short.

    D. Yang and Q. Zhang, "Drift-independent volatility estimation", Journal of Business 73 (2000):
    the gaps between bars, k of the moves from open to close, 1 - k of the ranges within.
    """
    if close.size < n + 1 or n < 2:
        return float("nan")
    gap = np.log(opens[-n:] / close[-n - 1 : -1])
    move = np.log(close[-n:] / opens[-n:])
    up, down = np.log(high[-n:] / opens[-n:]), np.log(low[-n:] / opens[-n:])
    within = float(np.mean(up * (up - move) + down * (down - move)))
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = np.var(gap, ddof=1) + k * np.var(move, ddof=1) + (1.0 - k) * within
    return float(np.sqrt(max(float(variance), 0.0) * bars_per_year))


class IndicatorSet:
    """The indicators of one series, each computed when first asked for."""

    def __init__(
        self,
        opens: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        bars_per_year: float,
    ) -> None:
        self.open, self.high, self.low, self.close = opens, high, low, close
        self.volume = volume
        self.bars_per_year = bars_per_year

    @cached_property
    def sma20(self) -> FloatArray:
        """SMA of 20 closes."""
        return sma(self.close, 20)

    @cached_property
    def sma50(self) -> FloatArray:
        """SMA of 50 closes."""
        return sma(self.close, 50)

    @cached_property
    def sma200(self) -> FloatArray:
        """SMA of 200 closes."""
        return sma(self.close, 200)

    @cached_property
    def ema9(self) -> FloatArray:
        """EMA of 9 closes."""
        return ema(self.close, 9)

    @cached_property
    def ema20(self) -> FloatArray:
        """EMA of 20 closes."""
        return ema(self.close, 20)

    @cached_property
    def rsi14(self) -> FloatArray:
        """RSI over 14 bars."""
        return rsi(self.close)

    @cached_property
    def atr14(self) -> FloatArray:
        """ATR over 14 bars, in price units."""
        return atr(self.high, self.low, self.close)

    @cached_property
    def directional(self) -> Directional:
        """Directional movement over 14 bars."""
        return directional(self.high, self.low, self.close)

    @cached_property
    def macd(self) -> Macd:
        """MACD 12/26/9."""
        return macd(self.close)

    @cached_property
    def bollinger(self) -> Bollinger:
        """Bollinger bands 20/2."""
        return bollinger(self.close)

    def hv(self, n: int) -> float:
        """Historical volatility over n bars, a decimal."""
        return historical_volatility(self.close, n, self.bars_per_year)

    def range_volatility(self, n: int) -> float:
        """Volatility from the ranges of n bars, a decimal."""
        return range_volatility(self.open, self.high, self.low, self.close, n, self.bars_per_year)


def last(values: FloatArray) -> float:
    """The newest value; NaN for none."""
    return float(values[-1]) if values.size else float("nan")


def _or_nan(values: FloatArray, need: int, compute: Callable[[], FloatArray]) -> FloatArray:
    if values.size < need:
        return np.full(values.size, np.nan)
    return np.asarray(compute(), dtype=np.float64)
