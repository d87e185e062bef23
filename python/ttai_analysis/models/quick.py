"""The shapes of /analyze/quick."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from ttai_analysis.models.common import (
    Answer,
    ItemError,
    Moment,
    Number,
    RequestModel,
    Symbol,
)
from ttai_analysis.models.options import Strategy


class QuickRequest(RequestModel):
    """Chart and options in one call, on the provider's data."""

    symbol: Symbol
    strategy: Strategy = "csp"
    as_of: Moment | None = None


class QuickAnalysis(Answer):
    """A first look; `score` is the mean of the chart's and the option's."""

    symbol: str
    recommendation: Literal["select", "neutral", "reject"]
    score: Number
    price: Number
    iv_rank: Number
    weekly_roc_pct: Number
    best_strike: Number
    best_expiration: date | None
    delta: Number
    reasons: list[str]


class QuickBatchRequest(RequestModel):
    """The same for up to 100 symbols."""

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=100)]
    strategy: Strategy = "csp"
    as_of: Moment | None = None


class QuickBatch(Answer):
    """Results and errors by symbol; each symbol that was asked is in one of them."""

    results: dict[str, QuickAnalysis]
    errors: dict[str, ItemError]
