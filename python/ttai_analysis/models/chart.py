"""The shapes of /analyze/chart."""

from typing import Literal

from pydantic import Field, model_validator

from ttai_analysis.models.common import (
    MAX_EPOCH,
    Answer,
    Model,
    Moment,
    Number,
    RequestModel,
    SentQuality,
    Symbol,
    of_the_same_symbol,
)
from ttai_analysis.models.options import Strategy
from ttai_analysis.providers.base import Timeframe

Recommendation = Literal["bullish", "bearish", "neutral", "reject"]
Direction = Literal["up", "down", "sideways"]
Strength = Literal["strong", "moderate", "weak"]
Risk = Literal["low", "moderate", "high"]


class InputBar(Model):
    """A bar as a caller sends it; every number may be missing or text."""

    timestamp: int = Field(ge=0, le=MAX_EPOCH)
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None


class InputMarketData(Model):
    """An answer of /market-data, or just its bars."""

    symbol: Symbol | None = None
    bars: list[InputBar] = Field(max_length=20_000)
    timeframe: Timeframe | None = None
    adjusted: bool | None = None
    as_of: Moment | None = None
    source: str | None = None
    quality: SentQuality | None = None


class ChartOptions(RequestModel):
    """`swing_k`: bars on each side of a swing; `levels`: how many to report per side."""

    swing_k: int | None = Field(default=None, ge=1, le=20)
    levels: int = Field(default=5, ge=1, le=20)


class ChartRequest(RequestModel):
    """Without `marketData` the provider's bars are used. `strategy`: what is to be sold on it; a
    strong downtrend, or no support nearby, does not reject a `bear_call_spread`."""

    symbol: Symbol
    market_data: InputMarketData | None = None
    timeframe: Timeframe | None = None
    strategy: Strategy = "csp"
    options: ChartOptions = Field(default_factory=ChartOptions)
    as_of: Moment | None = None

    @model_validator(mode="after")
    def _one_symbol(self) -> "ChartRequest":
        data = self.market_data
        of_the_same_symbol(self.symbol, data.symbol if data else None, "marketData")
        return self


class LevelRow(Model):
    """A zone of support or resistance; distances from the last close, positive on its side.
    `weight` is what its touches come to, each fading with age and counting more on high volume."""

    price: Number
    low: Number
    high: Number
    strength: Strength
    type: str
    touches: int
    weight: Number
    last_touch: int | None
    distance_pct: Number
    distance_atr: Number


class ConfluenceRow(Model):
    """A price at which independent sources agree."""

    price: Number
    levels: list[str]


class FibRow(Model):
    """Retracements of the last major leg."""

    direction: Literal["up", "down"]
    swing_high: Number
    swing_low: Number
    levels: dict[str, Number]


class MacdRow(Model):
    """MACD 12/26/9."""

    line: Number
    signal: Number
    hist: Number


class BollingerRow(Model):
    """Bollinger bands 20/2, population deviation."""

    upper: Number
    middle: Number
    lower: Number
    percent_b: Number
    width_pct: Number


class IndicatorsRow(Model):
    """Values at the last bar; null where there are too few bars. `hv` from closes,
    `rangeVolatility20` from the ranges of 20 bars (Yang and Zhang); decimals a year."""

    sma20: Number
    sma50: Number
    sma200: Number
    ema9: Number
    ema20: Number
    rsi14: Number
    atr14: Number
    atr_pct: Number
    adx14: Number
    plus_di: Number
    minus_di: Number
    macd: MacdRow
    bollinger: BollingerRow
    hv10: Number
    hv20: Number
    hv30: Number
    range_volatility20: Number
    hv60: Number
    return21_pct: Number
    high52w: Number
    low52w: Number
    avg_volume20: Number
    dollar_volume20: Number


class ChartAnalysis(Answer):
    """What the chart says: labels as context, not as an edge (see the README)."""

    symbol: str
    recommendation: Recommendation
    trend_direction: Direction
    trend_quality: Strength
    support_levels: list[LevelRow]
    resistance_levels: list[LevelRow]
    fib_confluence_zones: list[ConfluenceRow]
    fib: FibRow | None
    extension_risk: Risk
    indicators: IndicatorsRow
    score: Number
    chart_notes: str
    reject_reasons: list[str]
    tool_calls_made: int = 0
