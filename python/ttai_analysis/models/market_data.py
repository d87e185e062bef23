"""Bars and quotes: the shapes of /market-data and /quotes."""

from datetime import date
from typing import Annotated

from pydantic import Field

from ttai_analysis.models.common import Answer, Count, Model, Moment, Number, RequestModel, Symbol
from ttai_analysis.providers.base import MarketSession, Timeframe


class MarketDataRequest(RequestModel):
    """`period` defaults to 1y (200-day averages need it), for five-minute bars to 5d."""

    symbol: Symbol
    timeframe: Timeframe = "daily"
    period: str | None = None
    adjusted: bool = True
    as_of: Moment | None = None


class Bar(Model):
    """`timestamp`: epoch seconds of the bar's start. `volume` is a part of a share where a split
    made it so."""

    timestamp: int
    open: float
    high: float
    low: float
    close: float
    volume: int | float


class SplitRow(Model):
    """`numerator` new shares for `denominator` old ones."""

    day: date = Field(serialization_alias="date")
    numerator: float
    denominator: float


class DividendRow(Model):
    """Cash per share."""

    ex_date: date
    amount: float


class MarketData(Answer):
    """Completed bars, oldest first, and the last price."""

    symbol: str
    timeframe: Timeframe
    interval: str
    currency: str
    timezone: str
    bars: list[Bar]
    adj_close: list[float] | None
    splits: list[SplitRow]
    dividends: list[DividendRow]
    last_price: Number
    last_price_at: Moment | None
    market_state: MarketSession | None


class QuotesRequest(RequestModel):
    """Up to 500 symbols."""

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=500)]
    as_of: Moment | None = None


class QuoteRow(Model):
    """One quote; `price` is the last trade. `ageSeconds` is counted from the answer's clock."""

    price: Number
    bid: Number
    ask: Number
    mid: Number
    last: Number
    volume: Count
    prev_close: Number
    change_pct: Number
    as_of: Moment
    age_seconds: Number
    stale: bool
    source: str
    session: MarketSession


class QuotesMeta(Answer):
    """`_meta` of /quotes, given with `?meta=true` only, for callers iterate over the keys."""

    missing_symbols: list[str]
