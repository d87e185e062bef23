"""The shapes of /screener/candidates."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ttai_analysis.models.common import (
    MAX_PRICE,
    MAX_VOLUME,
    Answer,
    Model,
    Moment,
    Number,
    Price,
    RequestModel,
    Symbol,
)
from ttai_analysis.models.options import Strategy

USUAL_MAX_PRICE = 100.0

Universe = Literal["stocks", "funds", "all"]
SortKey = Literal["volume", "ivRank", "score", "symbol"]


class Criteria(RequestModel):
    """What a symbol must fulfil. A figure that is not known does not fulfil anything.

    `minPrice` is 10 for cash-secured puts and 5 else, `minVolume` (shares, mean of 20 sessions)
    1,000,000 and 500,000, unless given. `maxPrice` is 100 unless given. Where `symbols` are named,
    prices have no bounds but those that are given. `aboveSma50` is true unless given, but for a
    `bear_call_spread`, which wants a fall. `maxDaysToEarnings` excludes symbols that report
    within so many days, and those whose report is unknown.
    """

    universe: Universe = "stocks"
    symbols: list[Symbol] | None = Field(default=None, min_length=1, max_length=500)
    strategy: Strategy = "csp"
    min_price: float | None = Field(default=None, ge=0, le=MAX_PRICE)
    max_price: Price | None = None
    min_volume: float | None = Field(default=None, ge=0, le=MAX_VOLUME)
    min_market_cap: float = Field(default=1e9, ge=0, le=1e18)
    above_sma50: bool | None = None
    rsi_min: float = Field(default=30.0, ge=0, le=100)
    rsi_max: float = Field(default=70.0, ge=0, le=100)
    min_iv_rank: float | None = Field(default=None, ge=0, le=1)
    max_days_to_earnings: int | None = Field(default=None, ge=0, le=400)
    max_results: int = Field(default=50, ge=1, le=200)
    sort_by: SortKey = "volume"

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "Criteria":
        if self.rsi_min > self.rsi_max:
            raise ValueError("rsiMin must not exceed rsiMax")
        if self.min_price is not None and self.min_price > self.most_price:
            raise ValueError("minPrice must not exceed maxPrice")
        return self

    @property
    def least_price(self) -> float:
        """`minPrice`, or the strategy's usual one: who names symbols wants them whatever they
        cost."""
        if self.min_price is not None:
            return self.min_price
        usual = 10.0 if self.strategy == "csp" else 5.0
        return min(usual, self.most_price) if self.symbols is None else 0.0

    @property
    def most_price(self) -> float:
        """`maxPrice`, or the usual one; no bound where symbols are named."""
        if self.max_price is not None:
            return self.max_price
        return USUAL_MAX_PRICE if self.symbols is None else MAX_PRICE

    @property
    def least_volume(self) -> float:
        """`minVolume`, or the strategy's usual one."""
        if self.min_volume is not None:
            return self.min_volume
        return 1e6 if self.strategy == "csp" else 5e5

    @property
    def wants_above_sma50(self) -> bool:
        """`aboveSma50`, or the strategy's usual one."""
        if self.above_sma50 is not None:
            return self.above_sma50
        return self.strategy != "bear_call_spread"


class ScreenerRequest(Criteria):
    """The criteria themselves, or `{criteria: {...}}`; never both."""

    criteria: Criteria | None = None
    as_of: Moment | None = None

    @model_validator(mode="after")
    def _not_both(self) -> "ScreenerRequest":
        beside = self.model_fields_set - {"criteria", "as_of"}
        if self.criteria is not None and beside:
            raise ValueError("give the criteria themselves or under 'criteria', not both")
        return self

    @property
    def wanted(self) -> Criteria:
        """The criteria, wherever they stood."""
        return self.criteria or self


class ScreenedRow(Model):
    """One symbol that was looked at; `failed` names the criteria that it does not fulfil.

    Figures are fetched only while the cheap criteria pass: who fails universe, market
    capitalisation or IV rank has no price and no score, and who fails any has `daysToEarnings` only
    where that is a criterion.
    """

    symbol: str
    price: Annotated[Number, Field(description="Close of the last completed session")]
    volume: Annotated[Number, Field(description="Shares, mean of the last 20 sessions")]
    market_cap: Number
    rsi14: Number
    sma50: Number
    iv_rank: Number
    days_to_earnings: int | None
    score: Number
    failed: list[str]


class ScreenerAnswer(Answer):
    """The answer with `?detail=true`. `failedCounts`: how many symbols each criterion stopped
    first; `rows`: those that passed, in order, then the others by symbol; `evidence`: what the
    first symbol earns by each rule of the score, 0..1 of its weight."""

    symbols: list[str]
    rows: list[ScreenedRow]
    universe_size: int
    failed_counts: dict[str, int]


CandidateList = Annotated[list[str], Field(description="Symbols, best first")]
