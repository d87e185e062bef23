"""The shapes of /option-chain."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ttai_analysis.models.common import (
    Answer,
    Count,
    Model,
    Moment,
    Number,
    Price,
    RequestModel,
    Symbol,
)
from ttai_analysis.models.options import Liquidity


def _right(told: str) -> str:
    return {"C": "call", "P": "put"}.get(told, told)


class OptionChainRequest(RequestModel):
    """Which contracts to show; without bounds all of them. Days to expiry are calendar days."""

    symbol: Symbol
    right: Annotated[
        Literal["call", "put", "both", "C", "P"],
        AfterValidator(_right),
    ] = "both"
    dte_min: int = Field(default=0, ge=0, le=1100)
    dte_max: int = Field(default=60, ge=0, le=1100)
    min_strike: Price | None = None
    max_strike: Price | None = None
    as_of: Moment | None = None

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "OptionChainRequest":
        if self.dte_min > self.dte_max:
            raise ValueError("dteMin must not exceed dteMax")
        if self.min_strike and self.max_strike and self.min_strike > self.max_strike:
            raise ValueError("minStrike must not exceed maxStrike")
        return self


class ContractRow(Model):
    """One contract. Prices per share; greeks are those of the option, not of its seller; what the
    quotes do not tell is null."""

    expiration: date
    dte: int
    strike: Number
    right: Literal["call", "put"]
    bid: Number
    ask: Number
    mid: Number
    spread_pct: Number
    open_interest: Count
    volume: Count
    liquidity: Liquidity
    iv: Number
    delta: Number
    gamma: Number
    theta_per_day: Number
    vega_per_point: Number
    prob_itm: Number
    prob_touch: Number


class ExpirationRow(Model):
    """One expiry: its forward and the volatility at the money, and by that one deviation in dollars
    to the minute at which it ends."""

    expiration: date
    dte: int
    forward: Number
    forward_from_parity: bool
    at_the_money_iv: Number
    expected_move: Number
    contracts: int


class OptionChainAnswer(Answer):
    """A chain by expiry, strike and right. It can be sent on as `optionChain` of
    /analyze/options."""

    symbol: str
    source: str
    underlying_price: Number
    rate: Number
    expirations: list[ExpirationRow]
    options: list[ContractRow]
